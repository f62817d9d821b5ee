define(['host', 'N/internal/NRecord'], (host, NRecord) => {
    /** Dynamic mode is another machine altogether. */
    function standard({ isDynamic }) {
        if (isDynamic) throw new host.Error({ name: 'SSS_NOT_SIMULATED', message: 'Records in dynamic mode are not simulated' });
    }

    return {
        create(options) {
            standard(options);
            return new NRecord(host('record.create', { type: String(options.type) }));
        },
        load(options) {
            standard(options);
            return new NRecord(host('record.load', { type: String(options.type), id: String(options.id) }));
        },
        delete: ({ type, id }) => host('record.delete', { type: String(type), id: String(id) }),
    };
});
