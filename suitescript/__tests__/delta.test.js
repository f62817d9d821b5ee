import Ajv from 'ajv';

import ue from 'SuiteScripts/suitex_sync/sx_ue_delta';

import runtime from 'N/runtime';

import schema from '../../schemas/change-event.schema.json';
import { NetSuite, fail } from '../testing/netsuite';

const UserEventType = { CREATE: 'create', EDIT: 'edit', XEDIT: 'xedit', DELETE: 'delete', APPROVE: 'approve' };
const OPERATION = '0b0c2f1e-0000-4000-8000-000000000001';

let netsuite;

beforeEach(() => {
    netsuite = new NetSuite();
    netsuite.parameters = { custscript_sx_delta_account: 'acme' };
});

/** Every event of every test is one that the hub accepts. */
const accepts = new Ajv().addSchema(schema, 'event').getSchema('event#/definitions/input');

afterEach(() => {
    for (const event of told()) expect([accepts(event), accepts.errors]).toEqual([true, null]);
});

/** What reached the outbox. */
function told() {
    return netsuite.all('customrecord_sx_outbox').map((row) => JSON.parse(row.values.custrecord_sx_outbox_event));
}

/** Somebody changes a stored record; the script sees it before and after. */
function edit(type, id, values, { as = UserEventType.EDIT, lines } = {}) {
    const oldRecord = netsuite.loaded(type, id);
    const stored = netsuite.stored(type, id);
    Object.assign(stored.values, values, { lastmodifieddate: new Date('2026-03-01T11:22:33Z') });
    if (lines) stored.lines = lines;
    const newRecord = netsuite.loaded(type, id);
    if (as === UserEventType.XEDIT) newRecord.only(...Object.keys(values));
    ue.afterSubmit({ type: as, UserEventType, oldRecord, newRecord });
}

test('an edit tells the fields that differ, new and old, and nothing else', () => {
    const id = netsuite.have('customer', {
        companyname: 'Ada', email: 'old@x.y', creditlimit: 10, custentity_tags: ['2', '1'], isinactive: false, externalid: 'sx-1',
    });
    edit('customer', id, { email: 'new@x.y', creditlimit: 12.5, custentity_tags: ['1', '2'], isinactive: true, phone: '' });
    expect(told()).toEqual([{
        eventId: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/),
        accountId: 'acme',
        recordType: 'customer',
        recordId: id,
        source: 'netsuite-ue',
        operation: 'update',
        timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
        revision: '2026-03-01T11:22:33Z',
        payload: {
            changes: { email: 'new@x.y', creditlimit: '12.5', isinactive: true },
            previous: { email: 'old@x.y', creditlimit: '10', isinactive: false },
        },
        metadata: { context: 'USERINTERFACE' },
        authContext: { actor: '7' },
        externalId: 'sx-1',
    }]);
});

test('the record as it was need not know its fields\' types', () => {
    const id = netsuite.have('customer', { email: 'old@x.y' });
    const oldRecord = Object.assign(netsuite.loaded('customer', id), { getField: () => null });
    netsuite.stored('customer', id).values.email = 'new@x.y';
    ue.afterSubmit({ type: UserEventType.EDIT, UserEventType, oldRecord, newRecord: netsuite.loaded('customer', id) });
    expect(told()[0].payload.previous).toEqual({ email: 'old@x.y' });
});

test('a cleared field is null, not absent', () => {
    const id = netsuite.have('customer', { email: 'old@x.y' });
    edit('customer', id, { email: '' });
    expect(told()[0].payload).toEqual({ changes: { email: null }, previous: { email: 'old@x.y' } });
});

test('an inline edit tells the edited field and clears no other', () => {
    const id = netsuite.have('customer', { companyname: 'Ada', email: 'old@x.y', phone: '1' });
    edit('customer', id, { email: 'new@x.y' }, { as: UserEventType.XEDIT });
    expect(told()[0].payload).toEqual({ changes: { email: 'new@x.y' }, previous: { email: 'old@x.y' } });
});

test('an inline edit that cannot be read again still clears nothing', () => {
    const id = netsuite.have('customer', { companyname: 'Ada', email: 'old@x.y', phone: '1' });
    netsuite.on.load = () => {
        throw fail('UNEXPECTED_ERROR');
    };
    edit('customer', id, { email: 'new@x.y' }, { as: UserEventType.XEDIT });
    expect(told()[0].payload).toEqual({ changes: { email: 'new@x.y' }, previous: { email: 'old@x.y' } });
    expect(told()[0]).not.toHaveProperty('revision');
});

test('what the account\'s own scripts made of a value is what is told', () => {
    const id = netsuite.have('customer', { companyname: 'Ada' });
    const oldRecord = netsuite.loaded('customer', id);
    const newRecord = netsuite.loaded('customer', id);
    newRecord.values.companyname = 'bob';
    netsuite.stored('customer', id).values.companyname = 'BOB';
    ue.afterSubmit({ type: UserEventType.EDIT, UserEventType, oldRecord, newRecord });
    expect(told()[0].payload.changes).toEqual({ companyname: 'BOB' });
});

test('a create tells what is filled', () => {
    const id = netsuite.have('inventoryitem', { itemid: 'Bolt', quantityavailable: 0 });
    ue.afterSubmit({ type: UserEventType.CREATE, UserEventType, oldRecord: null, newRecord: netsuite.loaded('inventoryitem', id) });
    expect(told()[0]).toMatchObject({
        recordType: 'item', operation: 'create', revision: '2026-03-01T10:00:00Z',
        payload: { changes: { itemid: 'Bolt', quantityavailable: '0', isinactive: false }, previous: {} },
    });
});

test('a delete tells the record as it was', () => {
    const id = netsuite.have('customer', { companyname: 'Ada', externalid: 'sx-1' });
    const oldRecord = netsuite.loaded('customer', id);
    netsuite.remove({ type: 'customer', id });
    const empty = Object.assign(Object.create(oldRecord), { getValue: () => '', getField: () => null });
    ue.afterSubmit({ type: UserEventType.DELETE, UserEventType, oldRecord, newRecord: empty });
    expect(told()[0]).toMatchObject({
        operation: 'delete', recordId: id, externalId: 'sx-1', revision: expect.stringMatching(/:\d\dZ$/),
        payload: { changes: {}, previous: { companyname: 'Ada', isinactive: false } },
    });
});

test('a changed line tells the whole sublist, before and after, by its keys', () => {
    const line = { item: '5', quantity: 1, rate: 10, lineuniquekey: '41' };
    const id = netsuite.have('salesorder', { memo: 'a' }, { item: [line] });
    const added = { item: '6', quantity: 2, rate: 1, lineuniquekey: '42', custcol_sx_line: 'sx-2' };
    edit('salesorder', id, {}, { lines: { item: [line, added] } });
    const wire = { lineuniquekey: '41', item: '5', quantity: '1', rate: '10', custcol_discount: null };
    const wireAdded = { lineuniquekey: '42', custcol_sx_line: 'sx-2', item: '6', quantity: '2', rate: '1', custcol_discount: null };
    expect(told()[0].payload).toEqual({ changes: { item: [wire, wireAdded] }, previous: { item: [wire] } });
});

test('lines without keys yet say nothing; the rest of the save is told', () => {
    const line = { item: '5', quantity: 1, rate: 10, lineuniquekey: '41' };
    const id = netsuite.have('salesorder', { memo: 'a' }, { item: [line] });
    netsuite.on.load = () => {
        throw fail('UNEXPECTED_ERROR');
    };
    edit('salesorder', id, { memo: 'b' }, { lines: { item: [line, { item: '6' }] } });
    expect(told()[0].payload).toEqual({ changes: { memo: 'b' }, previous: { memo: 'a' } });
});

test('a save that changes nothing synced is not told', () => {
    const id = netsuite.have('customer', { companyname: 'Ada' });
    edit('customer', id, { custentity_sx_operation: OPERATION });
    expect(told()).toEqual([]);
});

test('a type that is not synced is not told', () => {
    const record = { ...netsuite.loaded('customer', netsuite.have('customer')), type: 'vendor' };
    ue.afterSubmit({ type: UserEventType.EDIT, UserEventType, oldRecord: record, newRecord: record });
    expect(told()).toEqual([]);
    expect(netsuite.count('log.error')).toBe(0);
});

test('an update of ours is not told: the call that made it is answered; what is saved after it is', () => {
    runtime.executionContext = 'RESTLET';
    const id = netsuite.have('customer', { email: 'a' });
    edit('customer', id, { email: 'b', custentity_sx_operation: OPERATION });
    expect(netsuite.count('load')).toBe(0);
    edit('customer', id, { email: 'c' });
    expect(told().map((event) => [event.payload.changes.email, event.metadata])).toEqual([['c', { context: 'RESTLET' }]]);
});

test('a person who sets the mark is told of: no call of ours is answered with it', () => {
    const id = netsuite.have('customer', { email: 'a' });
    edit('customer', id, { email: 'b', custentity_sx_operation: OPERATION });
    expect(told().map((event) => event.payload.changes.email)).toEqual(['b']);
});

test('a create of ours is told, and named by its operation', () => {
    runtime.executionContext = 'RESTLET';
    const id = netsuite.have('customer', { email: 'a', custentity_sx_operation: OPERATION });
    ue.afterSubmit({ type: UserEventType.CREATE, UserEventType, oldRecord: null, newRecord: netsuite.loaded('customer', id) });
    expect(told()[0].metadata).toEqual({ context: 'RESTLET', operation: OPERATION });
});

test('a record that a person copies is not our write, though it has its mark', () => {
    const id = netsuite.have('customer', { email: 'a', custentity_sx_operation: OPERATION });
    ue.afterSubmit({ type: UserEventType.CREATE, UserEventType, oldRecord: null, newRecord: netsuite.loaded('customer', id) });
    expect(told()[0].metadata).toEqual({ context: 'USERINTERFACE' });
});

test('an event without the record as it was tells every field as it is', () => {
    const id = netsuite.have('inventoryitem', { itemid: 'Bolt' });
    ue.afterSubmit({ type: UserEventType.APPROVE, UserEventType, oldRecord: null, newRecord: netsuite.loaded('inventoryitem', id) });
    expect(told()[0].payload.changes).toMatchObject({ itemid: 'Bolt', class: null });
});

test('a field that the role does not see is not told as cleared', () => {
    const id = netsuite.have('customer', { email: 'a', phone: '1' });
    netsuite.hidden = ['email'];
    edit('customer', id, { email: '', phone: '2' });
    expect(told()[0].payload.changes).toEqual({ phone: '2' });
});

test('two saves are two events, the same save told twice is one', () => {
    const id = netsuite.have('customer', { email: 'a' });
    jest.useFakeTimers({ now: Date.parse('2026-03-01T12:00:00Z') });
    const context = { type: UserEventType.EDIT, UserEventType, oldRecord: netsuite.loaded('customer', id) };
    netsuite.stored('customer', id).values.email = 'b';
    context.newRecord = netsuite.loaded('customer', id);
    ue.afterSubmit(context);
    ue.afterSubmit(context);
    jest.advanceTimersByTime(1);
    ue.afterSubmit(context);
    jest.useRealTimers();
    const [first, again, later] = told().map((event) => event.eventId);
    expect(again).toBe(first);
    expect(later).not.toBe(first);
});

describe('mode direct', () => {
    beforeEach(() => {
        netsuite.parameters.custscript_sx_delta_mode = 'direct';
    });

    const change = () => edit('customer', netsuite.have('customer', { email: 'a' }), { email: 'b' });

    test('hands the event to the event RESTlet and leaves no row', () => {
        let asked;
        netsuite.restlet = (request) => {
            asked = request;
            return { code: 200, body: '{"outcome":"taken","status":202}' };
        };
        change();
        expect(asked).toMatchObject({ scriptId: 'customscript_sx_rl_event', deploymentId: 'customdeploy_sx_rl_event', method: 'POST' });
        expect(JSON.parse(asked.body).event.payload.changes).toEqual({ email: 'b' });
        expect(told()).toEqual([]);
    });

    test.each([
        ['it is not taken', () => ({ code: 200, body: '{"outcome":"failed","error":"HTTP 503"}' }), 'HTTP 503'],
        ['the answer is no JSON', () => ({ code: 200, body: '<html>' }), expect.any(String)],
        ['the RESTlet fails', () => ({ code: 400, body: '{"error":{"code":"SSS_REQUEST_LIMIT_EXCEEDED"}}' }), 'event RESTlet: HTTP 400'],
        ['nobody answers', () => { throw fail('SSS_REQUEST_TIME_EXCEEDED', 'slow'); }, 'slow'],
    ])('falls back to the outbox when %s', (_, restlet, error) => {
        netsuite.restlet = restlet;
        change();
        expect(told()).toHaveLength(1);
        expect(netsuite.all('customrecord_sx_outbox')[0].values.custrecord_sx_outbox_error).toEqual(error);
    });
});

test('mode outbox, the default, calls nobody', () => {
    edit('customer', netsuite.have('customer', { email: 'a' }), { email: 'b' });
    expect(netsuite.count('requestRestlet') + netsuite.count('post')).toBe(0);
    expect(netsuite.all('customrecord_sx_outbox')[0].values).toMatchObject({ custrecord_sx_outbox_attempts: 0 });
});

test('an event too long for a row goes without its old values', () => {
    const id = netsuite.have('customer', { comments: 'x'.repeat(600000) });
    edit('customer', id, { comments: 'y'.repeat(600000) });
    expect(told()[0].payload).toEqual({ changes: { comments: 'y'.repeat(600000) }, previous: {} });
});

describe('never throws', () => {
    test.each(['load', 'create', 'setValue', 'save', 'getParameter', 'log.audit', 'log.error', 'requestRestlet'])(
        'whatever %s throws',
        (where) => {
            for (const thrown of [fail('SSS_USAGE_LIMIT_EXCEEDED'), 'text', null, undefined]) {
                netsuite = new NetSuite();
                netsuite.parameters = { custscript_sx_delta_account: 'acme', custscript_sx_delta_mode: 'direct' };
                const id = netsuite.have('customer', { email: 'a' });
                const boom = () => {
                    throw thrown;
                };
                Object.assign(netsuite.on, { [where]: boom, ...(where.startsWith('log') ? { load: boom, save: boom } : {}) });
                expect(() => edit('customer', id, { email: 'b' })).not.toThrow();
            }
        },
    );

    test.each(['getCurrentUser', 'getCurrentScript'])('whatever runtime.%s throws', (name) => {
        const id = netsuite.have('customer', { email: 'a' });
        runtime[name].mockImplementation(() => {
            throw fail('UNEXPECTED_ERROR');
        });
        expect(() => edit('customer', id, { email: 'b' })).not.toThrow();
        expect(netsuite.count('log.error')).toBe(1);
    });

    test('on a context that makes no sense', () => {
        for (const context of [undefined, null, {}, { newRecord: null, oldRecord: null }]) {
            expect(() => ue.afterSubmit(context)).not.toThrow();
        }
    });
});
