/**
 * Sublists: lines keyed by NetSuite's own unique line key, or by the external key that we keep in a column.
 *
 * The array that is written replaces the sublist, but only what differs is touched: a line that carries a known key is
 * that line, and one changed cell sets one cell.
 *
 * @NApiVersion 2.1
 */
define(['./values', './refusal'], /**
 * @param {ValuesModule} values
 * @param {RefusalModule} refusal
 */ (values, refusal) => {
    /**
     * The lines in wire form; null when there are none, undefined when a line has no key yet.
     *
     * @param {NRecord} record
     * @param {Sublist} sublist
     * @returns {WireLine[] | null | undefined}
     */
    function read(record, sublist) {
        const count = record.getLineCount({ sublistId: sublist.id });
        if (!(count > 0)) return null;
        const lines = [];
        const seen = new Set();
        for (let index = 0; index < count; index += 1) {
            const line = readLine(record, sublist, index);
            // A line that a person copies takes the external key along; the first one has it.
            if (sublist.external && seen.has(line[sublist.external])) delete line[sublist.external];
            if (sublist.external) seen.add(line[sublist.external]);
            if (keyOf(sublist, line, index) === undefined) return undefined;
            lines.push(line);
        }
        return lines;
    }

    /**
     * @param {NRecord} record
     * @param {Sublist} sublist
     * @param {number} line
     * @returns {WireLine}
     */
    function readLine(record, sublist, line) {
        const cell = (/** @type {string} */ fieldId) => record.getSublistValue({ sublistId: sublist.id, fieldId, line });
        /** @type {WireLine} */
        const wire = {};
        for (const key of [sublist.external, sublist.key]) {
            const own = key && values.read('text', cell(key));
            if (key && own) wire[key] = own;
        }
        for (const column of sublist.columns) {
            wire[column] = values.read(typeOf(record, sublist, column, line), cell(column));
        }
        return wire;
    }

    /**
     * Whether the sublist holds exactly these lines, in any order.
     *
     * @param {NRecord} record
     * @param {Sublist} sublist
     * @param {any} wire
     */
    function same(record, sublist, wire) {
        const wanted = keyed(sublist, wire ?? []);
        const held = keyed(sublist, read(record, sublist) ?? []);
        if (!wanted || !held || wanted.size !== held.size) return false;
        return [...wanted].every(([key, line]) => {
            const there = held.get(key);
            return there !== undefined && sublist.columns.every((column) => {
                return values.same(typeOf(record, sublist, column, 0), there[column], line[column] ?? null);
            });
        });
    }

    /**
     * The lines by their canonical key; undefined when they are not lines, or one comes twice.
     *
     * @param {Sublist} sublist
     * @param {any} lines
     * @returns {Map<string, WireLine> | undefined}
     */
    function keyed(sublist, lines) {
        if (!Array.isArray(lines)) return undefined;
        const byKey = new Map();
        for (const [index, line] of lines.entries()) {
            const key = line && typeof line === 'object' ? keyOf(sublist, line, index) : undefined;
            if (key === undefined || byKey.has(key)) return undefined;
            byKey.set(key, line);
        }
        return byKey;
    }

    /**
     * @param {Sublist} sublist
     * @param {WireLine} line
     * @param {number} index
     * @returns {string | undefined}
     */
    function keyOf(sublist, line, index) {
        if (!sublist.key) return String(index).padStart(6, '0');
        const key = (sublist.external && line[sublist.external]) || line[sublist.key];
        return key ? String(key) : undefined;
    }

    /**
     * Makes the sublist hold these lines.
     *
     * @param {NRecord} record
     * @param {Sublist} sublist
     * @param {any} wire
     */
    function write(record, sublist, wire) {
        const lines = wire ?? [];
        if (!Array.isArray(lines)) throw bad(sublist, 'is not an array of lines');
        const held = read(record, sublist) ?? [];
        const places = lines.map((line, index) => place(sublist, held, line, index));
        const kept = new Set(places.filter((at) => at !== undefined));
        if (kept.size !== places.filter((at) => at !== undefined).length) throw bad(sublist, 'names a line twice');
        if (sublist.external) refuseTwins(sublist, lines);

        // Known lines first, while their places still hold; then the new ones at the end; then away with the rest.
        for (const [index, line] of lines.entries()) {
            const at = places[index];
            if (at !== undefined) setLine(record, sublist, at, held[at], line);
        }
        let end = held.length;
        for (const [index, line] of lines.entries()) {
            if (places[index] !== undefined) continue;
            record.insertLine({ sublistId: sublist.id, line: end });
            setLine(record, sublist, end, {}, line);
            end += 1;
        }
        for (let at = held.length - 1; at >= 0; at -= 1) {
            if (!kept.has(at)) record.removeLine({ sublistId: sublist.id, line: at });
        }
    }

    /**
     * Where a written line stands now; undefined for a new one.
     *
     * @param {Sublist} sublist
     * @param {WireLine[]} held
     * @param {any} line
     * @param {number} index
     * @returns {number | undefined}
     */
    function place(sublist, held, line, index) {
        if (!line || typeof line !== 'object' || Array.isArray(line)) throw bad(sublist, `line ${index} is not an object`);
        const known = [sublist.key, sublist.external, ...sublist.columns];
        const stranger = Object.keys(line).find((column) => !known.includes(column));
        if (stranger) throw bad(sublist, `has no column '${stranger}'`);
        if (!sublist.key) return index < held.length ? index : undefined;

        const external = sublist.external && line[sublist.external];
        const own = line[sublist.key];
        const withKey = (/** @type {any} */ key) => at(held, (there) => keyOf(sublist, there, 0) === String(key));
        const withOwn = () => at(held, (there) => there[/** @type {string} */ (sublist.key)] === String(own));
        // A line born in NetSuite that is given an external key stays the same line.
        if (external) return withKey(external) ?? (own ? withOwn() : undefined);
        if (!own) return undefined;
        // A line that was deleted and came back has a new key of its own, and the old one as external.
        const found = withOwn() ?? withKey(own);
        if (found === undefined) {
            const message = `Sublist ${sublist.id}: has no line with ${sublist.key} ${own}.`;
            throw new refusal.Refused('INVALID_KEY_OR_REF', message, sublist.id);
        }
        return found;
    }

    /**
     * @param {WireLine[]} held
     * @param {(line: WireLine) => boolean} is
     * @returns {number | undefined}
     */
    function at(held, is) {
        const index = held.findIndex(is);
        return index < 0 ? undefined : index;
    }

    /**
     * @param {Sublist} sublist
     * @param {WireLine[]} lines
     */
    function refuseTwins(sublist, lines) {
        const external = /** @type {string} */ (sublist.external);
        const keys = lines.map((line) => line[external]).filter(Boolean);
        const twin = keys.find((key, index) => keys.indexOf(key) !== index);
        if (twin) throw bad(sublist, `line ${twin} comes twice`);
    }

    /**
     * Sets the cells that differ; a column that the line does not name is cleared.
     *
     * @param {NRecord} record
     * @param {Sublist} sublist
     * @param {number} index
     * @param {WireLine} held
     * @param {WireLine} line
     */
    function setLine(record, sublist, index, held, line) {
        const set = (/** @type {string} */ fieldId, /** @type {string} */ type, /** @type {Wire} */ wire) => {
            if (values.same(type, held[fieldId] ?? null, wire)) return;
            const value = values.write(type, wire, sublist.id);
            record.setSublistValue({ sublistId: sublist.id, fieldId, line: index, value });
        };
        if (sublist.external && line[sublist.external]) set(sublist.external, 'text', line[sublist.external]);
        for (const column of sublist.columns) {
            set(column, typeOf(record, sublist, column, index), line[column] ?? null);
        }
    }

    /**
     * @param {NRecord} record
     * @param {Sublist} sublist
     * @param {string} fieldId
     * @param {number} line
     */
    function typeOf(record, sublist, fieldId, line) {
        const field = record.getSublistField({ sublistId: sublist.id, fieldId, line });
        return field ? String(field.type) : 'text';
    }

    /**
     * @param {Sublist} sublist
     * @param {string} what
     */
    function bad(sublist, what) {
        return new refusal.Refused('INVALID_FLD_VALUE', `Sublist ${sublist.id}: ${what}.`, sublist.id);
    }

    return { read, same, write };
});
