/**
 * What a save changed: the new and old values of each field that differs.
 *
 * @NApiVersion 2.1
 */
define(['./fields'], /** @param {FieldsModule} fields */ (fields) => {
    /**
     * A field that is missing on either side, or has a line without a key yet, says nothing and is left out: the poller
     * sees it whole.
     *
     * @param {NRecord} before
     * @param {NRecord} after
     * @param {string[]} names the fields that the save may have changed
     * @returns {Delta}
     */
    function between(before, after, names) {
        const [old, now] = [fields.show(before, names, after), fields.show(after, names)];
        const changed = names.filter((name) => {
            return name in old && name in now && JSON.stringify(old[name]) !== JSON.stringify(now[name]);
        });
        return { changes: pick(now, changed), previous: pick(old, changed) };
    }

    /**
     * What a record holds, where it holds something.
     *
     * @param {NRecord} record
     * @param {string[]} names
     */
    function filled(record, names) {
        const all = fields.show(record, names);
        return pick(all, names.filter((name) => (all[name] ?? null) !== null));
    }

    /**
     * @param {Record<string, Wire>} values
     * @param {string[]} names
     */
    function pick(values, names) {
        return Object.fromEntries(names.map((name) => [name, values[name]]));
    }

    return { between, filled };
});
