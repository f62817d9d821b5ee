define(['host'], (host) => ({
    post: ({ url, headers = {}, body = '' }) => host('https.post', { url, headers, body: String(body) }),
    requestRestlet: ({ scriptId, deploymentId, method = 'GET', body = '' }) => {
        return host('https.restlet', { script: scriptId, deployment: deploymentId, method, body: String(body) });
    },
}));
