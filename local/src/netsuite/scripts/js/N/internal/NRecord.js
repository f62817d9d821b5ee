// A record in standard mode: a copy of what is stored, which save() offers back whole.
define(['host', 'N/internal/values'], (host, values) => {
    function missing(argument) {
        return new host.Error({ name: 'SSS_MISSING_REQD_ARGUMENT', message: `Missing a required argument: ${argument}` });
    }

    /** The named arguments of a call; NetSuite also takes them by position. */
    function named(names, parts) {
        const [first] = parts;
        const options = first !== null && typeof first === 'object' && parts.length === 1 ? first
            : Object.fromEntries(names.map((name, at) => [name, parts[at]]));
        for (const name of names) if (options[name] === undefined) throw missing(name);
        return options;
    }

    return class NRecord {
        #document;
        #fields;
        #edited;
        #changed = new Set();

        constructor(document, edited) {
            this.#document = document;
            this.#fields = new Map(document.fields.map((field) => [field.id, field]));
            this.#edited = edited;
            this.id = document.id ?? null;
            this.type = document.type;
            this.isDynamic = false;
        }

        getFields() {
            return this.#edited ? [...this.#edited] : [...this.#fields.keys()];
        }

        getField(...parts) {
            const field = this.#fields.get(named(['fieldId'], parts).fieldId);
            return field && !field.system ? { ...field } : null;
        }

        getValue(...parts) {
            const { fieldId } = named(['fieldId'], parts);
            const field = this.#fields.get(fieldId);
            // An inline edit's record knows nothing of the rest.
            if (!field || (this.#edited && !this.#edited.includes(fieldId))) return field ? '' : undefined;
            return values.shown(field.type, this.#document.values[fieldId], field.system);
        }

        setValue(...parts) {
            const { fieldId, value } = named(['fieldId', 'value'], parts);
            const field = this.#fields.get(fieldId);
            if (!field) {
                throw new host.Error({ name: 'SSS_INVALID_FIELD_ID', message: `There is no field ${fieldId} on ${this.type}` });
            }
            this.#document.values[fieldId] = values.stored(field.type, value);
            this.#changed.add(fieldId);
            return this;
        }

        getLineCount(...parts) {
            const sublist = this.#document.sublists[named(['sublistId'], parts).sublistId];
            return sublist ? sublist.lines.length : -1;
        }

        getSublistField(...parts) {
            const { sublistId, fieldId, line } = named(['sublistId', 'fieldId', 'line'], parts);
            const sublist = this.#document.sublists[sublistId];
            const column = sublist && sublist.columns.find(({ id }) => id === fieldId);
            return column && sublist.lines[line] ? { ...column } : null;
        }

        getSublistValue(...parts) {
            const { sublistId, fieldId, line } = named(['sublistId', 'fieldId', 'line'], parts);
            const { lines } = this.#sublist(sublistId, line);
            const column = this.#column(sublistId, fieldId);
            return column ? values.shown(column.type, lines[line][fieldId]) : undefined;
        }

        setSublistValue(...parts) {
            const { sublistId, fieldId, line, value } = named(['sublistId', 'fieldId', 'line', 'value'], parts);
            const { lines } = this.#sublist(sublistId, line);
            const column = this.#column(sublistId, fieldId);
            if (!column) {
                throw new host.Error({ name: 'SSS_INVALID_SUBLIST_OPERATION', message: `${sublistId} has no column ${fieldId}` });
            }
            lines[line][fieldId] = values.stored(column.type, value);
            this.#changed.add(sublistId);
            return this;
        }

        insertLine(...parts) {
            const { sublistId, line } = named(['sublistId', 'line'], parts);
            this.#sublist(sublistId, line - 1).lines.splice(line, 0, {});
            this.#changed.add(sublistId);
            return this;
        }

        removeLine(...parts) {
            const { sublistId, line } = named(['sublistId', 'line'], parts);
            this.#sublist(sublistId, line).lines.splice(line, 1);
            this.#changed.add(sublistId);
            return this;
        }

        /** Offers what was set. NetSuite refuses it when somebody else saved the record meanwhile. */
        save() {
            const { type, id, version, values: held, sublists } = this.#document;
            const set = [...this.#changed].map((name) => [name, sublists[name] ? sublists[name].lines : held[name]]);
            const saved = host('record.save', { type, id, version, values: Object.fromEntries(set) });
            this.id = saved.id;
            Object.assign(this.#document, saved);
            this.#changed.clear();
            return Number(saved.id);
        }

        #sublist(id, line) {
            const sublist = this.#document.sublists[id];
            if (!sublist || line >= sublist.lines.length || line < -1) {
                const message = `You have attempted an invalid sublist or line item operation: ${id}, line ${line}`;
                throw new host.Error({ name: 'SSS_INVALID_SUBLIST_OPERATION', message });
            }
            return sublist;
        }

        #column(sublistId, fieldId) {
            return this.#document.sublists[sublistId].columns.find(({ id }) => id === fieldId);
        }
    };
});
