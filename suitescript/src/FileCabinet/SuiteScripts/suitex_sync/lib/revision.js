/**
 * NetSuite's own clock of a record: when it was last modified, RFC 3339 in UTC, whole seconds.
 *
 * @NApiVersion 2.1
 */
define(['./values'], /** @param {ValuesModule} values */ (values) => {
    /** Standard records have the first, custom records the second. */
    const FIELDS = ['lastmodifieddate', 'lastmodified'];

    /**
     * @param {NRecord} record as it was loaded
     * @returns {string | undefined}
     */
    function of(record) {
        for (const fieldId of FIELDS) {
            const at = values.read('datetimetz', record.getValue({ fieldId }));
            if (at) return seconds(String(at));
        }
        return undefined;
    }

    /** The present, for what leaves no record behind to ask. */
    function now() {
        return ago(0);
    }

    /** @param {number} age in seconds */
    function ago(age) {
        return seconds(new Date(Date.now() - age * 1000).toISOString());
    }

    /** @param {string} iso */
    function seconds(iso) {
        return iso.replace(/\.\d+Z$/, 'Z');
    }

    return { of, now, ago, seconds };
});
