/**
 * The way out: signs an event and calls the hub's ingest URL. Nothing else in the account knows the secret.
 *
 * The signature is that of Standard Webhooks: HMAC-SHA256 over `id.timestamp.body`.
 *
 * @NApiVersion 2.1
 */
define(['N/crypto', 'N/encode', 'N/https'], /**
 * @param {import('N/crypto')} crypto
 * @param {import('N/encode')} encode
 * @param {import('N/https')} https
 */ (crypto, encode, https) => {
    /** Holds what follows `whsec_` in the hub's secret, which is base64. */
    const SECRET = 'custsecret_sx_ingest';

    /** What these say is about the event, and no second attempt changes it. */
    const ABOUT_THE_EVENT = [400, 413, 422];

    /**
     * Sends one event; says what became of it and never throws.
     *
     * @param {SyncEvent} event
     * @param {IngestSettings} settings
     * @param {number} [attempt] how often it was tried before
     * @returns {Sent}
     */
    function send(event, settings, attempt = 0) {
        try {
            const now = Date.now();
            // An id is taken once only, so each attempt has its own; a dot in it is refused.
            const id = `${event.eventId}-${attempt}-${now.toString(36)}`;
            const body = ascii(JSON.stringify(event));
            const headers = signed(id, Math.floor(now / 1000), body, settings.keyId);
            return became(https.post({ url: settings.url, headers, body }));
        } catch (caught) {
            return { outcome: 'failed', error: String((caught && /** @type {any} */ (caught).message) || caught) };
        }
    }

    /**
     * @param {string} id
     * @param {number} seconds
     * @param {string} body
     * @param {string} keyId
     */
    function signed(id, seconds, body, keyId) {
        return {
            'content-type': 'application/json',
            'webhook-id': id,
            'webhook-timestamp': String(seconds),
            'webhook-key-id': keyId,
            'webhook-signature': sign(id, seconds, body),
        };
    }

    /**
     * @param {string} id
     * @param {number} seconds since the epoch
     * @param {string} body
     */
    function sign(id, seconds, body) {
        const key = crypto.createSecretKey({ secret: SECRET, encoding: encode.Encoding.BASE_64 });
        const mac = crypto.createHmac({ algorithm: crypto.HashAlg.SHA256, key });
        mac.update({ input: `${id}.${seconds}.${body}`, inputEncoding: encode.Encoding.UTF_8 });
        return `v1,${mac.digest({ outputEncoding: encode.Encoding.BASE_64 })}`;
    }

    /**
     * @param {{ code: number, body: string }} response
     * @returns {Sent}
     */
    function became({ code, body }) {
        if (code >= 200 && code < 300) return { outcome: 'taken', status: code };
        const outcome = ABOUT_THE_EVENT.includes(code) ? 'refused' : 'failed';
        return { outcome, status: code, error: `HTTP ${code}: ${String(body).slice(0, 500)}` };
    }

    /**
     * The same JSON in ASCII alone: the bytes that are signed are the bytes that travel, whatever the encoding between.
     *
     * @param {string} json
     */
    function ascii(json) {
        return json.replace(/[\u007f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
    }

    return { send, sign };
});
