define(['host', 'N/encode'], (host, { Encoding }) => {
    const HashAlg = { SHA256: 'SHA256' };

    /** Collects what is to be digested; the host digests it. */
    function digesting(algorithm, secret) {
        if (algorithm !== HashAlg.SHA256) throw new host.Error({ name: 'SSS_NOT_SIMULATED', message: `Hash ${algorithm}` });
        const parts = [];
        return {
            update: ({ input, inputEncoding = Encoding.UTF_8 }) => void parts.push({ input, encoding: inputEncoding }),
            digest: ({ outputEncoding = Encoding.HEX } = {}) => host('digest', { parts, secret, encoding: outputEncoding }),
        };
    }

    return {
        HashAlg,
        createSecretKey: ({ secret, encoding = Encoding.HEX }) => {
            host('secret', { secret });
            return { secret, encoding };
        },
        createHash: ({ algorithm }) => digesting(algorithm),
        createHmac: ({ algorithm, key }) => digesting(algorithm, key),
    };
});
