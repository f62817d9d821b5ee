/**
 * Writing: per write compare, set, save, answer. No write can hurt its neighbours, and none is done twice.
 *
 * @NApiVersion 2.1
 */
define(['N/record', './budget', './fields', './operations', './outcome', './records', './refusal', './revision', './stamp', './twins'],
    /**
     * @param {import('N/record')} record
     * @param {BudgetModule} budget
     * @param {FieldsModule} fields
     * @param {OperationsModule} operations
     * @param {OutcomeModule} outcome
     * @param {RecordsModule} records
     * @param {RefusalModule} refusal
     * @param {RevisionModule} revision
     * @param {StampModule} stamp
     * @param {TwinsModule} twins
     */
    (record, budget, fields, operations, outcome, records, refusal, revision, stamp, twins) => {
        /** How often a record that somebody else keeps saving is loaded and compared again. */
        const TRIES_MAX = 3;

        /** @type {Record<Verb, (write: Write, done: Map<string, Operation>) => Outcome>} */
        const VERBS = { create, update, delete: remove };

        /**
         * @param {Write[]} writes
         * @param {Budget} allowance
         * @returns {Outcome[]}
         */
        function apply(writes, allowance) {
            const done = operations.find(writes.map((write) => write.operation));
            return writes.map((write) => (allowance.allowsMore() ? attempt(write, done) : { outcome: 'not_attempted' }));
        }

        /**
         * @param {Write} write
         * @param {Map<string, Operation>} done
         * @returns {Outcome}
         */
        function attempt(write, done) {
            try {
                const before = done.get(write.operation);
                return before ? repeated(before, write) : VERBS[write.verb](write, done);
            } catch (caught) {
                return carriedOut(write, done) ?? refused(caught, write);
            }
        }

        /**
         * What became of a write that threw, if it was done all the same: a script of the account that throws after the
         * save does not undo it. Creates look for themselves.
         *
         * @param {Write} write
         * @param {Map<string, Operation>} done
         * @returns {Outcome | undefined}
         */
        function carriedOut(write, done) {
            if (write.verb === 'create') return undefined;
            try {
                const found = records.find(write.type, write);
                if (found.what === 'deleted') return write.verb === 'delete' ? outcome.gone('already_applied', found) : undefined;
                if (found.what !== 'found' || stamp.of(found.record) !== write.operation) return undefined;
                return saved(write, String(found.record.id), done);
            } catch (_) {
                return undefined;
            }
        }

        /**
         * The operation was carried out before: what there is now, nothing written.
         *
         * @param {Operation} before
         * @param {Write} write
         * @returns {Outcome}
         */
        function repeated(before, write) {
            const found = records.find(before.type, before);
            if (found.what === 'found') return outcome.seen('already_applied', found.record, write.fields);
            const wasDelete = found.what === 'deleted' && write.verb === 'delete';
            return outcome.gone(wasDelete ? 'already_applied' : found.what, found);
        }

        /**
         * @param {Write} write
         * @param {Map<string, Operation>} done
         * @returns {Outcome}
         */
        function create(write, done) {
            const first = twin(write);
            if (first) return first;
            const made = /** @type {NRecord} */ (record.create({ type: write.type, isDynamic: false }));
            const others = twins.of(write, made);
            if (others.length > 0) return { outcome: 'twins', twins: others };
            if (write.externalId) made.setValue({ fieldId: 'externalid', value: write.externalId });
            fields.set(made, write.values);
            stamp.set(made, write.operation);
            try {
                return saved(write, save(made, write.fields), done);
            } catch (caught) {
                // Two calls at once: the other one was first, and NetSuite kept the external id unique.
                const winner = twin(write);
                if (winner) return winner;
                throw caught;
            }
        }

        /**
         * The record that a create made before. Setting its values unseen could undo what somebody did to it since.
         *
         * @param {Write} write
         * @returns {Outcome | undefined}
         */
        function twin(write) {
            const id = write.externalId && records.idOf(write.type, write.externalId);
            const found = id ? records.find(write.type, { id }) : undefined;
            return found && found.what === 'found'
                ? outcome.seen('already_applied', found.record, write.fields)
                : undefined;
        }

        /**
         * @param {Write} write
         * @param {Map<string, Operation>} done
         * @returns {Outcome}
         */
        function update(write, done) {
            for (let tries = 1; ; tries += 1) {
                const found = records.find(write.type, write);
                if (found.what !== 'found') return outcome.gone(found.what, found);
                // Saved before, though the row that should say so is not there.
                if (stamp.of(found.record) === write.operation) {
                    return outcome.seen('already_applied', found.record, write.fields);
                }
                if (tries > TRIES_MAX || fields.differ(found.record, write.expected, write.values)) {
                    return outcome.seen('mismatch', found.record, write.fields);
                }
                try {
                    if (fields.set(found.record, write.values)) {
                        stamp.set(found.record, write.operation);
                        save(found.record, write.fields);
                    }
                } catch (caught) {
                    if (refusal.isCollision(caught)) continue;
                    throw caught;
                }
                return saved(write, String(found.record.id), done);
            }
        }

        /**
         * @param {Write} write
         * @param {Map<string, Operation>} done
         * @returns {Outcome}
         */
        function remove(write, done) {
            const found = records.find(write.type, write);
            if (found.what === 'deleted') return outcome.gone('already_applied', found);
            if (found.what === 'missing') return outcome.gone('missing');
            if (fields.differ(found.record, write.expected, {})) {
                return outcome.seen('mismatch', found.record, write.fields);
            }
            const { id, externalId } = outcome.seen('applied', found.record, []);
            record.delete({ type: write.type, id: String(id) });
            done.set(write.operation, operations.remember(write.operation, { type: write.type, id: String(id) }));
            return outcome.gone('applied', { id, externalId, at: revision.now() });
        }

        /**
         * Saves, and names the field that NetSuite's refusal calls by its label.
         *
         * @param {NRecord} changed
         * @param {string[]} names
         */
        function save(changed, names) {
            try {
                return String(changed.save());
            } catch (caught) {
                const { code, message, field } = refusal.of(caught);
                const id = field && (fields.labelled(changed, names, field) ?? field);
                throw new refusal.Refused(code, message, id);
            }
        }

        /**
         * Reads what the save, and the account's own scripts in it, made of the record; then remembers the operation.
         *
         * @param {Write} write
         * @param {string} id
         * @param {Map<string, Operation>} done
         * @returns {Outcome}
         */
        function saved(write, id, done) {
            const answer = after(write, id);
            const held = answer.values;
            done.set(write.operation, operations.remember(write.operation, { type: write.type, id, held }));
            return answer;
        }

        /**
         * @param {Write} write
         * @param {string} id
         * @returns {Outcome}
         */
        function after(write, id) {
            try {
                const found = records.find(write.type, { id });
                return found.what === 'found'
                    ? outcome.seen('applied', found.record, write.fields)
                    : outcome.gone(found.what, found);
            } catch (_) {
                // It was written, whatever keeps us from looking. Without a time the hub will look by itself.
                return { outcome: 'applied', id };
            }
        }

        /**
         * @param {any} caught
         * @param {Write} write
         * @returns {Outcome}
         */
        function refused(caught, write) {
            try {
                const found = records.find(write.type, write);
                return outcome.refused(caught, found.what === 'found' ? found.record : undefined, write.fields);
            } catch (_) {
                return outcome.refused(caught);
            }
        }

        return { apply };
    });
