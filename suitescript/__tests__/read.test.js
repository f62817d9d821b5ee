import write from 'SuiteScripts/suitex_sync/sx_rl_write';

import { NetSuite, fail } from '../testing/netsuite';

const OPERATION = '0b0c2f1e-0000-4000-8000-000000000001';
const FIELDS = ['companyname', 'email'];

let netsuite;

beforeEach(() => {
    netsuite = new NetSuite();
});

function read(look) {
    return write.post({ action: 'read', reads: [{ type: 'customer', fields: FIELDS, ...look }] }).results[0];
}

function apply(more) {
    const shape = { operation: OPERATION, verb: 'update', type: 'customer', expected: {}, values: {}, fields: FIELDS };
    return write.post({ action: 'apply', writes: [{ ...shape, ...more }] }).results[0];
}

test('by id and by external id, the same record', () => {
    const id = netsuite.have('customer', { companyname: 'Ada', externalid: 'sx-1' });
    const found = {
        outcome: 'found', id, externalId: 'sx-1', lastModified: '2026-03-01T10:00:00Z', values: { companyname: 'Ada', email: null },
    };
    expect(read({ id })).toEqual(found);
    expect(read({ externalId: 'sx-1' })).toEqual(found);
});

test('a field that the type does not have, or the role does not see, is left out', () => {
    const id = netsuite.have('customer', { companyname: 'Ada', email: 'a' });
    netsuite.hidden = ['email'];
    expect(read({ id, fields: ['companyname', 'email', 'nonsense'] }).values).toEqual({ companyname: 'Ada' });
});

test('deleted is not missing, by either id', () => {
    const id = netsuite.have('customer', { externalid: 'sx-1' });
    netsuite.remove({ type: 'customer', id });
    expect(read({ id })).toEqual({ outcome: 'deleted', id, lastModified: expect.stringMatching(/:\d\dZ$/) });
    expect(read({ externalId: 'sx-1' })).toEqual({ outcome: 'deleted', externalId: 'sx-1', lastModified: '2026-03-01T10:30:00Z' });
    expect(read({ id: '99' })).toEqual({ outcome: 'missing' });
    expect(read({ externalId: 'sx-9' })).toEqual({ outcome: 'missing' });
    expect(read({})).toEqual({ outcome: 'missing' });
});

test('a deletion is known under the label of its type too, and not that of another type', () => {
    const id = netsuite.have('salesorder');
    netsuite.remove({ type: 'salesorder', id });
    expect(read({ id, type: 'salesorder' }).outcome).toBe('deleted');
    expect(read({ id }).outcome).toBe('missing');
});

test('an operation that was carried out is told with what the record held right after', () => {
    const id = netsuite.have('customer', { companyname: 'Ada', email: 'old' });
    apply({ id, values: { email: 'new' } });
    netsuite.stored('customer', id).values.email = 'later';
    const answer = read({ id, operations: [OPERATION, '0b0c2f1e-0000-4000-8000-00000000000f'] });
    expect(answer).toMatchObject({ outcome: 'found', values: { email: 'later' } });
    expect(answer.held).toEqual({ [OPERATION]: { companyname: 'Ada', email: 'new' } });
    expect(read({ id, operations: [OPERATION], fields: ['email'] }).held).toEqual({ [OPERATION]: { email: 'new' } });
});

test('an operation whose row was lost is known by its mark, without values', () => {
    const id = netsuite.have('customer', { email: 'old' });
    netsuite.on.save = (type) => {
        if (type === 'customrecord_sx_idem') throw fail('UNEXPECTED_ERROR');
    };
    apply({ id, values: { email: 'new' } });
    expect(read({ id, operations: [OPERATION] }).held).toEqual({ [OPERATION]: {} });
});

test('a record under neither id is found through the operation that made it', () => {
    const { id } = apply({ verb: 'create', externalId: 'sx-1', values: { companyname: 'Ada' } });
    netsuite.stored('customer', id).values.externalid = 'renamed';
    expect(read({ externalId: 'sx-1', operations: [OPERATION] })).toMatchObject({ outcome: 'found', id });
});

test('a delete that was carried out is told, and held nothing', () => {
    const id = netsuite.have('customer', { email: 'a' });
    apply({ id, verb: 'delete' });
    expect(read({ id, operations: [OPERATION] })).toMatchObject({ outcome: 'deleted', held: { [OPERATION]: {} } });
});

test('what cannot be looked at is refused by itself', () => {
    const [good, bad] = [netsuite.have('customer', { email: 'a' }), netsuite.have('customer')];
    netsuite.on.load = (_, id) => {
        if (id === bad) throw fail('INSUFFICIENT_PERMISSION', 'no');
    };
    const reads = [bad, good].map((id) => ({ type: 'customer', id, fields: FIELDS }));
    const { results } = write.post({ action: 'read', reads });
    expect(results.map((r) => r.outcome)).toEqual(['refused', 'found']);
});

test('looks stop while there are units left', () => {
    netsuite.units = 299;
    expect(read({ id: netsuite.have('customer') })).toEqual({ outcome: 'not_attempted' });
});

test('a probe tells zone, formats, features, units, and what the role sees', () => {
    netsuite.hidden = ['email'];
    const types = [{ type: 'customer', fields: ['companyname', 'email'] }, { type: 'salesorder', fields: ['item'] }, { type: 'elephant', fields: [] }];
    expect(write.post({ action: 'probe', types })).toEqual({
        timeZone: 'pref TIMEZONE',
        dateFormat: 'pref DATEFORMAT',
        timeFormat: 'pref TIMEFORMAT',
        now: expect.stringMatching(/^\d{4}-.*Z$/),
        features: { MULTICURRENCY: true, SUBSIDIARIES: false, MULTPRICE: false, MULTILOCINVT: false },
        types: [
            { type: 'customer', visible: { companyname: 'text' }, hidden: ['email'] },
            {
                type: 'salesorder',
                visible: { item: { item: 'select', quantity: 'float', rate: 'currency', custcol_discount: 'percent' } },
                hidden: [],
            },
            { type: 'elephant', error: { code: 'INVALID_RCRD_TYPE', message: expect.any(String) } },
        ],
        remainingUsage: netsuite.units,
    });
    expect(netsuite.count('save')).toBe(0);
    expect(write.post({ action: 'probe' }).types.map((t) => t.type)).toEqual(['customer', 'inventoryitem', 'salesorder']);
});
