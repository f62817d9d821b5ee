// Field values between how the simulator stores them (wire form) and how NetSuite shows them to scripts.
define(['host'], (host) => {
    const NUMBERS = ['integer', 'float', 'currency', 'rate', 'percent'];

    const DATES = ['date', 'datetimetz'];
    const dates = host('format.are_text');

    /** NetSuite's own fields are dates in any case. */
    function shown(type, stored, system) {
        if (type === 'checkbox') return stored === true;
        if (type === 'multiselect') return stored ?? [];
        if (stored === null || stored === undefined) return '';
        if (NUMBERS.includes(type)) return Number(stored);
        if (dates && DATES.includes(type) && !system) return host('format.text', { value: stored, type });
        if (type === 'date') return localDay(stored);
        if (type === 'datetimetz') return new Date(stored);
        return stored;
    }

    function stored(type, shown) {
        if (shown === '' || shown === null || shown === undefined) return null;
        if (isDate(shown)) return type === 'date' ? day(shown) : shown.toISOString();
        return shown;
    }

    function isDate(value) {
        return Object.prototype.toString.call(value) === '[object Date]';
    }

    function localDay(text) {
        const [year, month, day] = text.split('-').map(Number);
        return new Date(year, month - 1, day);
    }

    function day(date) {
        const two = (n) => String(n).padStart(2, '0');
        return `${String(date.getFullYear()).padStart(4, '0')}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
    }

    return { shown, stored };
});
