/**
 * Before a record is created: others that it could be. The create itself looks for them, right before it saves. Nothing
 * in NetSuite could be locked meanwhile: who saves the same record between this search and that save is not found.
 *
 * A key is some fields that name a record together; text is compared without the blanks around it and in any case. A
 * search finds at least these, and what it finds is compared once more, for it also passes over accents.
 *
 * @NApiVersion 2.1
 */
define(['N/search', './fields', './outcome', './records'], /**
 * @param {import('N/search')} search
 * @param {FieldsModule} fields
 * @param {OutcomeModule} outcome
 * @param {RecordsModule} records
 */ (search, fields, outcome, records) => {
    /** Most that are answered; the hub asks again without those that it knows. */
    const SHOWN_MAX = 10;
    const FOUND_MAX = 50;

    /**
     * @param {Write} write
     * @param {NRecord} made a record of the type, which tells what its fields are
     * @returns {Outcome[]}
     */
    function of(write, made) {
        const keys = (write.unless ?? { keys: [] }).keys.filter((key) => Object.keys(key).length > 0);
        if (keys.length === 0) return [];
        /** @type {Outcome[]} */
        const twins = [];
        for (const id of found(write, made, keys)) {
            if (twins.length === SHOWN_MAX) break;
            const there = records.find(write.type, { id });
            if (there.what !== 'found') continue;
            const { record } = there;
            if (keys.some((key) => has(record, key))) twins.push(outcome.seen('found', record, write.fields));
        }
        return twins;
    }

    /**
     * Internal ids of what has one of the keys, or nearly.
     *
     * @param {Write} write
     * @param {NRecord} made
     * @param {Record<string, Wire>[]} keys
     * @returns {string[]}
     */
    function found(write, made, keys) {
        const ofKey = (/** @type {Record<string, Wire>} */ key) =>
            between('and', Object.entries(key).map(([name, value]) => filter(made, name, value)));
        const { except = [] } = write.unless ?? {};
        const others = except.length > 0 ? [['internalid', 'noneof', except]] : [];
        const filters = between('and', [between('or', keys.map(ofKey)), ...others]);
        const oldest = search.createColumn({ name: 'internalid', sort: search.Sort.ASC });
        const rows = search
            .create({ type: write.type, filters, columns: [oldest] })
            .run()
            .getRange({ start: 0, end: FOUND_MAX });
        // A search that joins lines tells of a record once for each.
        return [...new Set(rows.map((row) => String(row.id)))];
    }

    /**
     * @param {string} word
     * @param {any[]} parts
     * @returns {any[]}
     */
    function between(word, parts) {
        return parts.flatMap((part, at) => (at > 0 ? [word, part] : [part]));
    }

    /**
     * @param {NRecord} made
     * @param {string} name
     * @param {Wire} value
     */
    function filter(made, name, value) {
        const type = fields.typeOf(made, name);
        if (type === 'select') return [name, 'anyof', String(value)];
        if (type === 'integer' || type === 'posinteger') return [name, 'equalto', Number(value)];
        return [name, 'is', String(value).trim()];
    }

    /**
     * @param {NRecord} record
     * @param {Record<string, Wire>} key
     */
    function has(record, key) {
        const held = fields.show(record, Object.keys(key));
        return Object.keys(key).every((name) => folded(held[name]) !== '' && folded(held[name]) === folded(key[name]));
    }

    /** @param {Wire} wire */
    function folded(wire) {
        return wire === null || wire === undefined ? '' : String(wire).trim().toLowerCase();
    }

    return { of };
});
