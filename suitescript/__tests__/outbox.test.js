import mr from 'SuiteScripts/suitex_sync/sx_mr_outbox';
import outbox from 'SuiteScripts/suitex_sync/lib/outbox';
import restlet from 'SuiteScripts/suitex_sync/sx_rl_event';

import { NetSuite, fail } from '../testing/netsuite';

let netsuite;

beforeEach(() => {
    netsuite = new NetSuite();
    netsuite.parameters = {
        custscript_sx_outbox_url: 'https://hub.example/m', custscript_sx_outbox_key: 'acme',
        custscript_sx_event_url: 'https://hub.example/e', custscript_sx_event_key: 'acme',
    };
});

function wait(recordId, n) {
    outbox.put({ eventId: `e${n}`, recordType: 'customer', recordId, payload: { changes: { email: `${n}` } } });
}

/** The whole script, as NetSuite runs it; what map writes comes to reduce in any order. */
function run() {
    const groups = new Map();
    for (const [index, row] of mr.getInputData().entries()) {
        const write = ({ key, value }) => groups.set(key, [String(value), ...(groups.get(key) ?? [])]);
        mr.map({ key: String(index), value: JSON.stringify(row), write });
    }
    for (const [key, values] of groups) mr.reduce({ key, values });
}

const sent = () => netsuite.posts.map((post) => JSON.parse(post.body).eventId);
const left = () => netsuite.all('customrecord_sx_outbox').map((row) => [row.values.name, row.values.custrecord_sx_outbox_attempts]);

test('rows are sent oldest first per record, and deleted when taken', () => {
    wait('1', 1);
    wait('2', 2);
    wait('1', 3);
    wait('1', 4);
    run();
    expect(sent().filter((id) => id !== 'e2')).toEqual(['e1', 'e3', 'e4']);
    expect(sent()).toContain('e2');
    expect(left()).toEqual([]);
    expect(netsuite.posts[0].url).toBe('https://hub.example/m');
});

test('a failed row is kept and counted, holds back those behind it, and nobody else\'s', () => {
    [1, 2, 3].forEach((n) => wait('1', n));
    wait('2', 4);
    netsuite.answer = ({ body }) => ({ code: body.includes('"e2"') ? 503 : 202, body: 'down' });
    run();
    expect(sent().sort()).toEqual(['e1', 'e2', 'e4']);
    expect(left()).toEqual([['e2', 1], ['e3', 0]]);
    expect(netsuite.all('customrecord_sx_outbox')[0].values.custrecord_sx_outbox_error).toBe('HTTP 503: down');
    netsuite.answer = () => ({ code: 202, body: '' });
    run();
    expect(sent().slice(-2)).toEqual(['e2', 'e3']);
    expect(left()).toEqual([]);
});

test('a row that the hub refuses is kept for people and holds nobody back', () => {
    [1, 2].forEach((n) => wait('1', n));
    netsuite.answer = ({ body }) => ({ code: body.includes('"e1"') ? 422 : 202, body: 'bad field' });
    run();
    expect(sent()).toEqual(['e1', 'e2']);
    expect(left()).toEqual([['e1', 1]]);
});

test('a row that failed too often is left alone', () => {
    wait('1', 1);
    netsuite.all('customrecord_sx_outbox')[0].values.custrecord_sx_outbox_attempts = 50;
    run();
    expect(sent()).toEqual([]);
    expect(left()).toHaveLength(1);
});

test('a row that holds no event is kept and counted', () => {
    wait('1', 1);
    netsuite.all('customrecord_sx_outbox')[0].values.custrecord_sx_outbox_event = '{';
    wait('1', 2);
    run();
    expect(sent()).toEqual(['e2']);
    expect(left()).toEqual([['e1', 1]]);
});

test('sending stops while there are units left', () => {
    [1, 2].forEach((n) => wait('1', n));
    netsuite.on.post = () => (netsuite.units = 299);
    run();
    expect(sent()).toEqual(['e1']);
    expect(left()).toEqual([['e2', 0]]);
});

test('more rows than one page holds are all found', () => {
    for (let n = 0; n < 1001; n += 1) netsuite.have('customrecord_sx_outbox', { custrecord_sx_outbox_about: `customer:${n}` });
    expect(outbox.waiting()).toHaveLength(1001);
});

test('the hub can have the outbox sent at once', () => {
    [1, 2].forEach((n) => wait('1', n));
    wait('2', 3);
    netsuite.answer = ({ body }) => ({ code: body.includes('"e3"') ? 500 : 202, body: '' });
    expect(restlet.post({ action: 'drain' })).toEqual({ taken: 2, refused: 0, failed: 1 });
    expect(left()).toEqual([['e3', 1]]);
    expect(netsuite.posts[0].url).toBe('https://hub.example/e');
});

test('operations are forgotten after a month', () => {
    const summary = { inputSummary: {}, mapSummary: fine(), reduceSummary: fine() };
    netsuite.have('customrecord_sx_idem', { name: 'old' });
    netsuite.clock += 31 * 86400000;
    netsuite.have('customrecord_sx_idem', { name: 'new' });
    mr.summarize(summary);
    expect(netsuite.all('customrecord_sx_idem').map((row) => row.values.name)).toEqual(['new']);
});

test('an old operation that cannot be deleted does not keep those behind it', () => {
    const [stuck] = ['old', 'older'].map((name) => netsuite.have('customrecord_sx_idem', { name }));
    netsuite.clock += 31 * 86400000;
    netsuite.on.delete = (_, id) => {
        if (id === stuck) throw fail('UNEXPECTED_ERROR');
    };
    mr.summarize({ inputSummary: {}, mapSummary: fine(), reduceSummary: fine() });
    expect(netsuite.all('customrecord_sx_idem').map((row) => row.id)).toEqual([stuck]);
    expect(netsuite.count('log.error')).toBe(1);
});

function fine() {
    return { errors: { iterator: () => ({ each: () => {} }) } };
}

test('what went wrong in a stage is logged', () => {
    const errors = (...keys) => ({ errors: { iterator: () => ({ each: (visit) => keys.forEach((key) => visit(key, 'x')) }) } });
    mr.summarize({ inputSummary: { error: 'x' }, mapSummary: errors(), reduceSummary: errors('customer:1', 'customer:2') });
    expect(netsuite.count('log.error')).toBe(3);
    expect(() => {
        netsuite.on.search = () => {
            throw fail('UNEXPECTED_ERROR');
        };
        mr.getInputData();
    }).toThrow('UNEXPECTED_ERROR');
});

test('rows that another run has sent meanwhile are passed over', () => {
    [1, 2, 3].forEach((n) => wait('1', n));
    const ids = outbox.waiting().map((row) => row.id);
    netsuite.remove({ type: 'customrecord_sx_outbox', id: ids[0] });
    netsuite.answer = ({ body }) => {
        if (body.includes('"e2"')) netsuite.remove({ type: 'customrecord_sx_outbox', id: ids[1] });
        return { code: 202, body: '{}' };
    };
    mr.reduce({ key: 'customer:1', values: ids });
    expect(sent()).toEqual(['e2', 'e3']);
    expect(left()).toEqual([]);
});

test('one record whose rows cannot be read does not keep the others from the hub', () => {
    wait('1', 1);
    wait('2', 2);
    const first = outbox.waiting()[0].id;
    netsuite.on.load = (type, id) => {
        if (String(id) === first) throw fail('UNEXPECTED_ERROR');
    };
    expect(restlet.post({ action: 'drain' })).toEqual({ taken: 1, refused: 0, failed: 1 });
    expect(netsuite.count('log.error')).toBe(1);
});
