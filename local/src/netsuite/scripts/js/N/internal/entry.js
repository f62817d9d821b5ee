// How NetSuite calls each entry point, and with what.
define(['host', 'N/internal/NRecord'], (host, NRecord) => {
    const EVENT_TYPES = [
        'create', 'edit', 'xedit', 'delete', 'copy', 'view', 'cancel', 'approve', 'reject', 'pack', 'ship', 'print',
        'email', 'markcomplete', 'reassign', 'editforecast', 'dropship', 'specialorder', 'orderitems', 'paybills',
        'transform', 'quickview', 'changepassword',
    ];
    const UserEventType = Object.fromEntries(EVENT_TYPES.map((type) => [type.toUpperCase(), type]));

    const contexts = {
        post: (body) => body,
        afterSubmit: ({ type, newRecord, oldRecord, edited }) => ({
            type,
            UserEventType,
            newRecord: new NRecord(newRecord, edited ?? undefined),
            oldRecord: oldRecord && new NRecord(oldRecord),
        }),
        getInputData: () => ({ isRestarted: false }),
        map: ({ key, value }, write) => ({ key, value, write, isRestarted: false, executionNo: 1 }),
        reduce: ({ key, values }, write) => ({ key, values, write, isRestarted: false, executionNo: 1 }),
        summarize: ({ input, map, reduce }) => ({
            inputSummary: { error: input },
            mapSummary: { errors: errors(map) },
            reduceSummary: { errors: errors(reduce) },
        }),
    };

    function errors(list) {
        const each = (visit) => void list.every(([key, error]) => visit(key, error) === true);
        return { iterator: () => ({ each }) };
    }

    const text = (value) => (typeof value === 'string' ? value : JSON.stringify(value));

    return function enter(module, entry, argument) {
        if (typeof module[entry] !== 'function') {
            const message = `The script does not have the function ${entry}`;
            throw new host.Error({ name: 'SSS_INVALID_ENTRY_POINT', message });
        }
        const written = [];
        const write = (pair, value) => {
            const { key, value: of } = value === undefined ? pair : { key: pair, value };
            written.push([text(key), text(of)]);
        };
        const returned = module[entry](contexts[entry](argument, write));
        if (entry === 'map' || entry === 'reduce') return written;
        if (entry !== 'getInputData') return returned;
        const listed = Array.isArray(returned) ? returned.map((one, index) => [index, one]) : Object.entries(returned ?? {});
        return listed.map(([key, value]) => [text(key), text(value)]);
    };
});
