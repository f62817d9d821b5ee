import write from 'SuiteScripts/suitex_sync/sx_rl_write';

import { NetSuite } from '../testing/netsuite';

let netsuite;
let operations = 0;

beforeEach(() => {
    netsuite = new NetSuite();
});

/** An order with lines 41 (born in NetSuite) and 42 (born in SuiteX as sx-2). */
function order() {
    const lines = [
        { item: '5', quantity: 1, rate: 10 },
        { item: '6', quantity: 2, rate: 20.5, custcol_sx_line: 'sx-2' },
    ];
    return netsuite.have('salesorder', { entity: '9' }, { item: lines });
}

function apply(id, item, expected = {}) {
    operations += 1;
    const operation = `0b0c2f1e-0000-4000-8000-${String(operations).padStart(12, '0')}`;
    const write1 = { operation, verb: 'update', type: 'salesorder', id, expected, values: { item }, fields: ['item'] };
    return write.post({ action: 'apply', writes: [write1] }).results[0];
}

const BORN_THERE = { lineuniquekey: '41', item: '5', quantity: '1', rate: '10', custcol_discount: null };
const BORN_HERE = { custcol_sx_line: 'sx-2', lineuniquekey: '42', item: '6', quantity: '2', rate: '20.5', custcol_discount: null };
/** As the hub names it: by its canonical key alone. */
const NAMED = { ...BORN_HERE, lineuniquekey: undefined };

function cellsSet() {
    return netsuite.calls.filter(([call]) => call === 'setSublistValue').map(([, , cell]) => cell);
}

test('lines are read with both of their keys', () => {
    const read = { action: 'read', reads: [{ type: 'salesorder', id: order(), fields: ['item'] }] };
    expect(write.post(read).results[0].values.item).toEqual([BORN_THERE, BORN_HERE]);
});

test('no lines are null', () => {
    const read = { action: 'read', reads: [{ type: 'salesorder', id: netsuite.have('salesorder'), fields: ['item'] }] };
    expect(write.post(read).results[0].values).toEqual({ item: null });
});

test('one changed cell sets one cell', () => {
    const id = order();
    const answer = apply(id, [BORN_THERE, { ...NAMED, quantity: '3' }], { item: [NAMED, BORN_THERE] });
    expect(answer).toMatchObject({ outcome: 'applied', values: { item: [BORN_THERE, { ...BORN_HERE, quantity: '3' }] } });
    expect(cellsSet()).toEqual(['1.quantity']);
});

test('the same lines in another order are the same lines', () => {
    const id = order();
    expect(apply(id, [NAMED, BORN_THERE]).outcome).toBe('applied');
    expect(netsuite.count('save', 'salesorder')).toBe(0);
});

test('a line that is not named goes, a new one comes, the rest keep their keys', () => {
    const answer = apply(order(), [NAMED, { custcol_sx_line: 'sx-3', item: '7', quantity: 4, rate: '1.0000' }]);
    expect(answer.values.item).toEqual([
        BORN_HERE,
        { custcol_sx_line: 'sx-3', lineuniquekey: '43', item: '7', quantity: '4', rate: '1', custcol_discount: null },
    ]);
});

test('null takes all lines away', () => {
    expect(apply(order(), null).values).toEqual({ item: null });
});

test('a line that came back under a new key is found by its old one, which it carries', () => {
    const id = netsuite.have('salesorder', {}, { item: [{ item: '5', quantity: 1, custcol_sx_line: '7', lineuniquekey: '99' }] });
    expect(apply(id, [{ lineuniquekey: '7', item: '5', quantity: '2' }]).values.item).toMatchObject([
        { lineuniquekey: '99', custcol_sx_line: '7', quantity: '2' },
    ]);
});

test('of a line and its copy only the first has the external key', () => {
    const twin = (rate) => ({ item: '5', quantity: 1, rate, custcol_sx_line: 'sx-1' });
    const id = netsuite.have('salesorder', {}, { item: [twin(1), twin(2)] });
    const { item } = write.post({ action: 'read', reads: [{ type: 'salesorder', id, fields: ['item'] }] }).results[0].values;
    expect(item.map((line) => [line.custcol_sx_line, line.lineuniquekey])).toEqual([['sx-1', '41'], [undefined, '42']]);
    expect(apply(id, [item[0]], { item }).values.item).toEqual([item[0]]);
});

test('a line born in NetSuite that is given an external key stays the same line', () => {
    expect(apply(order(), [{ ...BORN_THERE, custcol_sx_line: 'sx-1' }, NAMED]).values.item).toEqual([
        { ...BORN_THERE, custcol_sx_line: 'sx-1' },
        BORN_HERE,
    ]);
});

test.each([
    ['another cell', [BORN_THERE, { ...NAMED, quantity: '5' }]],
    ['a line too few', [BORN_THERE]],
    ['a line too many', [BORN_THERE, NAMED, { custcol_sx_line: 'sx-9', item: '1' }]],
    ['the same twice', [BORN_THERE, BORN_THERE]],
    ['no lines at all', null],
    ['no list', 'x'],
])('%s where lines are expected is a mismatch', (_, expected) => {
    expect(apply(order(), [], { item: expected }).outcome).toBe('mismatch');
    expect(netsuite.count('save', 'salesorder')).toBe(0);
});

test.each([
    ['an unknown key', [{ lineuniquekey: '77', item: '1' }], 'INVALID_KEY_OR_REF', 'no line with lineuniquekey 77'],
    ['an unknown column', [{ ...BORN_THERE, colour: 'red' }], 'INVALID_FLD_VALUE', "no column 'colour'"],
    ['a line twice', [BORN_THERE, BORN_THERE], 'INVALID_FLD_VALUE', 'names a line twice'],
    ['a new line twice', [{ custcol_sx_line: 'a' }, { custcol_sx_line: 'a' }], 'INVALID_FLD_VALUE', 'line a comes twice'],
    ['no line', ['x'], 'INVALID_FLD_VALUE', 'line 0 is not an object'],
    ['no list', 'x', 'INVALID_FLD_VALUE', 'not an array'],
    ['a bad cell', [{ ...BORN_THERE, rate: 'cheap' }], 'INVALID_FLD_VALUE', 'item'],
])('%s is refused, nothing is saved', (_, item, code, message) => {
    const { outcome, error } = apply(order(), item);
    expect(outcome).toBe('refused');
    expect(error).toEqual({ code, message: expect.stringContaining(message), field: 'item' });
    expect(netsuite.count('save', 'salesorder')).toBe(0);
});

test('five hundred lines, one changed: one cell', () => {
    const lines = Array.from({ length: 500 }, (_, n) => ({ item: '5', quantity: n, rate: 1, custcol_sx_line: `sx-${n}` }));
    const id = netsuite.have('salesorder', {}, { item: lines });
    const wanted = lines.map((line, n) => ({ custcol_sx_line: `sx-${n}`, item: '5', quantity: n === 250 ? 9999 : n, rate: '1' }));
    expect(apply(id, wanted).outcome).toBe('applied');
    expect(cellsSet()).toEqual(['250.quantity']);
});
