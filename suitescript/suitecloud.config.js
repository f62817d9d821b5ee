const runner = require('@oracle/suitecloud-unit-testing/services/SuiteCloudJestUnitTestRunner');

module.exports = {
    defaultProjectFolder: 'src',
    commands: {
        'project:deploy': {
            // What fails its tests is not deployed.
            beforeExecuting: async (args) => {
                await runner.run({});
                return args;
            },
        },
    },
};
