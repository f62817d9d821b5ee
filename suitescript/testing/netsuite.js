/**
 * A NetSuite in memory behind Oracle's stubs: records with versions and line keys, searches, deletions, units.
 * It throws what NetSuite throws, by name, and can be told to throw anything anywhere.
 */
import { createHash, createHmac } from 'node:crypto';

import crypto from 'N/crypto';
import encode from 'N/encode';
import error from 'N/error';
import format from 'N/format';
import https from 'N/https';
import log from 'N/log';
import query from 'N/query';
import record from 'N/record';
import runtime from 'N/runtime';
import search from 'N/search';

const CUSTOM = { name: 'text' };

/** Field types as NetSuite calls them; labels are for messages. */
const TYPES = {
    customer: {
        fields: {
            companyname: 'text', email: 'email', phone: 'phone', comments: 'textarea', creditlimit: 'currency',
            custentity_tags: 'multiselect', isinactive: 'checkbox', parent: 'select', addr1: 'text', city: 'text',
            state: 'text', zip: 'text', country: 'select', custentity_sx_operation: 'text',
        },
        labels: { companyname: 'Company Name' },
    },
    inventoryitem: {
        fields: {
            itemid: 'text', salesdescription: 'textarea', baseprice: 'rate', quantityavailable: 'float', class: 'select',
            isinactive: 'checkbox', upccode: 'text', custitem_sx_operation: 'text',
        },
    },
    salesorder: {
        fields: {
            entity: 'select', trandate: 'date', shipdate: 'date', custbody_confirmed_at: 'datetimetz', memo: 'text',
            orderstatus: 'select', shippingcost: 'currency', custbody_sx_operation: 'text',
        },
        sublists: {
            item: { item: 'select', quantity: 'float', rate: 'currency', custcol_discount: 'percent', custcol_sx_line: 'text' },
        },
    },
    customrecord_sx_idem: {
        fields: {
            ...CUSTOM, custrecord_sx_idem_type: 'text', custrecord_sx_idem_record: 'text',
            custrecord_sx_idem_outcome: 'text', custrecord_sx_idem_held: 'clobtext',
        },
    },
    customrecord_sx_outbox: {
        fields: {
            ...CUSTOM, custrecord_sx_outbox_about: 'text', custrecord_sx_outbox_event: 'clobtext',
            custrecord_sx_outbox_attempts: 'integer', custrecord_sx_outbox_error: 'textarea',
        },
    },
};

export function fail(name, message = name) {
    return Object.assign(new Error(message), { name });
}

export class FakeRecord {
    constructor(netsuite, type, stored = { values: {}, lines: {}, version: 0 }) {
        Object.assign(this, { netsuite, type, id: stored.id ?? null, version: stored.version });
        this.values = { ...stored.values };
        this.lines = Object.fromEntries(Object.entries(stored.lines).map(([id, lines]) => [id, lines.map((l) => ({ ...l }))]));
        this.partial = undefined;
    }

    get schema() {
        return TYPES[this.type];
    }

    /** An inline edit's record: it knows of the edited fields alone. */
    only(...fields) {
        this.partial = fields;
        return this;
    }

    getFields() {
        return this.partial ?? [...Object.keys(this.schema.fields), 'externalid', 'lastmodifieddate'];
    }

    getField({ fieldId }) {
        const hidden = this.netsuite.hidden.includes(fieldId);
        const type = hidden ? undefined : this.schema.fields[fieldId];
        return type ? { id: fieldId, type, label: (this.schema.labels ?? {})[fieldId] ?? fieldId } : null;
    }

    getValue({ fieldId }) {
        if (this.partial && !this.partial.includes(fieldId)) return '';
        return this.values[fieldId] ?? (this.schema.fields[fieldId] === 'checkbox' ? false : '');
    }

    setValue({ fieldId, value }) {
        this.netsuite.called('setValue', this.type, fieldId);
        if (value !== '' && this.schema.fields[fieldId] === 'currency' && typeof value !== 'number') throw fail('INVALID_FLD_VALUE');
        this.values[fieldId] = value;
        return this;
    }

    getLineCount({ sublistId }) {
        return this.schema.sublists?.[sublistId] ? (this.lines[sublistId] ?? []).length : -1;
    }

    getSublistField({ sublistId, fieldId, line }) {
        const type = this.schema.sublists?.[sublistId]?.[fieldId];
        return type && (this.lines[sublistId] ?? [])[line] ? { id: fieldId, type } : null;
    }

    getSublistValue({ sublistId, fieldId, line }) {
        return this.lines[sublistId][line][fieldId] ?? '';
    }

    setSublistValue({ sublistId, fieldId, line, value }) {
        this.netsuite.called('setSublistValue', sublistId, `${line}.${fieldId}`);
        this.lines[sublistId][line][fieldId] = value;
        return this;
    }

    insertLine({ sublistId, line }) {
        this.lines[sublistId] = this.lines[sublistId] ?? [];
        this.lines[sublistId].splice(line, 0, {});
        return this;
    }

    removeLine({ sublistId, line }) {
        this.lines[sublistId].splice(line, 1);
        return this;
    }

    save() {
        return this.netsuite.save(this);
    }
}

export class NetSuite {
    constructor() {
        this.records = new Map();
        this.deletions = [];
        this.calls = [];
        this.hidden = [];
        this.parameters = {};
        this.posts = [];
        this.answer = () => ({ code: 202, body: '{}' });
        this.restlet = () => ({ code: 404, body: '' });
        this.on = {};
        this.lastId = 1000;
        this.lastLine = 40;
        this.units = 5000;
        this.clock = Date.parse('2026-03-01T10:00:00Z');
        this.live();
    }

    /** A record that is there already. */
    have(type, values = {}, lines = {}) {
        const id = String((this.lastId += 1));
        for (const line of Object.values(lines).flat()) line.lineuniquekey = line.lineuniquekey ?? String((this.lastLine += 1));
        this.records.set(`${type}:${id}`, { id, values: { ...values, lastmodifieddate: new Date(this.clock) }, lines, version: 1 });
        return id;
    }

    stored(type, id) {
        return this.records.get(`${type}:${id}`);
    }

    all(type) {
        return [...this.records].filter(([key]) => key.startsWith(`${type}:`)).map(([, stored]) => stored);
    }

    /** The record as a script loads it. */
    loaded(type, id) {
        return new FakeRecord(this, type, this.stored(type, id));
    }

    /** Notes a call, and throws what a test hung up there. */
    called(name, ...about) {
        this.calls.push([name, ...about]);
        this.on[name]?.(...about);
    }

    count(name, type) {
        return this.calls.filter(([call, of]) => call === name && (type === undefined || of === type)).length;
    }

    spend(units) {
        this.units -= units;
    }

    load({ type, id }) {
        this.spend(10);
        this.called('load', type, String(id));
        id = String(Number(id));
        if (!TYPES[type]) throw fail('INVALID_RCRD_TYPE', `The record type [${type}] is invalid.`);
        const stored = this.stored(type, id);
        if (!stored) throw fail('RCRD_DSNT_EXIST', 'That record does not exist.');
        return new FakeRecord(this, type, stored);
    }

    create({ type }) {
        this.spend(10);
        this.called('create', type);
        if (!TYPES[type]) throw fail('INVALID_RCRD_TYPE', `The record type [${type}] is invalid.`);
        return new FakeRecord(this, type);
    }

    save(changed) {
        this.spend(20);
        this.called('save', changed.type, changed);
        const stored = changed.id && this.stored(changed.type, changed.id);
        if (changed.id && stored?.version !== changed.version) throw fail('RCRD_HAS_BEEN_CHANGED', 'Record has been changed');
        const id = changed.id ?? String((this.lastId += 1));
        const external = changed.values.externalid;
        const twin = external && this.all(changed.type).find((r) => r.values.externalid === external && r.id !== id);
        if (twin) throw fail('DUP_EXTID', 'This entity already exists.');
        for (const line of Object.values(changed.lines).flat()) line.lineuniquekey = line.lineuniquekey ?? String((this.lastLine += 1));
        const values = { ...changed.values, lastmodifieddate: new Date((this.clock += 1000)) };
        this.records.set(`${changed.type}:${id}`, { id, values, lines: changed.lines, version: changed.version + 1 });
        this.on.saved?.(changed.type, id);
        return Number(id);
    }

    remove({ type, id }) {
        this.spend(20);
        this.called('delete', type, String(id));
        const stored = this.stored(type, id);
        if (!stored) throw fail('RCRD_DSNT_EXIST', 'That record does not exist.');
        this.records.delete(`${type}:${id}`);
        this.deletions.push({ type, id: String(id), externalId: stored.values.externalid ?? '', at: '3/1/2026 10:30 am' });
        this.on.removed?.(type, String(id));
    }

    rows({ type, filters }) {
        if (type === 'deletedrecord') {
            // It can neither be asked for an internal id nor tells one.
            const [[field, operator, of]] = filters;
            expect([field, operator, filters.length]).toEqual(['recordtype', 'is', 1]);
            const rows = this.deletions.filter((d) => d.type === of).reverse();
            return rows.map((d) => row(undefined, { externalid: d.externalId, deleteddate: d.at }));
        }
        const holds = this.expression(filters.length === 1 ? filters[0] : filters);
        return this.all(type).filter(holds).map((r) => row(r.id, r.values));
    }

    /** A filter, or filters with one word between them. */
    expression(filter) {
        if (typeof filter[0] === 'string') {
            const [field, operator, value] = filter;
            const of = (r) => (field === 'internalid' ? r.id : r.values[field]);
            return {
                anyof: (r) => [].concat(value).includes(of(r)),
                noneof: (r) => ![].concat(value).includes(of(r)),
                // Searches pass over case, and over accents.
                is: (r) => plain(of(r)) === plain(value),
                equalto: (r) => of(r) === value,
                lessthan: (r) => Number(of(r) ?? 0) < value,
                before: (r) => value === 'thirtydaysago' && this.clock - r.values.lastmodifieddate > 30 * 86400000,
            }[operator];
        }
        const parts = filter.filter((part) => typeof part !== 'string').map((part) => this.expression(part));
        const words = [...new Set(filter.filter((part) => typeof part === 'string'))];
        expect(words.length).toBeLessThanOrEqual(1);
        return words[0] === 'or' ? (r) => parts.some((part) => part(r)) : (r) => parts.every((part) => part(r));
    }

    /** SuiteQL's table of deletions, with names as people see them. */
    suiteql({ query: text, params: [id] }) {
        this.spend(10);
        expect(text).toMatch(/FROM deletedrecord WHERE recordid = \?$/);
        const rows = this.deletions.filter((d) => d.id === id);
        const label = { customer: 'Customer', salesorder: 'Sales Order' };
        return rows.map((d) => ({ type: label[d.type] ?? d.type, scriptid: null, age: 90 }));
    }

    live() {
        query.runSuiteQL.mockImplementation((options) => ({ asMappedResults: () => this.suiteql(options) }));
        record.load.mockImplementation((options) => this.load(options));
        record.create.mockImplementation((options) => this.create(options));
        record.delete.mockImplementation((options) => this.remove(options));
        search.createColumn.mockImplementation((options) => options);
        search.Sort = search.Sort ?? { ASC: 'ASC' };
        search.create.mockImplementation((options) => {
            this.called('search', options.type);
            const getRange = ({ start, end }) => {
                this.spend(10);
                return this.rows(options).slice(start, end);
            };
            return { run: () => ({ getRange }) };
        });
        const script = {
            getRemainingUsage: () => this.units,
            getParameter: ({ name }) => {
                this.called('getParameter', name);
                return this.parameters[name] ?? null;
            },
        };
        runtime.getCurrentScript.mockImplementation(() => script);
        runtime.getCurrentUser.mockImplementation(() => ({ id: 7, getPreference: ({ name }) => `pref ${name}` }));
        runtime.isFeatureInEffect.mockImplementation(({ feature }) => feature === 'MULTICURRENCY');
        runtime.executionContext = 'USERINTERFACE';
        format.parse.mockImplementation(({ value }) => new Date(`${value} UTC`));
        error.create.mockImplementation(({ name, message }) => fail(name, message));
        for (const level of ['error', 'audit']) log[level].mockImplementation(() => this.called(`log.${level}`));
        https.post.mockImplementation((request) => {
            this.called('post');
            this.posts.push(request);
            return this.answer(request);
        });
        https.requestRestlet = jest.fn((request) => {
            this.called('requestRestlet');
            return this.restlet(request);
        });
        this.secrets();
    }

    secrets() {
        // The published secret of Standard Webhooks' own example, as it is entered in NetSuite.
        const values = { custsecret_sx_ingest: 'MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw' };
        const node = (encoding) => ({ [encode.Encoding.BASE_64]: 'base64', [encode.Encoding.HEX]: 'hex' })[encoding] ?? 'utf8';
        const digesting = (hash) => ({
            update: ({ input, inputEncoding }) => hash.update(Buffer.from(input, node(inputEncoding))),
            digest: ({ outputEncoding }) => hash.digest(node(outputEncoding)),
        });
        crypto.createSecretKey.mockImplementation(({ secret, encoding }) => Buffer.from(values[secret], node(encoding)));
        crypto.createHmac.mockImplementation(({ key }) => {
            this.called('createHmac');
            return digesting(createHmac('sha256', key));
        });
        crypto.createHash.mockImplementation(() => digesting(createHash('sha256')));
    }
}

function plain(text) {
    return String(text ?? '').normalize('NFD').replace(/\p{Mn}/gu, '').toLowerCase();
}

function row(id, values) {
    return { id, getValue: (column) => values[column] ?? '' };
}
