/**
 * The named fields of a record, sublists among them: what they hold, whether that is expected, and setting them.
 *
 * @NApiVersion 2.1
 */
define(['./lines', './refusal', './surface', './values'], /**
 * @param {LinesModule} lines
 * @param {RefusalModule} refusal
 * @param {Surface} surface
 * @param {ValuesModule} values
 */ (lines, refusal, surface, values) => {
    /** Under this name an external id is written beside the fields. */
    const EXTERNAL_ID = 'externalId';

    /**
     * What the fields hold. One that the type does not have, or the role may not see, is left out: missing is not null.
     *
     * @param {NRecord} record
     * @param {string[]} names
     * @param {NRecord} [like] a record of the type that tells what its fields are, when this one may not
     * @returns {Record<string, Wire>}
     */
    function show(record, names, like = record) {
        /** @type {Record<string, Wire>} */
        const shown = {};
        for (const name of names) {
            const value = valueOf(record, name, like);
            if (value !== undefined) shown[name] = value;
        }
        return shown;
    }

    /**
     * @param {NRecord} record
     * @param {string} name
     * @param {NRecord} like
     * @returns {Wire | undefined}
     */
    function valueOf(record, name, like) {
        const sublist = sublistOf(record, name);
        if (sublist) return lines.read(record, sublist);
        const type = typeOf(like, name);
        return type && values.read(type, record.getValue({ fieldId: name }));
    }

    /**
     * Whether a field holds neither what is expected of it nor what is wanted of it.
     *
     * @param {NRecord} record
     * @param {Record<string, Wire>} expected
     * @param {Record<string, Wire>} wanted
     */
    function differ(record, expected, wanted) {
        return Object.keys(expected).some((name) => {
            return !holds(record, name, expected[name]) && !(name in wanted && holds(record, name, wanted[name]));
        });
    }

    /**
     * @param {NRecord} record
     * @param {string} name
     * @param {Wire} wire
     */
    function holds(record, name, wire) {
        const sublist = sublistOf(record, name);
        if (sublist) return lines.same(record, sublist, wire);
        const type = writable(record, name);
        return values.same(type, values.read(type, record.getValue({ fieldId: name })), wire);
    }

    /**
     * Sets what differs, body fields before sublists. Says whether anything did.
     *
     * @param {NRecord} record
     * @param {Record<string, Wire>} wanted
     */
    function set(record, wanted) {
        const names = Object.keys(wanted).filter((name) => name === EXTERNAL_ID || !holds(record, name, wanted[name]));
        const isList = (/** @type {string} */ name) => sublistOf(record, name) !== undefined;
        for (const name of [...names.filter((name) => !isList(name)), ...names.filter(isList)]) {
            setOne(record, name, wanted[name]);
        }
        return names.length > 0;
    }

    /**
     * @param {NRecord} record
     * @param {string} name
     * @param {Wire} wire
     */
    function setOne(record, name, wire) {
        try {
            const sublist = sublistOf(record, name);
            if (sublist) return lines.write(record, sublist, wire);
            if (name === EXTERNAL_ID) return void record.setValue({ fieldId: 'externalid', value: String(wire ?? '') });
            record.setValue({ fieldId: name, value: values.write(writable(record, name), wire, name) });
        } catch (caught) {
            // NetSuite does not always name the field in what it throws; here it is known.
            const { code, message, field } = refusal.of(caught, name);
            throw new refusal.Refused(code, message, field);
        }
    }

    /**
     * The id of the field that has this label, for messages that name fields as people see them.
     *
     * @param {NRecord} record
     * @param {string[]} names
     * @param {string} label
     * @returns {string | undefined}
     */
    function labelled(record, names, label) {
        return names.find((name) => {
            const field = !sublistOf(record, name) && record.getField({ fieldId: name });
            return field && field.label === label;
        });
    }

    /**
     * NetSuite's type of a body field; undefined when the type has no such field or the role may not see it.
     *
     * @param {NRecord} record
     * @param {string} name
     * @returns {string | undefined}
     */
    function typeOf(record, name) {
        const field = record.getField({ fieldId: name });
        return field ? String(field.type) : undefined;
    }

    /**
     * @param {NRecord} record
     * @param {string} name
     */
    function writable(record, name) {
        const type = typeOf(record, name);
        if (type) return type;
        const message = `Field '${name}' does not exist on record ${record.type}.`;
        throw new refusal.Refused('INVALID_FLD_VALUE', message, name);
    }

    /**
     * @param {NRecord} record
     * @param {string} name
     * @returns {Sublist | undefined}
     */
    function sublistOf(record, name) {
        const type = surface[String(record.type)];
        return type && type.sublists.find((sublist) => sublist.id === name);
    }

    return { show, differ, set, labelled, typeOf };
});
