import write from 'SuiteScripts/suitex_sync/sx_rl_write';

import { NetSuite, fail } from '../testing/netsuite';

const OPERATION = '0b0c2f1e-0000-4000-8000-000000000001';
const OTHER = '0b0c2f1e-0000-4000-8000-000000000002';
const FIELDS = ['companyname', 'email', 'creditlimit'];

let netsuite;

beforeEach(() => {
    netsuite = new NetSuite();
});

function apply(...writes) {
    return write.post({ action: 'apply', writes }).results;
}

function update(id, values, more = {}) {
    return { operation: OPERATION, verb: 'update', type: 'customer', id, expected: {}, values, fields: FIELDS, ...more };
}

function create(externalId, values, more = {}) {
    return { operation: OPERATION, verb: 'create', type: 'customer', externalId, values, fields: FIELDS, ...more };
}

function remove(id, more = {}) {
    return { operation: OPERATION, verb: 'delete', type: 'customer', id, expected: {}, values: {}, fields: FIELDS, ...more };
}

describe('an update', () => {
    test('sets what differs, in one save, and answers all that was asked', () => {
        const id = netsuite.have('customer', { companyname: 'Ada', email: 'old@x.y', creditlimit: 12.5, externalid: 'sx-1' });
        const [answer] = apply(update(id, { email: 'new@x.y', creditlimit: '12.50' }, { expected: { email: 'old@x.y' } }));
        expect(answer).toEqual({
            outcome: 'applied',
            id,
            externalId: 'sx-1',
            lastModified: '2026-03-01T10:00:01Z',
            values: { companyname: 'Ada', email: 'new@x.y', creditlimit: '12.5' },
        });
        const set = netsuite.calls.filter(([call, type]) => call === 'setValue' && type === 'customer').map(([, , field]) => field);
        expect(set).toEqual(['email', 'custentity_sx_operation']);
        expect(netsuite.count('save', 'customer')).toBe(1);
    });

    test('compares before it sets, and writes nothing where a field holds something else', () => {
        const id = netsuite.have('customer', { companyname: 'Ada', email: 'somebody@x.y' });
        const [answer] = apply(update(id, { email: 'new@x.y' }, { expected: { email: 'old@x.y' } }));
        expect(answer).toMatchObject({ outcome: 'mismatch', id, values: { email: 'somebody@x.y' } });
        expect(netsuite.count('setValue')).toBe(0);
        expect(netsuite.count('save')).toBe(0);
    });

    test('is not a mismatch where the field holds what is wanted already', () => {
        const id = netsuite.have('customer', { email: 'new@x.y' });
        expect(apply(update(id, { email: 'new@x.y' }, { expected: { email: 'old@x.y' } }))[0].outcome).toBe('applied');
        expect(netsuite.count('save', 'customer')).toBe(0);
    });

    test.each([
        ['text', { email: ' a ' }, { email: 'a' }, 'mismatch'],
        ['empty text', { email: '' }, { email: null }, 'applied'],
        ['a decimal at the scale it was seen in', { creditlimit: 12.345 }, { creditlimit: '12.35' }, 'applied'],
        ['another decimal', { creditlimit: 12.344 }, { creditlimit: '12.35' }, 'mismatch'],
        ['what the field could never hold', { creditlimit: 12 }, { creditlimit: 'twelve' }, 'mismatch'],
    ])('compares %s as the hub would', (_, there, expected, outcome) => {
        const id = netsuite.have('customer', there);
        expect(apply(update(id, { companyname: 'Ada' }, { expected }))[0].outcome).toBe(outcome);
    });

    test('clears with null, and leaves alone what it does not name', () => {
        const id = netsuite.have('customer', { companyname: 'Ada', email: 'a@b.c' });
        expect(apply(update(id, { email: null }))[0].values).toEqual({ companyname: 'Ada', email: null, creditlimit: null });
        expect(netsuite.stored('customer', id).values).toMatchObject({ companyname: 'Ada', email: '' });
    });

    test('of a field that the role does not see is refused; reading it says nothing, not null', () => {
        netsuite.hidden = ['email'];
        const id = netsuite.have('customer', { companyname: 'Ada', email: 'a@b.c' });
        const [refused] = apply(update(id, { email: 'x' }));
        expect(refused).toMatchObject({ outcome: 'refused', error: { code: 'INVALID_FLD_VALUE', field: 'email' } });
        expect(refused.values).toEqual({ companyname: 'Ada', creditlimit: null });
    });

    test('answers deleted for what NetSuite knows was deleted, and missing for what it does not', () => {
        const id = netsuite.have('customer', { externalid: 'sx-1' });
        netsuite.remove({ type: 'customer', id });
        jest.spyOn(Date, 'now').mockReturnValue(Date.parse('2026-03-01T10:31:30.5Z'));
        expect(apply(update(id, {}))[0]).toEqual({ outcome: 'deleted', id, lastModified: '2026-03-01T10:30:00Z' });
        jest.restoreAllMocks();
        expect(apply(update('99', {}, { operation: OTHER }))[0]).toEqual({ outcome: 'missing' });
        expect(apply({ ...update(id, {}, { operation: OTHER }), type: 'salesorder' })[0]).toEqual({ outcome: 'missing' });
    });

    test('takes an id only as NetSuite writes it', () => {
        const id = netsuite.have('customer', { email: 'a' });
        expect(apply(update(`0${id}`, { email: 'b' }))[0]).toEqual({ outcome: 'missing' });
        expect(netsuite.stored('customer', id).values.email).toBe('a');
    });

    test('repeated writes nothing and answers what there is now', () => {
        const id = netsuite.have('customer', { email: 'old@x.y' });
        apply(update(id, { email: 'new@x.y' }, { expected: { email: 'old@x.y' } }));
        netsuite.stored('customer', id).values.email = 'later@x.y';
        const [again] = apply(update(id, { email: 'new@x.y' }, { expected: { email: 'old@x.y' } }));
        expect(again).toMatchObject({ outcome: 'already_applied', values: { email: 'later@x.y' } });
        expect(netsuite.count('save', 'customer')).toBe(1);
    });

    test('twice in one call is done once', () => {
        const id = netsuite.have('customer', { email: 'old@x.y' });
        const outcomes = apply(update(id, { email: 'a' }), update(id, { email: 'a' })).map((o) => o.outcome);
        expect(outcomes).toEqual(['applied', 'already_applied']);
    });

    test('whose row was never written is known by its mark in the record, though somebody changed it since', () => {
        const id = netsuite.have('customer', { email: 'old@x.y' });
        netsuite.on.save = (type) => {
            if (type === 'customrecord_sx_idem') throw fail('UNEXPECTED_ERROR');
        };
        expect(apply(update(id, { email: 'new@x.y' }))[0].outcome).toBe('applied');
        expect(netsuite.all('customrecord_sx_idem')).toEqual([]);
        netsuite.stored('customer', id).values.email = 'later@x.y';
        const [again] = apply(update(id, { email: 'new@x.y' }));
        expect(again).toMatchObject({ outcome: 'already_applied', values: { email: 'later@x.y' } });
        expect(netsuite.count('save', 'customer')).toBe(1);
        expect(netsuite.count('log.error')).toBe(1);
    });

    test('overtaken between load and save is compared again and saved', () => {
        const id = netsuite.have('customer', { companyname: 'Ada', email: 'old@x.y' });
        let times = 2;
        netsuite.on.save = (type) => {
            if (type !== 'customer' || times === 0) return;
            times -= 1;
            overtake(id, { companyname: `Ada ${times}` });
        };
        const [answer] = apply(update(id, { email: 'new@x.y' }, { expected: { email: 'old@x.y' } }));
        expect(answer).toMatchObject({ outcome: 'applied', values: { companyname: 'Ada 0', email: 'new@x.y' } });
    });

    test('overtaken in the very field is a mismatch, with the other\'s value', () => {
        const id = netsuite.have('customer', { email: 'old@x.y' });
        netsuite.on.save = (type) => type === 'customer' && overtake(id, { email: 'theirs@x.y' });
        const [answer] = apply(update(id, { email: 'new@x.y' }, { expected: { email: 'old@x.y' } }));
        expect(answer).toMatchObject({ outcome: 'mismatch', values: { email: 'theirs@x.y' } });
    });

    test.each(['RCRD_HAS_BEEN_CHANGED', 'CUSTOM_RECORD_COLLISION'])('gives up after three %s', (code) => {
        const id = netsuite.have('customer', { email: 'old@x.y' });
        netsuite.on.save = (type) => {
            if (type === 'customer') throw fail(code);
        };
        expect(apply(update(id, { email: 'new@x.y' }))[0].outcome).toBe('mismatch');
        expect(netsuite.count('save', 'customer')).toBe(3);
    });

    test('that cannot be looked at afterwards was still applied', () => {
        const id = netsuite.have('customer', { email: 'old@x.y' });
        netsuite.on.saved = () => {
            netsuite.on.load = () => {
                throw fail('UNEXPECTED_ERROR');
            };
        };
        expect(apply(update(id, { email: 'new@x.y' }))[0]).toEqual({ outcome: 'applied', id });
        expect(netsuite.stored('customer', id).values.email).toBe('new@x.y');
    });

    test('that a script of the account throws after is done all the same, and remembered', () => {
        const id = netsuite.have('customer', { email: 'old@x.y' });
        netsuite.on.saved = (type) => {
            if (type === 'customer') throw fail('USER_ERROR', 'Their script');
        };
        const first = apply(update(id, { email: 'new@x.y' }))[0];
        expect(first).toMatchObject({ outcome: 'applied', id, values: { email: 'new@x.y' } });
        expect(netsuite.all('customrecord_sx_idem')).toHaveLength(1);
        expect(apply(update(id, { email: 'new@x.y' }))[0].outcome).toBe('already_applied');
        expect(netsuite.count('save', 'customer')).toBe(1);
    });

    function overtake(id, values) {
        const stored = netsuite.stored('customer', id);
        Object.assign(stored.values, values);
        stored.version += 1;
    }
});

describe('a create', () => {
    test('sets the external id, and a second one finds the first and writes nothing', () => {
        const [first] = apply(create('sx-1', { companyname: 'Ada' }));
        expect(first).toMatchObject({ outcome: 'applied', externalId: 'sx-1', values: { companyname: 'Ada' } });
        const [second] = apply(create('sx-1', { companyname: 'Bob' }, { operation: OTHER }));
        expect(second).toMatchObject({ outcome: 'already_applied', id: first.id, values: { companyname: 'Ada' } });
        expect(netsuite.all('customer')).toHaveLength(1);
        expect(netsuite.count('save', 'customer')).toBe(1);
    });

    test('repeated without its row finds its record by the external id', () => {
        netsuite.on.save = (type) => {
            if (type === 'customrecord_sx_idem') throw fail('UNEXPECTED_ERROR');
        };
        apply(create('sx-1', { companyname: 'Ada' }));
        expect(apply(create('sx-1', { companyname: 'Ada' }))[0].outcome).toBe('already_applied');
        expect(netsuite.all('customer')).toHaveLength(1);
    });

    test('that loses a race finds the winner', () => {
        netsuite.on.save = (type, made) => {
            if (type !== 'customer') return;
            netsuite.have('customer', { companyname: 'Winner', externalid: made.values.externalid });
        };
        const [answer] = apply(create('sx-1', { companyname: 'Ada' }));
        expect(answer).toMatchObject({ outcome: 'already_applied', values: { companyname: 'Winner' } });
        expect(netsuite.all('customer')).toHaveLength(1);
    });

    test('of a record that was deleted since is told so, not done again', () => {
        const [{ id }] = apply(create('sx-1', { companyname: 'Ada' }));
        netsuite.remove({ type: 'customer', id });
        expect(apply(create('sx-1', { companyname: 'Ada' }))[0]).toMatchObject({ outcome: 'deleted', id });
    });

    test('refused by NetSuite names the field, found by its label', () => {
        netsuite.on.save = (type) => {
            if (type === 'customer') throw fail('USER_ERROR', 'Please enter value(s) for: Company Name');
        };
        expect(apply(create('sx-1', {}))[0]).toEqual({
            outcome: 'refused',
            error: { code: 'USER_ERROR', message: 'Please enter value(s) for: Company Name', field: 'companyname' },
        });
    });
});

describe('a delete', () => {
    test('deletes once; again it was done already', () => {
        const id = netsuite.have('customer', { email: 'a', externalid: 'sx-1' });
        expect(apply(remove(id, { expected: { email: 'a' } }))[0]).toMatchObject({ outcome: 'applied', id, externalId: 'sx-1' });
        expect(apply(remove(id))[0]).toMatchObject({ outcome: 'already_applied', id });
        expect(apply(remove(id, { operation: OTHER }))[0]).toMatchObject({ outcome: 'already_applied', id });
        expect(netsuite.count('delete')).toBe(1);
    });

    test('that a script of the account throws after is done all the same', () => {
        const id = netsuite.have('customer', { email: 'old@x.y' });
        netsuite.on.removed = () => {
            throw fail('USER_ERROR', 'Their script');
        };
        expect(apply(remove(id))[0]).toMatchObject({ outcome: 'already_applied', id });
    });

    test('of what somebody changed is a mismatch', () => {
        const id = netsuite.have('customer', { email: 'theirs' });
        expect(apply(remove(id, { expected: { email: 'a' } }))[0].outcome).toBe('mismatch');
        expect(netsuite.count('delete')).toBe(0);
    });

    test('of what never was is missing', () => {
        expect(apply(remove('99'))[0]).toEqual({ outcome: 'missing' });
    });
});

describe('a batch', () => {
    const operation = (n) => `0b0c2f1e-0000-4000-8000-0000000000${10 + n}`;

    test('is not hurt by one poison write of ten', () => {
        const ids = Array.from({ length: 10 }, (_, n) => netsuite.have('customer', { email: `old${n}` }));
        netsuite.on.save = (type, changed) => {
            if (changed.id === ids[3]) throw fail('USER_ERROR', 'This record has been locked by a user defined workflow.');
        };
        const writes = ids.map((id, n) => update(id, { email: `new${n}` }, { operation: operation(n) }));
        writes[6].expected = { email: 'not this' };
        const results = apply(...writes);
        expect(results.map((r) => r.outcome)).toEqual([
            'applied', 'applied', 'applied', 'refused', 'applied', 'applied', 'mismatch', 'applied', 'applied', 'applied',
        ]);
        expect(results[3]).toMatchObject({ id: ids[3], values: { email: 'old3' }, error: { code: 'USER_ERROR' } });
    });

    test('stops while there are units left, and says which were not tried', () => {
        const ids = [1, 2, 3].map((n) => netsuite.have('customer', { email: `old${n}` }));
        netsuite.on.save = (type, changed) => {
            if (changed.id === ids[0]) netsuite.units = 320;
        };
        const answer = write.post({
            action: 'apply',
            writes: ids.map((id, n) => update(id, { email: 'new' }, { operation: operation(n) })),
        });
        expect(answer.results.map((r) => r.outcome)).toEqual(['applied', 'not_attempted', 'not_attempted']);
        expect(answer.remainingUsage).toBe(netsuite.units);
        expect(netsuite.stored('customer', ids[1]).values.email).toBe('old2');
    });

    test('stops when its time runs low', () => {
        const ids = [1, 2].map((n) => netsuite.have('customer', { email: `old${n}` }));
        const began = Date.now();
        netsuite.on.save = () => jest.spyOn(Date, 'now').mockReturnValue(began + 201000);
        const outcomes = apply(...ids.map((id, n) => update(id, { email: 'new' }, { operation: operation(n) })));
        jest.restoreAllMocks();
        expect(outcomes.map((r) => r.outcome)).toEqual(['applied', 'not_attempted']);
    });

    test('of ten on transactions takes a tenth of a run\'s units', () => {
        const ids = Array.from({ length: 10 }, () => netsuite.have('salesorder', { memo: 'a' }));
        const writes = ids.map((id, n) => ({ ...update(id, { memo: 'b' }), type: 'salesorder', operation: operation(n) }));
        expect(apply(...writes).every((r) => r.outcome === 'applied')).toBe(true);
        expect(5000 - netsuite.units).toBeLessThanOrEqual(710);
    });
});

describe('a refusal', () => {
    test.each([
        ['INVALID_KEY_OR_REF', 'Invalid parent reference key 99.', 'parent'],
        ['INVALID_FLD_VALUE', 'You have entered an Invalid Field Value x for the following field: email', 'email'],
        ['USER_ERROR', 'This record has been locked by a user defined workflow.', undefined],
        ['INSUFFICIENT_PERMISSION', 'You do not have permission.', undefined],
    ])('%s keeps its code, message and field', (code, message, field) => {
        const id = netsuite.have('customer', { email: 'a' });
        netsuite.on.save = () => {
            throw fail(code, message);
        };
        const [{ error, outcome }] = apply(update(id, { email: 'b' }));
        expect([outcome, error]).toEqual(['refused', field ? { code, message, field } : { code, message }]);
    });

    test('while a field is set names that field', () => {
        const id = netsuite.have('customer', { email: 'a' });
        netsuite.on.setValue = (_, field) => {
            if (field === 'email') throw fail('SSS_INVALID_UI_OBJECT', 'no');
        };
        expect(apply(update(id, { email: 'b' }))[0].error).toEqual({ code: 'SSS_INVALID_UI_OBJECT', message: 'no', field: 'email' });
    });

    test('of an unknown type, and of a bug of ours, is on that write alone', () => {
        const id = netsuite.have('customer', { email: 'a' });
        const strange = update('1', {}, { type: 'elephant', operation: OTHER });
        const [first, second] = apply(strange, update(id, { email: 'b' }));
        expect(first).toEqual({ outcome: 'refused', error: { code: 'INVALID_RCRD_TYPE', message: expect.any(String) } });
        expect(second.outcome).toBe('applied');
        netsuite.on.save = () => undefined.nothing;
        expect(apply(update(id, { email: 'c' }, { operation: OTHER }))[0].error.code).toBe('UNEXPECTED_ERROR');
    });
});

describe('a body that is no call', () => {
    test.each([
        [undefined, 'action'],
        ['apply', 'action'],
        [{ action: 'apply' }, 'writes'],
        [{ action: 'apply', writes: Array(11).fill(update('1', {})) }, 'At most 10'],
        [{ action: 'apply', writes: [update('1', {}, { verb: 'upsert' })] }, '[0] verb'],
        [{ action: 'apply', writes: [update('1', {}, { operation: undefined })] }, '[0] operation'],
        [{ action: 'read', reads: [{ type: 'customer' }] }, '[0] fields'],
    ])('%p is refused whole, with a reason', (body, reason) => {
        expect(() => write.post(body)).toThrow(
            expect.objectContaining({ name: 'SSS_INVALID_REQUEST_BODY', message: expect.stringContaining(reason) }),
        );
        expect(netsuite.count('save')).toBe(0);
    });
});

test('nothing that we ship calls record.submitFields', async () => {
    const { ESLint } = jest.requireActual('eslint');
    const eslint = new ESLint();
    const lint = async (code) => {
        const [{ messages }] = await eslint.lintText(code, { filePath: 'src/FileCabinet/SuiteScripts/x.js' });
        return messages.map((m) => m.ruleId);
    };
    expect(await lint('record.submitFields({});')).toContain('no-restricted-syntax');
    expect(await lint("record['submitFields']({});")).toContain('no-restricted-syntax');
    expect(await lint('const { submitFields } = record;')).toContain('no-restricted-syntax');
});
