define(['host'], (host) => {
    const Sort = { ASC: 'ASC', DESC: 'DESC', NONE: 'NONE' };
    const nameOf = (column) => (typeof column === 'string' ? column : column.name);
    const createColumn = ({ name, sort }) => ({ name, sort });

    function create({ type, filters = [], columns = [] }) {
        const asked = columns.map((column) => (typeof column === 'string' ? { name: column } : column));
        const getRange = ({ start, end }) => {
            const rows = host('search', { type, filters, columns: asked, start, end });
            return rows.map(({ id, values }) => ({
                id,
                recordType: type,
                getValue: (column) => values[nameOf(column)] ?? '',
            }));
        };
        return { run: () => ({ getRange }) };
    }

    return { Sort, create, createColumn };
});
