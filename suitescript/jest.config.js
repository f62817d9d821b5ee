const suitecloud = require('@oracle/suitecloud-unit-testing/jest-configuration/SuiteCloudJestConfiguration');

module.exports = {
    ...suitecloud.build({ projectFolder: 'src', projectType: suitecloud.ProjectType.ACP }),
    setupFilesAfterEnv: ['<rootDir>/testing/mocks.js'],
};
