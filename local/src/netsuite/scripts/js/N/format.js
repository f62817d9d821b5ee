// The user's preferences are MM/DD/YYYY, hh:mm am and UTC, see `preference` of the host.
define(['host'], (host) => {
    const Type = { DATE: 'date', DATETIME: 'datetime', DATETIMETZ: 'datetimetz' };
    const FORM = /^(\d{1,2})\/(\d{1,2})\/(\d{4})(?: (\d{1,2}):(\d\d)(?::(\d\d))? (am|pm))?$/;

    function parse({ value, type }) {
        const match = FORM.exec(value);
        if (!match) throw new host.Error({ name: 'SSS_INVALID_TYPE_ARG', message: `Invalid ${type}: ${value}` });
        const [, month, day, year, hour = '12', minute = '0', second = '0', half = 'am'] = match;
        const parts = [Number(year), Number(month) - 1, Number(day)];
        if (type === Type.DATE) return new Date(...parts);
        const hours = (Number(hour) % 12) + (half === 'pm' ? 12 : 0);
        return new Date(Date.UTC(...parts, hours, Number(minute), Number(second)));
    }

    return { Type, parse };
});
