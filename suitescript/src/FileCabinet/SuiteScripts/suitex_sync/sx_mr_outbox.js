/**
 * The outbox script: sends the events that wait, each record's in their order. At its end it forgets old operations.
 *
 * @NApiVersion 2.1
 * @NScriptType MapReduceScript
 * @NModuleScope SameAccount
 */
define(['N/log', './lib/budget', './lib/operations', './lib/outbox', './lib/settings'], /**
 * @param {import('N/log')} log
 * @param {BudgetModule} budget
 * @param {OperationsModule} operations
 * @param {OutboxModule} outbox
 * @param {SettingsModule} settings
 */ (log, budget, operations, outbox, settings) => {
    /** @returns {Waiting[]} */
    function getInputData() {
        return outbox.waiting();
    }

    /**
     * Brings the rows of one record together.
     *
     * @param {MapContext} context
     */
    function map(context) {
        /** @type {Waiting} */
        const { id, about } = JSON.parse(context.value);
        context.write({ key: about, value: id });
    }

    /** @param {ReduceContext} context */
    function reduce(context) {
        const drained = outbox.drain(context.values, settings.ingest('outbox'), budget.begin());
        if (drained.refused || drained.failed) log.audit({ title: `outbox of ${context.key}`, details: drained });
    }

    /** @param {SummaryContext} context */
    function summarize(context) {
        if (context.inputSummary.error) log.error({ title: 'outbox not read', details: context.inputSummary.error });
        for (const stage of [context.mapSummary, context.reduceSummary]) {
            stage.errors.iterator().each((key, error) => {
                log.error({ title: `outbox of ${key}`, details: error });
                return true;
            });
        }
        operations.forgetOld();
    }

    return { getInputData, map, reduce, summarize };
});
