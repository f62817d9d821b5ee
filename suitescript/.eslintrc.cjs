/** `record.submitFields` bypasses NetSuite's optimistic locking: the last write wins, unseen. */
const NO_SUBMIT_FIELDS = {
    message: 'record.submitFields overwrites what somebody saved meanwhile: load, compare, set, save.',
};

module.exports = {
    root: true,
    ignorePatterns: ['node_modules'],
    extends: ['eslint:recommended'],
    parserOptions: { ecmaVersion: 2020 },
    env: { es2020: true },
    rules: {
        'no-restricted-syntax': [
            'error',
            { selector: 'MemberExpression[property.name="submitFields"]', ...NO_SUBMIT_FIELDS },
            { selector: 'MemberExpression[property.value="submitFields"]', ...NO_SUBMIT_FIELDS },
            { selector: 'ObjectPattern > Property[key.name="submitFields"]', ...NO_SUBMIT_FIELDS },
        ],
        'no-unused-vars': ['error', { caughtErrorsIgnorePattern: '^_' }],
        'prefer-const': 'error',
        eqeqeq: 'error',
    },
    overrides: [
        {
            files: ['src/**/*.js'],
            plugins: ['suitescript'],
            extends: ['plugin:suitescript/all'],
            env: { amd: true },
            // The modules are named, so that tests and the type checker see the log like any other.
            rules: { 'suitescript/no-log-module': 'off' },
        },
        {
            files: ['__tests__/**/*.js', 'testing/**/*.js'],
            parserOptions: { sourceType: 'module' },
            env: { jest: true, node: true },
        },
        { files: ['*.js', '*.cjs'], env: { node: true } },
        { files: ['scripts/*.mjs'], parserOptions: { ecmaVersion: 2022, sourceType: 'module' }, env: { node: true } },
    ],
};
