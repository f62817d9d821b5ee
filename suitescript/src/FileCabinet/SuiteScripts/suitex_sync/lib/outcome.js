/**
 * The answer to one write or read.
 *
 * @NApiVersion 2.1
 */
define(['./fields', './refusal', './revision'], /**
 * @param {FieldsModule} fields
 * @param {RefusalModule} refusal
 * @param {RevisionModule} revision
 */ (fields, refusal, revision) => {
    /**
     * There is a record: its ids, its time, and the asked values.
     *
     * @param {What} outcome
     * @param {NRecord} record
     * @param {string[]} names
     * @returns {Outcome}
     */
    function seen(outcome, record, names) {
        const externalId = record.getValue({ fieldId: 'externalid' });
        return compact({
            outcome,
            id: String(record.id),
            externalId: externalId ? String(externalId) : undefined,
            lastModified: revision.of(record),
            values: fields.show(record, names),
        });
    }

    /**
     * There is none.
     *
     * @param {What} outcome
     * @param {{ id?: string, externalId?: string, at?: string }} [deletion]
     * @returns {Outcome}
     */
    function gone(outcome, { id, externalId, at } = {}) {
        return compact({ outcome, id, externalId, lastModified: at });
    }

    /**
     * NetSuite, or a check of ours, said no; what the record holds when there is one.
     *
     * @param {any} caught
     * @param {NRecord} [record]
     * @param {string[]} [names]
     * @returns {Outcome}
     */
    function refused(caught, record, names = []) {
        const error = refusal.of(caught);
        return record ? { ...seen('refused', record, names), error } : { outcome: 'refused', error };
    }

    /**
     * Without what there is nothing of.
     *
     * @template {object} T
     * @param {T} object
     * @returns {T}
     */
    function compact(object) {
        const kept = Object.entries(object).filter(([, value]) => value !== undefined);
        return /** @type {T} */ (Object.fromEntries(kept));
    }

    return { seen, gone, refused };
});
