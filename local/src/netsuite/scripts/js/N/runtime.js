define(['host'], (host) => {
    const { script, deployment, user, context } = host('runtime');
    return {
        executionContext: context,
        getCurrentScript: () => ({
            id: script,
            deploymentId: deployment,
            getParameter: (options) => host('parameter', { name: typeof options === 'string' ? options : options.name }),
            getRemainingUsage: () => host('usage'),
        }),
        getCurrentUser: () => ({
            id: user,
            getPreference: (options) => host('preference', { name: typeof options === 'string' ? options : options.name }),
        }),
        isFeatureInEffect: (options) => host('feature', { name: typeof options === 'string' ? options : options.feature }),
    };
});
