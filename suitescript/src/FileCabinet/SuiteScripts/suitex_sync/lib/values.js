/**
 * Field values: NetSuite's own form and the wire form, in both directions, and when two are the same.
 *
 * Wire form is JSON: text, select and reference are strings; integers numbers; decimals strings; checkboxes booleans;
 * dates `YYYY-MM-DD`; datetimes RFC 3339 in UTC; multiselects sorted arrays of ids; nothing is null. What a field holds
 * is told by NetSuite's own type of the field, so that a changed configuration needs no deployment here.
 *
 * @NApiVersion 2.1
 */
define(['N/format', './decimal', './refusal'], /**
 * @param {import('N/format')} format
 * @param {DecimalModule} decimal
 * @param {RefusalModule} refusal
 */ (format, decimal, refusal) => {
    /** @type {Record<string, Kind>} */
    const KINDS = {
        checkbox: 'boolean',
        integer: 'integer',
        posinteger: 'integer',
        date: 'date',
        datetime: 'datetime',
        datetimetz: 'datetime',
        multiselect: 'set',
    };
    const DECIMAL = /^(dynamicprecision|percent|rate|ratehighprecision|(pos|nonneg)?(currency|float)2?)$/;
    const DAY = /^(\d{4})-(\d\d)-(\d\d)$/;
    const MOMENT = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)$/i;

    /** In text, NetSuite sets the options of a multiselect apart by this. */
    const SEPARATOR = '\u0005';

    /**
     * @param {string} type of the field, as NetSuite calls it
     * @returns {Kind}
     */
    function kindOf(type) {
        return KINDS[type] || (DECIMAL.test(type) ? 'decimal' : 'text');
    }

    /**
     * NetSuite's value in wire form.
     *
     * @param {string} type
     * @param {any} raw
     * @returns {Wire}
     */
    function read(type, raw) {
        if (raw === null || raw === undefined || raw === '') return null;
        switch (kindOf(type)) {
            case 'boolean':
                return raw === true || raw === 'T' || raw === 'true';
            case 'integer':
                return Number.isSafeInteger(Number(raw)) ? Number(raw) : number(raw);
            case 'decimal':
                return number(raw);
            case 'date':
                return day(date(raw, format.Type.DATE));
            case 'datetime':
                return date(raw, format.Type.DATETIMETZ).toISOString();
            case 'set':
                return set(Array.isArray(raw) ? raw : String(raw).split(SEPARATOR));
            default:
                return String(raw);
        }
    }

    /**
     * A wire value as NetSuite takes it. Throws what the field cannot hold.
     *
     * @param {string} type
     * @param {Wire} wire
     * @param {string} field
     * @returns {any}
     */
    function write(type, wire, field) {
        const kind = kindOf(type);
        const canonical = canonicalOf(kind, wire);
        if (canonical === undefined) {
            const message = `You have entered an Invalid Field Value for the following field: ${field}`;
            throw new refusal.Refused('INVALID_FLD_VALUE', message, field);
        }
        if (canonical === null) return { boolean: false, set: [] }[/** @type {string} */ (kind)] ?? '';
        switch (kind) {
            case 'integer':
            case 'decimal':
                return Number(canonical);
            case 'date':
                return localDay(canonical);
            case 'datetime':
                return new Date(canonical);
            default:
                return canonical;
        }
    }

    /**
     * Whether a field that holds `held` (as {@link read}) holds what `wire` says. What it could never hold it doesn't.
     *
     * @param {string} type
     * @param {Wire} held
     * @param {Wire} wire
     */
    function same(type, held, wire) {
        const kind = kindOf(type);
        const wanted = canonicalOf(kind, wire);
        if (wanted === undefined) return false;
        if (wanted === null || held === null) return wanted === held;
        if (kind === 'decimal' || kind === 'integer') return decimal.equal(held, wire);
        return JSON.stringify(canonicalOf(kind, held)) === JSON.stringify(wanted);
    }

    /**
     * One value has one canonical form; undefined when it is none of the kind.
     *
     * @param {Kind} kind
     * @param {any} wire
     * @returns {any}
     */
    function canonicalOf(kind, wire) {
        if (wire === null || wire === undefined || wire === '') return null;
        switch (kind) {
            case 'boolean':
                if ([true, 'T', 'true', 1].includes(wire)) return true;
                return [false, 'F', 'false', 0].includes(wire) ? false : undefined;
            case 'integer':
            case 'decimal':
                return ['number', 'string'].includes(typeof wire) ? decimal.text(wire) : undefined;
            case 'date':
                return isDay(wire) ? wire : undefined;
            case 'datetime':
                return isMoment(wire) ? Date.parse(wire) : undefined;
            case 'set':
                return Array.isArray(wire) && wire.every((one) => idOf(one) !== undefined) ? set(wire.map(idOf)) : undefined;
            default:
                return idOf(wire);
        }
    }

    /**
     * Text, a number, or NetSuite's `{"id": …}`.
     *
     * @param {any} wire
     * @returns {string | undefined}
     */
    function idOf(wire) {
        if (typeof wire === 'string') return wire;
        if (typeof wire === 'number') return String(wire);
        if (typeof wire === 'boolean') return wire ? 'T' : 'F';
        return wire && !Array.isArray(wire) && ['string', 'number'].includes(typeof wire.id) ? String(wire.id) : undefined;
    }

    /**
     * @param {any[]} ids
     * @returns {string[] | null}
     */
    function set(ids) {
        const sorted = [...new Set(ids.map(String).filter((id) => id !== ''))].sort();
        return sorted.length > 0 ? sorted : null;
    }

    /** @param {any} raw */
    function number(raw) {
        return decimal.text(raw) ?? String(raw);
    }

    /**
     * A Date as it is; text in the user's format and zone.
     *
     * @param {any} raw
     * @param {any} type of N/format
     * @returns {Date}
     */
    function date(raw, type) {
        if (Object.prototype.toString.call(raw) === '[object Date]') return raw;
        return /** @type {Date} */ (format.parse({ value: raw, type }));
    }

    /**
     * The calendar day of a script's date: NetSuite gives midnight of the script's own zone, whatever that is.
     *
     * @param {Date} date
     */
    function day(date) {
        const year = String(date.getFullYear()).padStart(4, '0');
        const two = (/** @type {number} */ n) => String(n).padStart(2, '0');
        return `${year}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
    }

    /** @param {string} text `YYYY-MM-DD` */
    function localDay(text) {
        const [, year, month, dayOfMonth] = /** @type {RegExpExecArray} */ (DAY.exec(text));
        return new Date(Number(year), Number(month) - 1, Number(dayOfMonth));
    }

    /** @param {any} wire */
    function isDay(wire) {
        return typeof wire === 'string' && DAY.test(wire) && day(localDay(wire)) === wire;
    }

    /** @param {any} wire */
    function isMoment(wire) {
        return typeof wire === 'string' && MOMENT.test(wire) && !Number.isNaN(Date.parse(wire));
    }

    return { kindOf, read, write, same };
});
