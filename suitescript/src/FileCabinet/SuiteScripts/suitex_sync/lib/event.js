/**
 * The event that a save becomes: what the User Event tells the hub.
 *
 * @NApiVersion 2.1
 */
define(['N/crypto', 'N/encode', 'N/log', 'N/record', 'N/runtime', './delta', './fields', './revision', './stamp', './surface'],
    /**
     * @param {import('N/crypto')} crypto
     * @param {import('N/encode')} encode
     * @param {import('N/log')} log
     * @param {import('N/record')} record
     * @param {import('N/runtime')} runtime
     * @param {DeltaModule} delta
     * @param {FieldsModule} fields
     * @param {RevisionModule} revision
     * @param {StampModule} stamp
     * @param {Surface} surface
     */
    (crypto, encode, log, record, runtime, delta, fields, revision, stamp, surface) => {
        /**
         * The event of a save; undefined when nothing synced changed, or the hub hears of it from its own call.
         *
         * @param {SaveContext} context
         * @param {string} accountId
         * @returns {SyncEvent | undefined}
         */
        function of(context, accountId) {
            const saved = /** @type {NRecord} */ (context.newRecord || context.oldRecord);
            const type = surface[String(saved.type)];
            if (!type || isAnswered(context)) return undefined;
            const happened = whatHappened(context, names(type, context));
            if (!happened) return undefined;
            const { operation, record: shown, revision: at, payload } = happened;
            const externalId = shown.getValue({ fieldId: 'externalid' });
            const event = {
                accountId,
                recordType: type.type,
                recordId: String(saved.id),
                source: 'netsuite-ue',
                operation,
                timestamp: new Date().toISOString(),
                ...(at ? { revision: at } : {}),
                payload,
                metadata: metadata(context, shown),
                authContext: { actor: String(runtime.getCurrentUser().id) },
                ...(externalId ? { externalId: String(externalId) } : {}),
            };
            return { eventId: eventId(event), ...event };
        }

        /**
         * Whether the hub hears of this save as the answer to its call: an update that brought the mark of an operation.
         * The write RESTlet reads the record again after it; told here too, each write of ours would cost a row, a call
         * and an event of no news. A create is told all the same: the hub may die before it hears which record it made.
         *
         * @param {SaveContext} context
         */
        function isAnswered({ type, UserEventType, oldRecord, newRecord }) {
            if (type !== UserEventType.EDIT || !oldRecord || String(runtime.executionContext) !== 'RESTLET') return false;
            const operation = stamp.of(newRecord);
            return operation !== undefined && operation !== stamp.of(oldRecord);
        }

        /**
         * The fields that the save may have changed. An inline edit carries those it edited and no others: all that it
         * lacks would look cleared.
         *
         * @param {SurfaceType} type
         * @param {SaveContext} context
         */
        function names(type, context) {
            const all = [...type.fields, ...type.sublists.map((sublist) => sublist.id)];
            if (context.type !== context.UserEventType.XEDIT) return all;
            const edited = context.newRecord.getFields();
            return all.filter((name) => edited.includes(name));
        }

        /**
         * @param {SaveContext} context
         * @param {string[]} names
         */
        function whatHappened(context, names) {
            const { DELETE, CREATE } = context.UserEventType;
            if (context.type === DELETE) {
                const record = /** @type {NRecord} */ (context.oldRecord);
                const payload = { changes: {}, previous: delta.filled(record, names) };
                return { operation: 'delete', record, revision: revision.now(), payload };
            }
            const stored = reloaded(context.newRecord);
            const record = stored ?? context.newRecord;
            const at = stored && revision.of(stored);
            if (context.type === CREATE) {
                const payload = { changes: delta.filled(record, names), previous: {} };
                return { operation: 'create', record, revision: at, payload };
            }
            const payload = context.oldRecord
                ? delta.between(context.oldRecord, record, names)
                : { changes: fields.show(record, names), previous: {} };
            return Object.keys(payload.changes).length > 0
                ? { operation: 'update', record, revision: at, payload }
                : undefined;
        }

        /**
         * The record as it was stored: only there are the time of the save, the keys of new lines, and what the
         * account's own scripts made of the values. Without it the event has no revision, and the hub looks by itself.
         *
         * @param {NRecord} saved
         * @returns {NRecord | undefined}
         */
        function reloaded(saved) {
            try {
                return /** @type {NRecord} */ (record.load({ type: saved.type, id: saved.id, isDynamic: false }));
            } catch (caught) {
                log.audit({ title: 'saved record not read again', details: caught });
                return undefined;
            }
        }

        /**
         * Our own write is named by its operation, when this save brought it: a RESTlet's save, for a record that a
         * person copies has the mark of the one it was copied from.
         *
         * @param {SaveContext} context
         * @param {NRecord} shown
         */
        function metadata(context, shown) {
            const before = context.oldRecord ? stamp.of(context.oldRecord) : undefined;
            const operation = context.type === context.UserEventType.DELETE ? undefined : stamp.of(shown);
            const by = String(runtime.executionContext);
            const ours = by === 'RESTLET' && operation !== undefined && operation !== before;
            return { context: by, ...(ours ? { operation } : {}) };
        }

        /**
         * A UUID that follows from the event: made from its content and not by dice, whose quality a script cannot know.
         *
         * @param {object} event
         */
        function eventId(event) {
            const hash = crypto.createHash({ algorithm: crypto.HashAlg.SHA256 });
            hash.update({ input: JSON.stringify(event), inputEncoding: encode.Encoding.UTF_8 });
            const hex = hash.digest({ outputEncoding: encode.Encoding.HEX }).toLowerCase();
            const variant = '89ab'[parseInt(hex[16], 16) % 4];
            const parts = [hex.slice(0, 8), hex.slice(8, 12), `8${hex.slice(13, 16)}`, `${variant}${hex.slice(17, 20)}`];
            return [...parts, hex.slice(20, 32)].join('-');
        }

        return { of };
    });
