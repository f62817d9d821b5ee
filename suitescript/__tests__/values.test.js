import { execFileSync } from 'node:child_process';

import format from 'N/format';

import decimal from 'SuiteScripts/suitex_sync/lib/decimal';
import values from 'SuiteScripts/suitex_sync/lib/values';

import { NetSuite } from '../testing/netsuite';

beforeEach(() => new NetSuite());

describe('values', () => {
    test.each([
        ['text', '', null],
        ['text', ' a ', ' a '],
        ['text', null, null],
        ['select', 3, '3'],
        ['select', '3', '3'],
        ['checkbox', true, true],
        ['checkbox', 'T', true],
        ['checkbox', 'F', false],
        ['checkbox', false, false],
        ['integer', '7', 7],
        ['integer', 0, 0],
        ['currency', 12.5, '12.5'],
        ['currency', '12.50', '12.5'],
        ['currency', 0, '0'],
        ['currency', '', null],
        ['percent', 1e-7, '0.0000001'],
        ['multiselect', ['b', 'a', 'b'], ['a', 'b']],
        ['multiselect', 'b\u0005a', ['a', 'b']],
        ['multiselect', [], null],
        ['date', new Date(2026, 1, 28), '2026-02-28'],
        ['datetimetz', new Date('2026-02-28T01:00:00Z'), '2026-02-28T01:00:00.000Z'],
    ])('a %s %p is %p on the wire', (type, raw, wire) => {
        expect(values.read(type, raw)).toEqual(wire);
    });

    test('text in the user\'s format and zone is NetSuite\'s to read', () => {
        format.parse.mockReturnValue(new Date('2026-02-28T09:00:00Z'));
        expect(values.read('datetimetz', '28.02.2026 10:00:00')).toBe('2026-02-28T09:00:00.000Z');
        expect(format.parse).toHaveBeenCalledWith({ value: '28.02.2026 10:00:00', type: format.Type.DATETIMETZ });
    });

    test.each([
        ['text', null, ''],
        ['checkbox', null, false],
        ['multiselect', null, []],
        ['checkbox', 'T', true],
        ['currency', '12.50', 12.5],
        ['integer', '7', 7],
        ['date', '2026-02-28', new Date(2026, 1, 28)],
        ['datetimetz', '2026-02-28T02:00:00+01:00', new Date('2026-02-28T01:00:00Z')],
        ['multiselect', ['b', 'a'], ['a', 'b']],
        ['select', { id: 3 }, '3'],
    ])('a %s takes %p as %p', (type, wire, raw) => {
        expect(values.write(type, wire, 'f')).toEqual(raw);
    });

    test.each([
        ['date', '2026-02-30'],
        ['date', 20260228],
        ['datetimetz', '2026-02-28'],
        ['currency', '12,50'],
        ['currency', true],
        ['checkbox', 'maybe'],
        ['multiselect', 'a,b'],
        ['text', ['a']],
    ])('a %s refuses %p, and names the field', (type, wire) => {
        const refusal = { name: 'INVALID_FLD_VALUE', field: 'memo', message: expect.stringContaining('following field: memo') };
        expect(() => values.write(type, wire, 'memo')).toThrow(expect.objectContaining(refusal));
        expect(values.same(type, null, wire)).toBe(false);
    });

    test('two forms of one value are the same, two values are not', () => {
        expect(values.same('currency', '12.5', '12.50')).toBe(true);
        expect(values.same('currency', '12.5', '12.51')).toBe(false);
        expect(values.same('text', 'a', 'a ')).toBe(false);
        expect(values.same('text', null, '')).toBe(true);
        expect(values.same('text', '0', null)).toBe(false);
        expect(values.same('checkbox', true, 'T')).toBe(true);
        expect(values.same('multiselect', ['a', 'b'], ['b', 'a'])).toBe(true);
        expect(values.same('datetimetz', '2026-02-28T01:00:00.000Z', '2026-02-28T02:00:00+01:00')).toBe(true);
    });

    test.each(['UTC', 'America/Los_Angeles', 'Pacific/Auckland', 'Asia/Kathmandu', 'America/Sao_Paulo'])(
        'a day stays that day when scripts run in %s',
        (zone) => {
            const days = ['2026-01-01', '2026-03-08', '2026-10-25', '2018-11-04', '2026-12-31'];
            const out = execFileSync(process.execPath, ['testing/zone.js', ...days], { env: { ...process.env, TZ: zone } });
            expect(JSON.parse(String(out))).toEqual(days);
        },
    );
});

describe('decimals', () => {
    test.each([
        ['12.50', '12.5'],
        ['-0.00', '0'],
        ['1.25e1', '12.5'],
        [1e21, '1000000000000000000000'],
        ['.5', '0.5'],
        ['0100', '100'],
        ['', undefined],
        ['.', undefined],
        ['1e9999', undefined],
        ['12 USD', undefined],
    ])('%p is %p', (value, text) => {
        expect(decimal.text(value)).toBe(text);
    });

    test('wanted text is compared at its own scale, half away from zero', () => {
        expect(decimal.equal('12.345', '12.35')).toBe(true);
        expect(decimal.equal('-12.345', '-12.35')).toBe(true);
        expect(decimal.equal('12.344', '12.35')).toBe(false);
        expect(decimal.equal('1.005', '1.01')).toBe(true);
        expect(decimal.equal('3.4', 3)).toBe(false);
        expect(decimal.equal('79228162514264337593543950335.1', '79228162514264337593543950335.10')).toBe(true);
    });
});
