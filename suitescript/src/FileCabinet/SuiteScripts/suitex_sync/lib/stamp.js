/**
 * The mark that our write leaves in the record it writes: the operation, set in the same save.
 *
 * It is what makes a write recognisable without a second record: the User Event knows whose save it meets, and a retry
 * finds that the save was made even when the row that should remember it was not.
 *
 * @NApiVersion 2.1
 */
define([], () => {
    /** By kind of record: entities, items, transactions, and custom records that have such a field. */
    const FIELDS = [
        'custentity_sx_operation',
        'custitem_sx_operation',
        'custbody_sx_operation',
        'custrecord_sx_operation',
    ];

    /**
     * The operation of the last write of ours; undefined when there was none.
     *
     * @param {NRecord} record
     * @returns {string | undefined}
     */
    function of(record) {
        const fieldId = fieldOf(record);
        const operation = fieldId && record.getValue({ fieldId });
        return operation ? String(operation) : undefined;
    }

    /**
     * @param {NRecord} record
     * @param {string} operation
     */
    function set(record, operation) {
        const fieldId = fieldOf(record);
        if (fieldId) record.setValue({ fieldId, value: operation });
    }

    /** @param {NRecord} record */
    function fieldOf(record) {
        return FIELDS.find((fieldId) => record.getField({ fieldId }));
    }

    return { of, set };
});
