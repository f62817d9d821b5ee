define(['host'], (host) => {
    const log = (level) => (options, details) => {
        const { title, details: more } = typeof options === 'string' ? { title: options, details } : options;
        const text = more instanceof Error ? `${more.name}: ${more.message}` : more;
        host('log', { level, title: String(title), details: typeof text === 'string' ? text : String(JSON.stringify(text)) });
    };
    return { debug: log('debug'), audit: log('audit'), error: log('error'), emergency: log('emergency') };
});
