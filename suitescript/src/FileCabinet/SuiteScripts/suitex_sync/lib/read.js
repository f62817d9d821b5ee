/**
 * Looking, without writing.
 *
 * @NApiVersion 2.1
 */
define(['./operations', './outcome', './records', './stamp'], /**
 * @param {OperationsModule} operations
 * @param {OutcomeModule} outcome
 * @param {RecordsModule} records
 * @param {StampModule} stamp
 */ (operations, outcome, records, stamp) => {
    /**
     * @param {Read[]} reads
     * @param {Budget} allowance
     * @returns {Outcome[]}
     */
    function read(reads, allowance) {
        const done = operations.find(reads.flatMap((look) => look.operations ?? []));
        return reads.map((look) => (allowance.allowsMore() ? attempt(look, done) : { outcome: 'not_attempted' }));
    }

    /**
     * @param {Read} look
     * @param {Map<string, Operation>} done
     * @returns {Outcome}
     */
    function attempt(look, done) {
        try {
            const found = find(look, done);
            const held = heldBy(look, done, found);
            const answer = found.what === 'found'
                ? outcome.seen('found', found.record, look.fields)
                : outcome.gone(found.what, found);
            return Object.keys(held).length > 0 ? { ...answer, held } : answer;
        } catch (caught) {
            return outcome.refused(caught);
        }
    }

    /**
     * When neither id leads anywhere, the row of an operation knows the record.
     *
     * @param {Read} look
     * @param {Map<string, Operation>} done
     * @returns {Found}
     */
    function find(look, done) {
        const found = records.find(look.type, look);
        const rows = (look.operations ?? []).map((operation) => done.get(operation)).filter(Boolean);
        const last = rows[rows.length - 1];
        return found.what === 'missing' && last && last.type === look.type ? records.find(last.type, last) : found;
    }

    /**
     * For each operation that was carried out, what the record held right after.
     *
     * @param {Read} look
     * @param {Map<string, Operation>} done
     * @param {Found} found
     * @returns {Record<string, Record<string, Wire>>}
     */
    function heldBy(look, done, found) {
        /** @type {Record<string, Record<string, Wire>>} */
        const held = {};
        const stamped = found.what === 'found' ? stamp.of(found.record) : undefined;
        for (const operation of look.operations ?? []) {
            const row = done.get(operation);
            if (row) held[operation] = only(look.fields, operations.held(row));
            // The record bears the operation's mark, so it was carried out; what it held then nobody wrote down.
            else if (operation === stamped) held[operation] = {};
        }
        return held;
    }

    /**
     * @param {string[]} names
     * @param {Record<string, Wire>} values
     */
    function only(names, values) {
        return Object.fromEntries(names.filter((name) => name in values).map((name) => [name, values[name]]));
    }

    return { read };
});
