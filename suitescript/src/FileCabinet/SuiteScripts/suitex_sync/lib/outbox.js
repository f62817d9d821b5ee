/**
 * Events that wait to be sent: one row each, written in the user's save and deleted when the hub has the event.
 *
 * @NApiVersion 2.1
 */
define(['N/record', 'N/search', './ingest', './refusal'], /**
 * @param {import('N/record')} record
 * @param {import('N/search')} search
 * @param {IngestModule} ingest
 * @param {RefusalModule} refusal
 */ (record, search, ingest, refusal) => {
    const TYPE = 'customrecord_sx_outbox';
    const EVENT = 'custrecord_sx_outbox_event';
    const ABOUT = 'custrecord_sx_outbox_about';
    const ATTEMPTS = 'custrecord_sx_outbox_attempts';
    const ERROR = 'custrecord_sx_outbox_error';

    /** A row that failed so often is left to people; the poller has long told the hub of the record. */
    const ATTEMPTS_MAX = 50;
    const PAGE = 1000;
    const PAGES_MAX = 10;
    /** Longest text that a row's field takes. */
    const EVENT_CHARS_MAX = 1000000;
    const ERROR_CHARS_MAX = 3900;

    /**
     * @param {SyncEvent} event
     * @param {string} [error] why it could not be handed over at once
     */
    function put(event, error) {
        const row = record.create({ type: TYPE });
        row.setValue({ fieldId: 'name', value: event.eventId });
        row.setValue({ fieldId: ABOUT, value: `${event.recordType}:${event.recordId}` });
        row.setValue({ fieldId: EVENT, value: text(event) });
        row.setValue({ fieldId: ATTEMPTS, value: 0 });
        if (error) row.setValue({ fieldId: ERROR, value: error.slice(0, ERROR_CHARS_MAX) });
        row.save();
    }

    /**
     * Old values are evidence for people: an event that is too long goes without them.
     *
     * @param {SyncEvent} event
     */
    function text(event) {
        const whole = JSON.stringify(event);
        if (whole.length <= EVENT_CHARS_MAX) return whole;
        return JSON.stringify({ ...event, payload: { changes: event.payload.changes, previous: {} } });
    }

    /**
     * The rows that wait, oldest first, with the record that each is about.
     *
     * @returns {Waiting[]}
     */
    function waiting() {
        const filters = [[ATTEMPTS, 'lessthan', ATTEMPTS_MAX]];
        const columns = [search.createColumn({ name: 'internalid', sort: search.Sort.ASC }), ABOUT];
        const results = search.create({ type: TYPE, filters, columns: /** @type {any} */ (columns) }).run();
        /** @type {Waiting[]} */
        const rows = [];
        for (let page = 0; page < PAGES_MAX; page += 1) {
            const range = results.getRange({ start: page * PAGE, end: (page + 1) * PAGE });
            rows.push(...range.map((row) => ({ id: String(row.id), about: String(row.getValue(ABOUT)) })));
            if (range.length < PAGE) break;
        }
        return rows;
    }

    /**
     * Sends one record's rows, oldest first. One that the hub refuses is kept for people and passed over; one that did
     * not get through holds back those behind it, for their order matters.
     *
     * @param {string[]} ids
     * @param {IngestSettings} settings
     * @param {Budget} allowance
     * @returns {Drained}
     */
    function drain(ids, settings, allowance) {
        const drained = { taken: 0, refused: 0, failed: 0 };
        for (const id of [...ids].sort((a, b) => Number(a) - Number(b))) {
            if (!allowance.allowsMore()) break;
            const row = load(id);
            if (!row) continue;
            const attempts = Number(row.getValue({ fieldId: ATTEMPTS })) || 0;
            const sent = resend(String(row.getValue({ fieldId: EVENT })), settings, attempts + 1);
            drained[sent.outcome] += 1;
            if (sent.outcome === 'taken') {
                forget(id);
                continue;
            }
            row.setValue({ fieldId: ATTEMPTS, value: attempts + 1 });
            row.setValue({ fieldId: ERROR, value: String(sent.error).slice(0, ERROR_CHARS_MAX) });
            row.save();
            if (sent.outcome === 'failed') break;
        }
        return drained;
    }

    /**
     * A row; none where another run, which the hub asked for meanwhile, has sent and deleted it.
     *
     * @param {string} id
     */
    function load(id) {
        try {
            return record.load({ type: TYPE, id });
        } catch (caught) {
            if (refusal.isMissing(caught)) return undefined;
            throw caught;
        }
    }

    /**
     * Deletes a row that was sent; that another run did so is as good.
     *
     * @param {string} id
     */
    function forget(id) {
        try {
            record.delete({ type: TYPE, id });
        } catch (caught) {
            if (!refusal.isMissing(caught)) throw caught;
        }
    }

    /**
     * @param {string} stored
     * @param {IngestSettings} settings
     * @param {number} attempt
     * @returns {Sent}
     */
    function resend(stored, settings, attempt) {
        try {
            return ingest.send(JSON.parse(stored), settings, attempt);
        } catch (_) {
            return { outcome: 'refused', error: 'the row does not hold an event' };
        }
    }

    return { put, waiting, drain };
});
