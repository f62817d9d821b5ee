import write from 'SuiteScripts/suitex_sync/sx_rl_write';

import { NetSuite, fail } from '../testing/netsuite';

const OPERATION = '0b0c2f1e-0000-4000-8000-000000000001';
const FIELDS = ['companyname', 'email'];

let netsuite;

beforeEach(() => {
    netsuite = new NetSuite();
});

function create(unless, more = {}) {
    const values = { companyname: 'Ada', email: 'ada@x.y' };
    const one = { operation: OPERATION, verb: 'create', type: 'customer', externalId: 'sx-1', values, fields: FIELDS, unless, ...more };
    return write.post({ action: 'apply', writes: [one] }).results[0];
}

const BY_EMAIL = { keys: [{ email: 'ada@x.y' }] };

test('a create that finds nothing with its key creates', () => {
    netsuite.have('customer', { email: 'other@x.y' });
    expect(create(BY_EMAIL)).toMatchObject({ outcome: 'applied', externalId: 'sx-1' });
    expect(netsuite.count('search', 'customer')).toBe(2);
});

test('one that finds another creates nothing and shows it, in whatever case it is written', () => {
    const id = netsuite.have('customer', { email: ' ADA@x.y', companyname: 'Ada Ltd', externalid: 'CRM-7' });
    netsuite.stored('customer', id).values.email = 'ADA@x.y';
    const answer = create({ keys: [{ email: ' ada@X.Y ' }] });
    expect(answer).toEqual({
        outcome: 'twins',
        twins: [{
            outcome: 'found', id, externalId: 'CRM-7', lastModified: '2026-03-01T10:00:00Z',
            values: { companyname: 'Ada Ltd', email: 'ADA@x.y' },
        }],
    });
    expect(netsuite.count('save')).toBe(0);
});

test('all values of one key together, or those of another', () => {
    const both = netsuite.have('customer', { companyname: 'ada', zip: '1' });
    netsuite.have('customer', { companyname: 'Ada', zip: '2' });
    const mail = netsuite.have('customer', { email: 'ada@x.y', zip: '9' });
    const { twins } = create({ keys: [{ companyname: 'Ada', zip: '1' }, { email: 'ada@x.y' }] });
    expect(twins.map((twin) => twin.id)).toEqual([both, mail]);
});

test('what the hub knows to be others forbids nothing', () => {
    const [first, second] = [netsuite.have('customer', { email: 'ada@x.y' }), netsuite.have('customer', { email: 'ada@x.y' })];
    expect(create({ ...BY_EMAIL, except: [first] }).twins.map((twin) => twin.id)).toEqual([second]);
    expect(create({ ...BY_EMAIL, except: [first, second] }).outcome).toBe('applied');
});

test('an accent makes another name, whatever a search thinks of it', () => {
    netsuite.have('customer', { companyname: 'Adá' });
    expect(create({ keys: [{ companyname: 'Ada' }] }).outcome).toBe('applied');
});

test('what was created before is found first, though others are like it', () => {
    netsuite.have('customer', { email: 'ada@x.y' });
    const ours = netsuite.have('customer', { email: 'ada@x.y', externalid: 'sx-1' });
    expect(create(BY_EMAIL)).toMatchObject({ outcome: 'already_applied', id: ours });
});

test('ten are shown at most', () => {
    for (let n = 0; n < 12; n += 1) netsuite.have('customer', { email: 'ada@x.y' });
    expect(create(BY_EMAIL).twins).toHaveLength(10);
});

test('a select is asked for by its id', () => {
    const id = netsuite.have('customer', { country: 'DE' });
    netsuite.have('customer', { country: 'DEX' });
    expect(create({ keys: [{ country: 'DE' }] }).twins.map((twin) => twin.id)).toEqual([id]);
});

test('a field that cannot be searched is refused, and nothing created', () => {
    netsuite.on.search = (type) => {
        if (type === 'customer' && netsuite.count('create')) throw fail('SSS_INVALID_SRCH_FILTER_EXPR', 'Malformed search filter');
    };
    expect(create(BY_EMAIL)).toMatchObject({ outcome: 'refused', error: { code: 'SSS_INVALID_SRCH_FILTER_EXPR' } });
    expect(netsuite.count('save')).toBe(0);
});
