/**
 * The event RESTlet: the one place that the User Event hands events to. It signs, calls the hub's ingest URL, and
 * answers what became of the event. Asked to, it sends what waits in the outbox.
 *
 *     {"event":{…}}        → {"outcome":"taken"|"refused"|"failed","status":202,"error":"…"}
 *     {"action":"drain"}   → {"taken":12,"refused":0,"failed":1}
 *
 * @NApiVersion 2.1
 * @NScriptType Restlet
 * @NModuleScope SameAccount
 */
define(['N/error', 'N/log', './lib/budget', './lib/ingest', './lib/outbox', './lib/settings'], /**
 * @param {import('N/error')} error
 * @param {import('N/log')} log
 * @param {BudgetModule} budget
 * @param {IngestModule} ingest
 * @param {OutboxModule} outbox
 * @param {SettingsModule} settings
 */ (error, log, budget, ingest, outbox, settings) => {
    /**
     * @param {any} body
     * @returns {Sent | Drained}
     */
    function post(body) {
        if (body && body.action === 'drain') return drain();
        if (body && body.event && body.event.eventId) return ingest.send(body.event, settings.ingest('event'));
        const message = 'The body must hold an event, or the action drain';
        throw error.create({ name: 'SSS_INVALID_REQUEST_BODY', message, notifyOff: true });
    }

    /** A hub that asks each minute need not wait for the outbox script, which NetSuite starts every 15 at best. */
    function drain() {
        const allowance = budget.begin();
        const total = { taken: 0, refused: 0, failed: 0 };
        for (const ids of byRecord(outbox.waiting()).values()) {
            if (!allowance.allowsMore()) break;
            const drained = sent(ids, allowance);
            total.taken += drained.taken;
            total.refused += drained.refused;
            total.failed += drained.failed;
        }
        return total;
    }

    /**
     * One record's rows. Trouble with them must not keep the other records' from being sent.
     *
     * @param {string[]} ids
     * @param {Budget} allowance
     * @returns {Drained}
     */
    function sent(ids, allowance) {
        try {
            return outbox.drain(ids, settings.ingest('event'), allowance);
        } catch (caught) {
            log.error({ title: 'outbox rows not sent', details: caught });
            return { taken: 0, refused: 0, failed: 1 };
        }
    }

    /** @param {Waiting[]} rows */
    function byRecord(rows) {
        /** @type {Map<string, string[]>} */
        const groups = new Map();
        for (const { id, about } of rows) groups.set(about, [...(groups.get(about) ?? []), id]);
        return groups;
    }

    return { post };
});
