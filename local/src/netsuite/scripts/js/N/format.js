// The user's format and zone are the account's: the host knows them.
define(['host'], (host) => {
    const Type = { DATE: 'date', DATETIME: 'datetime', DATETIMETZ: 'datetimetz' };

    function parse({ value, type }) {
        const wire = host('format.parse', { value: String(value), type });
        if (type !== Type.DATE) return new Date(wire);
        const [year, month, day] = wire.split('-').map(Number);
        return new Date(year, month - 1, day);
    }

    return { Type, parse };
});
