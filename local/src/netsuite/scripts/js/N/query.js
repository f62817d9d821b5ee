define(['host'], (host) => ({
    runSuiteQL(options) {
        const { query, params = [] } = typeof options === 'string' ? { query: options } : options;
        const rows = host('suiteql', { query, params });
        return { asMappedResults: () => rows };
    },
}));
