/**
 * What NetSuite knows of records that are gone: it tells a deleted record from one that never was, or that the role may
 * not see. Not every type is listed; what is not listed here is missing, not deleted.
 *
 * @NApiVersion 2.1
 */
define(['N/query', 'N/search', './revision', './values'], /**
 * @param {import('N/query')} query
 * @param {import('N/search')} search
 * @param {RevisionModule} revision
 * @param {ValuesModule} values
 */ (query, search, revision, values) => {
    /** The search of deleted records knows no internal id, SuiteQL's table does. An age needs no time zone. */
    const BY_ID = [
        'SELECT type, scriptid, ROUND((SYSDATE - CAST(deleteddate AS DATE)) * 86400) AS age',
        'FROM deletedrecord WHERE recordid = ?',
    ].join(' ');
    /** SuiteQL's table knows no external id; the search has it as a column alone, so the latest are looked through. */
    const LATEST_MAX = 1000;

    /**
     * @param {string} type
     * @param {string} id
     * @returns {Found}
     */
    function byId(type, id) {
        const rows = query.runSuiteQL({ query: BY_ID, params: [id] }).asMappedResults();
        // Ids are unique within a kind of record only, and the table calls kinds by id or by label.
        const row = rows.find((row) => [row.type, row.scriptid].some((name) => letters(name) === letters(type)));
        return row ? { what: 'deleted', id, at: revision.ago(Number(row.age) || 0) } : { what: 'missing' };
    }

    /**
     * @param {string} type
     * @param {string} externalId
     * @returns {Found}
     */
    function byExternalId(type, externalId) {
        const latest = search.createColumn({ name: 'deleteddate', sort: search.Sort.DESC });
        const row = search
            .create({ type: 'deletedrecord', filters: [['recordtype', 'is', type]], columns: [latest, 'externalid'] })
            .run()
            .getRange({ start: 0, end: LATEST_MAX })
            .find((row) => row.getValue('externalid') === externalId);
        if (!row) return { what: 'missing' };
        const at = values.read('datetimetz', row.getValue('deleteddate'));
        return { what: 'deleted', externalId, at: at ? revision.seconds(String(at)) : undefined };
    }

    /** @param {unknown} name */
    function letters(name) {
        return String(name).toLowerCase().replace(/[^a-z0-9_]/g, '');
    }

    return { byId, byExternalId };
});
