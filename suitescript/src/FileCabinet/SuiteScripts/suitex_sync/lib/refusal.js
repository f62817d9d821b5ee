/**
 * Why NetSuite, or a check of ours, will not do what a write asks for.
 *
 * @NApiVersion 2.1
 */
define([], () => {
    const CODE = /^[A-Z][A-Z0-9_]+$/;
    const FIELD_IN_MESSAGE = [
        /following field:\s*(\w+)/i,
        /please enter (?:a )?(?:valid )?value\(?s?\)? for:?\s*(.+?)\.?$/i,
        /invalid (\w+) reference key/i,
        /the field (\w+) contained more/i,
    ];

    /** Thrown where a write cannot go on; says which field is to blame. */
    class Refused extends Error {
        /**
         * @param {string} code
         * @param {string} message
         * @param {string} [field]
         */
        constructor(code, message, field) {
            super(message);
            this.name = code;
            this.field = field;
        }
    }

    /**
     * What a caught error means for people and for the hub.
     *
     * @param {any} caught whatever was thrown: NetSuite's error, ours, or a plain JavaScript one
     * @param {string} [field] the field that was being set
     * @returns {Refusal}
     */
    function of(caught, field) {
        const name = String((caught && caught.name) || '');
        const message = String((caught && caught.message) || caught);
        const blamed = (caught && caught.field) || field || named(message);
        const refusal = { code: CODE.test(name) ? name : 'UNEXPECTED_ERROR', message };
        return blamed ? { ...refusal, field: blamed } : refusal;
    }

    /**
     * The field, by id or label, that NetSuite's sentence names.
     *
     * @param {string} message
     * @returns {string | undefined}
     */
    function named(message) {
        for (const form of FIELD_IN_MESSAGE) {
            const match = form.exec(message);
            if (match) return match[1];
        }
        return undefined;
    }

    /** @param {any} caught */
    function isMissing(caught) {
        return Boolean(caught) && ['RCRD_DSNT_EXIST', 'NONEXISTENT_ID'].includes(caught.name);
    }

    /**
     * Somebody saved the record between our load and our save.
     *
     * @param {any} caught
     */
    function isCollision(caught) {
        return Boolean(caught) && ['RCRD_HAS_BEEN_CHANGED', 'CUSTOM_RECORD_COLLISION'].includes(caught.name);
    }

    return { Refused, of, isMissing, isCollision };
});
