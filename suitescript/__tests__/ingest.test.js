import { createHmac } from 'node:crypto';

import crypto from 'N/crypto';

import ingest from 'SuiteScripts/suitex_sync/lib/ingest';
import restlet from 'SuiteScripts/suitex_sync/sx_rl_event';

import { NetSuite, fail } from '../testing/netsuite';

const EVENT = { eventId: '5f0c2f1e-0000-8000-8000-000000000001', accountId: 'acme', payload: { changes: { companyname: 'Ünïcode – 漢字 🙂' } } };
const SETTINGS = { url: 'https://hub.example/ingest/v1/events', keyId: 'acme.1' };

let netsuite;

beforeEach(() => {
    netsuite = new NetSuite();
    netsuite.parameters = { custscript_sx_event_url: SETTINGS.url, custscript_sx_event_key: SETTINGS.keyId };
});

/** As functions/ingest verifies it: digits, one header each, an id without dots, HMAC over the bytes that came. */
function verify({ headers, body }) {
    const { 'webhook-id': id, 'webhook-timestamp': seconds, 'webhook-signature': signature } = headers;
    expect(id).toMatch(/^[^.]{1,200}$/);
    expect(seconds).toMatch(/^\d{1,12}$/);
    expect(Math.abs(Number(seconds) - Date.now() / 1000)).toBeLessThan(300);
    const key = Buffer.from('MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'base64');
    const mac = createHmac('sha256', key).update(id).update('.').update(seconds).update('.').update(Buffer.from(body)).digest('base64');
    expect(signature).toBe(`v1,${mac}`);
}

test('signs as Standard Webhooks publishes it', () => {
    // Message id, time, body, secret and signature of the specification's own example.
    const signature = ingest.sign('msg_p5jXN8AQM9LWM0D4loKWxJek', 1614265330, '{"test": 2432232314}');
    expect(signature).toBe('v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=');
});

test('what is sent is what ingest verifies, whatever the text', () => {
    expect(ingest.send(EVENT, SETTINGS)).toEqual({ outcome: 'taken', status: 202 });
    const [request] = netsuite.posts;
    verify(request);
    expect(request.url).toBe(SETTINGS.url);
    expect(request.headers['webhook-key-id']).toBe('acme.1');
    expect(request.body).toMatch(/^[\x20-\x7e]*$/);
    expect(JSON.parse(request.body)).toEqual(EVENT);
});

test('each attempt has its own id, for the same is refused as a replay', () => {
    jest.spyOn(Date, 'now').mockReturnValue(1700000000000);
    for (const attempt of [0, 1, 2]) ingest.send(EVENT, SETTINGS, attempt);
    jest.restoreAllMocks();
    expect(new Set(netsuite.posts.map((p) => p.headers['webhook-id'])).size).toBe(3);
});

test.each([
    [202, 'taken'], [200, 'taken'], [400, 'refused'], [413, 'refused'], [422, 'refused'],
    [401, 'failed'], [403, 'failed'], [404, 'failed'], [409, 'failed'], [429, 'failed'], [500, 'failed'], [503, 'failed'], [302, 'failed'],
])('an HTTP %i means %s', (code, outcome) => {
    netsuite.answer = () => ({ code, body: 'why' });
    expect(ingest.send(EVENT, SETTINGS)).toMatchObject({ outcome, status: code });
});

test('no answer, no secret, no URL: failed, with the reason, and nothing thrown', () => {
    netsuite.answer = () => {
        throw fail('SSS_REQUEST_TIME_EXCEEDED', 'too slow');
    };
    expect(ingest.send(EVENT, SETTINGS)).toEqual({ outcome: 'failed', error: 'too slow' });
    crypto.createSecretKey.mockImplementation(() => {
        throw fail('SSS_INVALID_SECRET', 'no such secret');
    });
    expect(ingest.send(EVENT, SETTINGS)).toEqual({ outcome: 'failed', error: 'no such secret' });
});

test('the event RESTlet answers what became of the event', () => {
    expect(restlet.post({ event: EVENT })).toEqual({ outcome: 'taken', status: 202 });
    verify(netsuite.posts[0]);
    expect(netsuite.posts[0].headers['webhook-key-id']).toBe('acme.1');
    netsuite.answer = () => ({ code: 422, body: '{"field":"recordType"}' });
    expect(restlet.post({ event: EVENT })).toEqual({ outcome: 'refused', status: 422, error: 'HTTP 422: {"field":"recordType"}' });
});

test.each([[undefined], [{}], [{ event: {} }], ['x']])('%p is no event', (body) => {
    expect(() => restlet.post(body)).toThrow(expect.objectContaining({ name: 'SSS_INVALID_REQUEST_BODY' }));
    expect(netsuite.posts).toEqual([]);
});
