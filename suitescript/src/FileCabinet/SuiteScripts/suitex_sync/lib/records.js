/**
 * Finding a record, or what is known of one that is gone.
 *
 * @NApiVersion 2.1
 */
define(['N/record', 'N/search', './deletions', './refusal'], /**
 * @param {import('N/record')} record
 * @param {import('N/search')} search
 * @param {DeletionsModule} deletions
 * @param {RefusalModule} refusal
 */ (record, search, deletions, refusal) => {
    /** NetSuite writes ids in one way only: `007` is the id of nothing. */
    const INTERNAL_ID = /^-?[1-9]\d*$/;

    /**
     * What there is under the internal id, or else under the external one.
     *
     * @param {string} type
     * @param {{ id?: string, externalId?: string }} by
     * @returns {Found}
     */
    function find(type, { id, externalId }) {
        if (id) return load(type, id) ?? deletions.byId(type, id);
        if (!externalId) return { what: 'missing' };
        const internal = idOf(type, externalId);
        return (internal && load(type, internal)) || deletions.byExternalId(type, externalId);
    }

    /**
     * @param {string} type
     * @param {string} id
     * @returns {Found | undefined}
     */
    function load(type, id) {
        if (!INTERNAL_ID.test(id)) return { what: 'missing' };
        try {
            return { what: 'found', record: /** @type {NRecord} */ (record.load({ type, id, isDynamic: false })) };
        } catch (caught) {
            if (refusal.isMissing(caught)) return undefined;
            throw caught;
        }
    }

    /**
     * The internal id of the record with this external id.
     *
     * @param {string} type
     * @param {string} externalId
     * @returns {string | undefined}
     */
    function idOf(type, externalId) {
        const [row] = search
            .create({ type, filters: [['externalid', 'anyof', externalId]], columns: ['internalid'] })
            .run()
            .getRange({ start: 0, end: 1 });
        return row && String(row.id);
    }

    return { find, idOf };
});
