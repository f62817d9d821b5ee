/**
 * What an administrator sets: script parameters of the script that runs.
 *
 * @NApiVersion 2.1
 */
define(['N/runtime'], /** @param {import('N/runtime')} runtime */ (runtime) => {
    /** @param {string} name */
    function parameter(name) {
        const value = runtime.getCurrentScript().getParameter({ name });
        return value === null || value === undefined ? '' : String(value);
    }

    /**
     * A parameter belongs to one script, so each has its own under its own prefix.
     *
     * @param {'event' | 'outbox'} script
     * @returns {IngestSettings}
     */
    function ingest(script) {
        return { url: parameter(`custscript_sx_${script}_url`), keyId: parameter(`custscript_sx_${script}_key`) };
    }

    /** @returns {{ mode: string, accountId: string }} */
    function userEvent() {
        return { mode: parameter('custscript_sx_delta_mode'), accountId: parameter('custscript_sx_delta_account') };
    }

    return { ingest, userEvent };
});
