/**
 * What one run may spend: governance units and time. Running out of either ends a script in the middle of a write.
 *
 * @NApiVersion 2.1
 */
define(['N/runtime'], /** @param {import('N/runtime')} runtime */ (runtime) => {
    /** Below so many units nothing more is started: the dearest write, overtaken three times, takes about 100. */
    const UNITS_RESERVED = 300;
    /** NetSuite ends a RESTlet after 300 s, and the account's own scripts take their time within our saves. */
    const WORK_MS_MAX = 200000;

    /** @returns {Budget} */
    function begin() {
        const started = Date.now();
        const remaining = () => runtime.getCurrentScript().getRemainingUsage();
        return {
            allowsMore: () => remaining() >= UNITS_RESERVED && Date.now() - started <= WORK_MS_MAX,
            remaining,
        };
    }

    return { begin };
});
