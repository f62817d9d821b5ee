/**
 * What the hub must know of an account before it trusts what it reads: zone and formats, features, and which fields the
 * role sees. A field that is not visible is not null.
 *
 *     call    {"action":"probe","types":[{"type":"customer","fields":["email","item"]}]}   types: default all synced
 *     answer  {"timeZone":"America/Los_Angeles","dateFormat":"MM/DD/YYYY","timeFormat":"hh:mm a","now":"2026-…Z",
 *              "features":{"MULTICURRENCY":true,…},
 *              "types":[{"type":"customer","visible":{"email":"email","item":{"rate":"currency",…}},"hidden":[…]}
 *                       or {"type":"customer","error":{"code","message"}}],
 *              "remainingUsage":4990}
 *
 * @NApiVersion 2.1
 */
define(['N/record', 'N/runtime', './fields', './refusal', './surface'], /**
 * @param {import('N/record')} record
 * @param {import('N/runtime')} runtime
 * @param {FieldsModule} fields
 * @param {RefusalModule} refusal
 * @param {Surface} surface
 */ (record, runtime, fields, refusal, surface) => {
    /** Features that change what fields mean or which there are. */
    const FEATURES = /** @type {const} */ (['MULTICURRENCY', 'SUBSIDIARIES', 'MULTPRICE', 'MULTILOCINVT']);

    /**
     * @param {{ type: string, fields: string[] }[]} [types]
     * @returns {Omit<ProbeAnswer, 'remainingUsage'>}
     */
    function probe(types = synced()) {
        const user = runtime.getCurrentUser();
        const preference = (/** @type {string} */ name) => String(user.getPreference({ name }));
        return {
            timeZone: preference('TIMEZONE'),
            dateFormat: preference('DATEFORMAT'),
            timeFormat: preference('TIMEFORMAT'),
            now: new Date().toISOString(),
            features: Object.fromEntries(FEATURES.map((feature) => [feature, runtime.isFeatureInEffect({ feature })])),
            types: types.map(visibleOf),
        };
    }

    function synced() {
        return Object.entries(surface).map(([type, { fields, sublists }]) => {
            return { type, fields: [...fields, ...sublists.map((sublist) => sublist.id)] };
        });
    }

    /**
     * A new record, never saved, shows which fields the type has for this role.
     *
     * @param {{ type: string, fields: string[] }} asked
     * @returns {ProbedType}
     */
    function visibleOf({ type, fields: names }) {
        try {
            const blank = /** @type {NRecord} */ (record.create({ type, isDynamic: false }));
            /** @type {[string, string | Record<string, string> | undefined][]} */
            const seen = names.map((name) => [name, columnsOf(blank, type, name) ?? fields.typeOf(blank, name)]);
            const visible = Object.fromEntries(seen.flatMap(([name, as]) => (as ? [[name, as]] : [])));
            return { type, visible, hidden: names.filter((name) => !(name in visible)) };
        } catch (caught) {
            return { type, error: refusal.of(caught) };
        }
    }

    /**
     * @param {NRecord} blank
     * @param {string} type
     * @param {string} name
     * @returns {Record<string, string> | undefined}
     */
    function columnsOf(blank, type, name) {
        const sublist = surface[type] && surface[type].sublists.find(({ id }) => id === name);
        if (!sublist) return undefined;
        blank.insertLine({ sublistId: name, line: 0 });
        const seen = sublist.columns.flatMap((fieldId) => {
            const column = blank.getSublistField({ sublistId: name, fieldId, line: 0 });
            return column ? [[fieldId, String(column.type)]] : [];
        });
        return Object.fromEntries(seen);
    }

    return { probe };
});
