/**
 * Decimal numbers as text: money never meets binary floating point here.
 *
 * @NApiVersion 2.1
 */
define([], () => {
    const FORM = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,3}))?$/;

    /**
     * `12.50` is 1250 at scale 2.
     *
     * @typedef {{ units: bigint, scale: number }} Decimal
     */

    /**
     * Reads a number or its text; undefined when it is neither.
     *
     * @param {unknown} value
     * @returns {Decimal | undefined}
     */
    function parse(value) {
        const match = FORM.exec(String(value).trim());
        if (!match || !(match[2] || match[3])) return undefined;
        const [, sign, whole, fraction = '', exponent = '0'] = match;
        const shift = Number(exponent);
        const scale = Math.max(fraction.length - shift, 0);
        const zeros = '0'.repeat(Math.max(shift - fraction.length, 0));
        const units = BigInt(`${whole}${fraction}${zeros}`);
        return { units: sign === '-' ? -units : units, scale };
    }

    /**
     * The shortest plain text: no exponent, no zeros at the end.
     *
     * @param {unknown} value
     * @returns {string | undefined}
     */
    function text(value) {
        const decimal = parse(value);
        if (!decimal) return undefined;
        const negative = decimal.units < 0n;
        const digits = String(negative ? -decimal.units : decimal.units).padStart(decimal.scale + 1, '0');
        const whole = digits.slice(0, digits.length - decimal.scale);
        const fraction = digits.slice(digits.length - decimal.scale).replace(/0+$/, '');
        return `${negative ? '-' : ''}${whole}${fraction ? `.${fraction}` : ''}`;
    }

    /**
     * Whether the field holds what is wanted. Wanted text has the digits of the field's scale: NetSuite may hold
     * more of them, and then it is its rounded value that was seen and is spoken of.
     *
     * @param {unknown} held
     * @param {unknown} wanted
     */
    function equal(held, wanted) {
        const [a, b] = [parse(held), parse(wanted)];
        if (!a || !b) return false;
        const rounded = typeof wanted === 'string' && a.scale > b.scale ? round(a, b.scale) : a;
        const scale = Math.max(rounded.scale, b.scale);
        return rescaled(rounded, scale) === rescaled(b, scale);
    }

    /**
     * Half goes away from zero.
     *
     * @param {Decimal} decimal
     * @param {number} scale smaller than the decimal's own
     * @returns {Decimal}
     */
    function round(decimal, scale) {
        const unit = tenTo(decimal.scale - scale);
        const half = decimal.units < 0n ? -unit / 2n : unit / 2n;
        return { units: (decimal.units + half) / unit, scale };
    }

    /**
     * @param {Decimal} decimal
     * @param {number} scale not smaller than the decimal's own
     */
    function rescaled(decimal, scale) {
        return decimal.units * tenTo(scale - decimal.scale);
    }

    /** @param {number} exponent */
    function tenTo(exponent) {
        return BigInt(`1${'0'.repeat(exponent)}`);
    }

    return { text, equal };
});
