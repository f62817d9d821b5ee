/**
 * Writes lib/surface.js: which types and fields the scripts watch, as config/sync.toml has them.
 *
 *     npm run surface [-- path/to/sync.toml]
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { parse } from 'smol-toml';

const CONFIG = new URL('../../config/sync.toml', import.meta.url);
const TARGET = new URL('../src/FileCabinet/SuiteScripts/suitex_sync/lib/surface.js', import.meta.url);

/** The module's text for a configuration's text. */
export function surfaceOf(toml) {
    const types = Object.entries(parse(toml).type ?? {});
    const surface = Object.fromEntries(types.map(([type, raw]) => [raw.netsuite ?? type, typeOf(type, raw)]));
    return [
        '/**',
        ' * The synced types and fields, by NetSuite\'s names. Written by `npm run surface` from config/sync.toml: change that,',
        ' * not this.',
        ' *',
        ' * @NApiVersion 2.1',
        ' */',
        `define([], () => (${JSON.stringify(surface, null, 4)}));`,
        '',
    ].join('\n');
}

function typeOf(type, raw) {
    const fields = Object.entries(raw.fields).map(([name, field]) => ({ ...field, id: field.netsuite ?? name }));
    const isList = (field) => field.type === 'lines';
    return {
        type,
        fields: fields.filter((field) => !isList(field)).map((field) => field.id),
        sublists: fields.filter(isList).map(sublistOf),
    };
}

function sublistOf({ id, key, columns }) {
    return {
        id,
        key: key?.netsuite ?? null,
        external: key?.netsuite_external ?? null,
        columns: Object.entries(columns ?? {}).map(([name, column]) => column.netsuite ?? name),
    };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
    writeFileSync(TARGET, surfaceOf(readFileSync(process.argv[2] ?? CONFIG, 'utf8')));
}
