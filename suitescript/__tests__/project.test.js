import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import path from 'node:path';

import surface from 'SuiteScripts/suitex_sync/lib/surface';

const ROOT = path.join(__dirname, '..');
const SCRIPTS = path.join(ROOT, 'src/FileCabinet/SuiteScripts/suitex_sync');
const objects = readdirSync(path.join(ROOT, 'src/Objects'));
const read = (file) => readFileSync(path.join(ROOT, file), 'utf8');
const xml = objects.map((file) => ({ file, text: read(`src/Objects/${file}`) }));
const sources = [SCRIPTS, path.join(SCRIPTS, 'lib')].flatMap((folder) => {
    return readdirSync(folder).filter((file) => file.endsWith('.js')).map((file) => readFileSync(path.join(folder, file), 'utf8'));
});

test('surface.js is in step with config/sync.toml', () => {
    const script = "import('./scripts/surface.mjs').then(m => process.stdout.write(m.surfaceOf(require('fs').readFileSync('../config/sync.toml', 'utf8'))))";
    const written = execFileSync(process.execPath, ['-e', script], { cwd: ROOT });
    expect(read('src/FileCabinet/SuiteScripts/suitex_sync/lib/surface.js')).toBe(String(written));
});

test('the User Event is deployed on every synced type', () => {
    const { text } = xml.find(({ file }) => file === 'customscript_sx_ue_delta.xml');
    const deployed = [...text.matchAll(/<recordtype>(\w+)<\/recordtype>/g)].map(([, type]) => type.toLowerCase());
    expect(deployed.sort()).toEqual(Object.keys(surface).sort());
});

test('an object is named as its file, in 40 characters at most, and its script is there', () => {
    for (const { file, text } of xml) {
        const [, id] = /^<\w+ scriptid="([^"]+)"/m.exec(text);
        expect(`${id}.xml`).toBe(file);
        for (const [, name] of text.matchAll(/scriptid="([^"]+)"/g)) expect(name.length).toBeLessThanOrEqual(40);
        for (const [, script] of text.matchAll(/<scriptfile>\[(.+)\]<\/scriptfile>/g)) {
            expect(existsSync(path.join(ROOT, 'src/FileCabinet', script))).toBe(true);
        }
    }
});

test('what objects refer to is there', () => {
    for (const { text } of xml) {
        for (const [, id] of text.matchAll(/\[scriptid=(\w+)\]/g)) expect(objects).toContain(`${id}.xml`);
    }
});

test('what the scripts name is an object, a field of one, or a parameter', () => {
    const all = xml.map(({ text }) => text).join('\n');
    const named = new Set(sources.join('\n').match(/\bcust(?:omscript|omdeploy|omrecord|record|secret|script|entity|item|body|col)_sx_\w+/g));
    // Parameters of the scripts that send are put together from the script's name.
    named.delete('custscript_sx_');
    // Only on custom records that a customer adds.
    named.delete('custrecord_sx_operation');
    expect([...named].filter((id) => !all.includes(`scriptid="${id}"`))).toEqual([]);
    for (const script of ['event', 'outbox']) {
        for (const part of ['url', 'key']) expect(all).toContain(`"custscript_sx_${script}_${part}"`);
    }
});

test('RESTlets are released, or nobody outside could call them', () => {
    for (const { file, text } of xml.filter(({ file }) => file.includes('_rl_'))) {
        expect([file, /<status>RELEASED<\/status>/.test(text)]).toEqual([file, true]);
    }
});

test('no secret is in the project', () => {
    const { text } = xml.find(({ file }) => file === 'custsecret_sx_ingest.xml');
    expect(text).not.toMatch(/whsec_/);
    expect(text).toMatch(/<secret scriptid="custsecret_sx_ingest"\/>/);
});
