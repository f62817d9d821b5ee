// Run with TZ set: each day of the command line goes to NetSuite's form and comes back.
const path = require('node:path');

const LIB = path.join(__dirname, '../src/FileCabinet/SuiteScripts/suitex_sync/lib');
const OUTSIDE = { 'N/format': { Type: {}, parse: () => new Date(NaN) } };

let made;
global.define = (dependencies, factory) => {
    made = factory(...dependencies.map(load));
};

function load(name) {
    if (OUTSIDE[name]) return OUTSIDE[name];
    require(path.join(LIB, name));
    return made;
}

const values = load('./values');
const days = process.argv.slice(2);
process.stdout.write(JSON.stringify(days.map((day) => values.read('date', values.write('date', day, 'f')))));
