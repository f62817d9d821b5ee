/**
 * A call to the write RESTlet, checked before anything is done.
 *
 * @NApiVersion 2.1
 */
define(['N/error'], /** @param {import('N/error')} error */ (error) => {
    const WRITES_MAX = 10;
    const VERBS = ['create', 'update', 'delete'];

    /**
     * Throws when the body is not a call; NetSuite makes that a 400 with this code.
     *
     * @param {any} body
     * @returns {Call}
     */
    function parse(body) {
        const problem = problemOf(body);
        if (problem) throw error.create({ name: 'SSS_INVALID_REQUEST_BODY', message: problem, notifyOff: true });
        return body.action === 'apply' ? { ...body, writes: body.writes.map(complete) } : body;
    }

    /**
     * @param {any} body
     * @returns {string | undefined}
     */
    function problemOf(body) {
        switch (body && body.action) {
            case 'apply':
                if (!Array.isArray(body.writes)) return 'The body is not a call: writes is missing';
                if (body.writes.length > WRITES_MAX) return `At most ${WRITES_MAX} writes in one call`;
                return first(body.writes, problemOfWrite);
            case 'read':
                return Array.isArray(body.reads) ? first(body.reads, problemOfLook) : 'The body is not a call: reads is missing';
            case 'probe':
                return body.types === undefined || Array.isArray(body.types) ? undefined : 'types is not an array';
            default:
                return 'The body is not a call: action must be apply, read or probe';
        }
    }

    /** @param {any} write */
    function problemOfWrite(write) {
        if (!write || typeof write.operation !== 'string') return 'operation is missing';
        if (!VERBS.includes(write.verb)) return `verb must be one of ${VERBS.join(', ')}`;
        return problemOfLook(write);
    }

    /** @param {any} look */
    function problemOfLook(look) {
        if (!look || typeof look.type !== 'string') return 'type is missing';
        return Array.isArray(look.fields) ? undefined : 'fields is missing';
    }

    /**
     * @param {any[]} items
     * @param {(item: any) => string | undefined} check
     */
    function first(items, check) {
        const problems = items.map((item, index) => ({ index, problem: check(item) }));
        const bad = problems.find(({ problem }) => problem !== undefined);
        return bad && `The body is not a call: [${bad.index}] ${bad.problem}`;
    }

    /** @param {any} write */
    function complete(write) {
        return { ...write, expected: write.expected ?? {}, values: write.values ?? {} };
    }

    return { parse };
});
