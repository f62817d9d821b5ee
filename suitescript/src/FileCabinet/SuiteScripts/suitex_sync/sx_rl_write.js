/**
 * The write RESTlet: the only way in which the hub changes records. Each write is compared before it is set.
 *
 * @NApiVersion 2.1
 * @NScriptType Restlet
 * @NModuleScope SameAccount
 */
define(['./lib/apply', './lib/budget', './lib/call', './lib/probe', './lib/read'], /**
 * @param {ApplyModule} apply
 * @param {BudgetModule} budget
 * @param {CallModule} call
 * @param {ProbeModule} probe
 * @param {ReadModule} read
 */ (apply, budget, call, probe, read) => {
    /**
     * @param {unknown} body
     * @returns {Answer | ProbeAnswer}
     */
    function post(body) {
        const allowance = budget.begin();
        return { ...answer(call.parse(body), allowance), remainingUsage: allowance.remaining() };
    }

    /**
     * @param {Call} asked
     * @param {Budget} allowance
     */
    function answer(asked, allowance) {
        switch (asked.action) {
            case 'apply':
                return { results: apply.apply(asked.writes, allowance) };
            case 'read':
                return { results: read.read(asked.reads, allowance) };
            case 'probe':
                return probe.probe(asked.types);
        }
    }

    return { post };
});
