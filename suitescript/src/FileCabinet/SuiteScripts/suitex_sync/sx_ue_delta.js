/**
 * The User Event: tells the hub what a save changed. It never fails a save, and by default never calls out of it.
 *
 * In mode `outbox` (the default) the event becomes a row that the outbox script sends. In mode `direct` it is handed to
 * the event RESTlet at once, and becomes a row only when that fails; the user then waits for the hub's answer, at worst
 * for the 45 s that N/https allows and nobody can shorten. When even the row cannot be written the event is given up:
 * the poller finds the change.
 *
 * @NApiVersion 2.1
 * @NScriptType UserEventScript
 * @NModuleScope SameAccount
 */
define(['N/https', 'N/log', './lib/event', './lib/outbox', './lib/settings'], /**
 * @param {import('N/https')} https
 * @param {import('N/log')} log
 * @param {EventModule} event
 * @param {OutboxModule} outbox
 * @param {SettingsModule} settings
 */ (https, log, event, outbox, settings) => {
    /** @param {SaveContext} context */
    function afterSubmit(context) {
        try {
            const { mode, accountId } = settings.userEvent();
            const told = event.of(context, accountId);
            if (told) handOver(told, mode);
        } catch (caught) {
            complain(caught);
        }
    }

    /**
     * @param {SyncEvent} told
     * @param {string} mode
     */
    function handOver(told, mode) {
        const problem = mode === 'direct' ? problemOfSending(told) : undefined;
        if (mode !== 'direct' || problem !== undefined) outbox.put(told, problem);
    }

    /**
     * Undefined when the hub has the event.
     *
     * @param {SyncEvent} told
     * @returns {string | undefined}
     */
    function problemOfSending(told) {
        try {
            const response = https.requestRestlet({
                scriptId: 'customscript_sx_rl_event',
                deploymentId: 'customdeploy_sx_rl_event',
                method: 'POST',
                headers: { 'content-type': 'application/json' },
                body: JSON.stringify({ event: told }),
            });
            const sent = response.code === 200 ? JSON.parse(response.body) : {};
            return sent.outcome === 'taken' ? undefined : String(sent.error || `event RESTlet: HTTP ${response.code}`);
        } catch (caught) {
            return String((caught && /** @type {any} */ (caught).message) || caught);
        }
    }

    /** @param {unknown} caught */
    function complain(caught) {
        try {
            log.error({ title: 'change not told, the poller will find it', details: caught });
        } catch (_) {
            // The save matters more than our complaint about it.
        }
    }

    return { afterSubmit };
});
