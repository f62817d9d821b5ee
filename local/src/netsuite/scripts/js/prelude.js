// What a script finds before its first line: `define`, and a Date that tells the simulator's time.
//
// All that a script may do to NetSuite goes through one function, `ask(what, json)`, and back as
// `{"value": …}` or `{"thrown": {"name", "message"}}`. `evaluate(path)` runs a file.
(() => {
    const [ask, evaluate] = [globalThis.ask, globalThis.evaluate];
    delete globalThis.ask;
    delete globalThis.evaluate;

    /** What NetSuite throws, and what N/error makes. */
    class SuiteScriptError extends Error {
        constructor({ name, message }) {
            super(message);
            this.type = 'error.SuiteScriptError';
            this.name = name;
            this.id = '';
            this.cause = null;
        }
    }

    function host(what, about = {}) {
        const { value, thrown } = JSON.parse(ask(what, JSON.stringify(about)));
        if (thrown) throw new SuiteScriptError(thrown);
        return value;
    }
    host.Error = SuiteScriptError;

    const MachineDate = Date;
    globalThis.Date = class Date extends MachineDate {
        constructor(...parts) {
            super(...(parts.length > 0 ? parts : [host('now')]));
        }

        static now() {
            return host('now');
        }
    };

    const modules = new Map([['host', host]]);
    let defined;

    globalThis.define = (...parts) => {
        const factory = parts.pop();
        defined = { needs: parts.pop() ?? [], factory };
    };

    function load(path) {
        if (!modules.has(path)) {
            defined = undefined;
            evaluate(path);
            if (!defined) throw new SuiteScriptError({ name: 'INVALID_MODULE', message: `${path} defines nothing` });
            const { needs, factory } = defined;
            const found = needs.map((need) => load(resolved(need, path)));
            modules.set(path, typeof factory === 'function' ? factory(...found) : factory);
        }
        return modules.get(path);
    }

    /** Where a module stands that is asked for in `from`. Our own modules alone see the host. */
    function resolved(need, from) {
        if (need.startsWith('N/')) return need;
        if (!need.startsWith('.')) {
            if (from.startsWith('N/')) return need;
            const message = `Module does not exist: ${need}`;
            throw new SuiteScriptError({ name: 'MODULE_DOES_NOT_EXIST', message });
        }
        const steps = from.split('/').slice(0, -1);
        for (const step of need.split('/')) {
            if (step === '..') steps.pop();
            else if (step !== '.') steps.push(step);
        }
        return `${steps.join('/')}.js`;
    }

    /** Runs one entry point; never throws. */
    globalThis.enter = (path, entry, argument) => {
        try {
            const value = load('N/internal/entry')(load(path), entry, JSON.parse(argument));
            return JSON.stringify({ value: value === undefined ? null : value });
        } catch (caught) {
            const ours = caught instanceof SuiteScriptError || /^[A-Z][A-Z0-9_]+$/.test(caught?.name ?? '');
            const name = ours ? caught.name : 'UNEXPECTED_ERROR';
            const message = ours ? caught.message : `${caught?.name ?? 'Error'}: ${caught?.message ?? caught}`;
            return JSON.stringify({ thrown: { name, message: String(message) } });
        }
    };
})();
