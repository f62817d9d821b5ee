/**
 * Finding a record, or what is known of one that is gone.
 *
 * @NApiVersion 2.1
 */
define(['N/record', 'N/search', './refusal', './revision', './values'], /**
 * @param {import('N/record')} record
 * @param {import('N/search')} search
 * @param {RefusalModule} refusal
 * @param {RevisionModule} revision
 * @param {ValuesModule} values
 */ (record, search, refusal, revision, values) => {
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
        if (id) return load(type, id) ?? deletion(type, 'internalid', id);
        if (!externalId) return { what: 'missing' };
        const internal = idOf(type, externalId);
        return (internal && load(type, internal)) || deletion(type, 'externalid', externalId);
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
        const [row] = rows(type, [['externalid', 'anyof', externalId]], ['internalid']);
        return row && String(row.id);
    }

    /**
     * NetSuite tells a deleted record from one that never was, or that the role may not see, by its list of deletions.
     *
     * @param {string} type
     * @param {'internalid' | 'externalid'} by
     * @param {string} id
     * @returns {Found}
     */
    function deletion(type, by, id) {
        const columns = ['internalid', 'externalid', 'deleteddate'];
        const filters = [['recordtype', 'is', type], 'AND', [by, 'anyof', id]];
        const [row] = rows('deletedrecord', filters, columns);
        if (!row) return { what: 'missing' };
        const [internal, externalId, at] = columns.map((column) => String(row.getValue(column) || ''));
        return {
            what: 'deleted',
            id: internal || (by === 'internalid' ? id : undefined),
            externalId: externalId || (by === 'externalid' ? id : undefined),
            at: at ? revision.seconds(String(values.read('datetimetz', at))) : undefined,
        };
    }

    /**
     * @param {string} type
     * @param {any[]} filters
     * @param {string[]} columns
     */
    function rows(type, filters, columns) {
        return search.create({ type, filters, columns }).run().getRange({ start: 0, end: 1 });
    }

    return { find, idOf };
});
