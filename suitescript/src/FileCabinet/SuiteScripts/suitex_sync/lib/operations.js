/**
 * The operations that were carried out: one row each, under the operation's id.
 *
 * The row is written after the save, and a crash between the two loses it. Nothing is doubled by that: an update finds
 * its own stamp in the record, a create finds its external id, a delete finds the record deleted. A row written before
 * the save would say no more, and cost every write a second one.
 *
 * @NApiVersion 2.1
 */
define(['N/log', 'N/record', 'N/search'], /**
 * @param {import('N/log')} log
 * @param {import('N/record')} record
 * @param {import('N/search')} search
 */ (log, record, search) => {
    const TYPE = 'customrecord_sx_idem';
    const ROWS_MAX = 1000;

    /** NetSuite's word for a day. The hub settles a write within minutes; a month leaves room for any outage. */
    const KEPT_SINCE = 'thirtydaysago';
    /** At 4 units each: a fifth of what a summary may spend. */
    const FORGOTTEN_MAX = 500;

    /**
     * The rows of these operations, by operation.
     *
     * @param {string[]} operations
     * @returns {Map<string, Operation>}
     */
    function find(operations) {
        /** @type {Map<string, Operation>} */
        const found = new Map();
        if (operations.length === 0) return found;
        const columns = ['name', 'custrecord_sx_idem_type', 'custrecord_sx_idem_record'];
        const rows = search
            .create({ type: TYPE, filters: [['externalid', 'anyof', operations]], columns })
            .run()
            .getRange({ start: 0, end: ROWS_MAX });
        for (const row of rows) {
            const [operation, type, id] = columns.map((column) => String(row.getValue(column)));
            found.set(operation, { row: String(row.id), type, id });
        }
        return found;
    }

    /**
     * What the record held right after the operation's save; nothing after a deletion. Searches cut long text short,
     * so the row itself is read.
     *
     * @param {Operation} operation
     * @returns {Record<string, Wire>}
     */
    function held(operation) {
        if (!operation.row) return operation.held ?? {};
        const row = record.load({ type: TYPE, id: operation.row });
        const text = row.getValue({ fieldId: 'custrecord_sx_idem_held' });
        return text ? JSON.parse(String(text)) : {};
    }

    /**
     * Writes the row. That it could not be written must not make a done write look undone: it is logged.
     *
     * @param {string} operation
     * @param {{ type: string, id: string, held?: Record<string, Wire> }} done
     * @returns {Operation}
     */
    function remember(operation, { type, id, held }) {
        try {
            const row = record.create({ type: TYPE });
            row.setValue({ fieldId: 'name', value: operation });
            row.setValue({ fieldId: 'externalid', value: operation });
            row.setValue({ fieldId: 'custrecord_sx_idem_type', value: type });
            row.setValue({ fieldId: 'custrecord_sx_idem_record', value: id });
            row.setValue({ fieldId: 'custrecord_sx_idem_outcome', value: 'applied' });
            if (held) row.setValue({ fieldId: 'custrecord_sx_idem_held', value: JSON.stringify(held) });
            row.save();
        } catch (caught) {
            log.error({ title: `operation ${operation} was carried out, its row was not written`, details: caught });
        }
        return { type, id, held };
    }

    /**
     * Deletes rows that no retry can ask for any more; some at a time, the oldest first. Says how many. One that cannot be
     * deleted is logged, for it must not keep those behind it.
     *
     * @returns {number}
     */
    function forgetOld() {
        const oldest = search.createColumn({ name: 'internalid', sort: search.Sort.ASC });
        const rows = search
            .create({ type: TYPE, filters: [['created', 'before', KEPT_SINCE]], columns: [oldest] })
            .run()
            .getRange({ start: 0, end: FORGOTTEN_MAX });
        return rows.filter((row) => forget(String(row.id))).length;
    }

    /** @param {string} id */
    function forget(id) {
        try {
            record.delete({ type: TYPE, id });
            return true;
        } catch (caught) {
            log.error({ title: `operation row ${id} was not deleted`, details: caught });
            return false;
        }
    }

    return { find, held, remember, forgetOld };
});
