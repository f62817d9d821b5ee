// Oracle's stubs, mocked, in every test; testing/netsuite.js gives them life.
jest.mock('N/crypto');
jest.mock('N/encode');
jest.mock('N/error');
jest.mock('N/format');
jest.mock('N/https');
jest.mock('N/log');
jest.mock('N/query');
jest.mock('N/record');
jest.mock('N/runtime');
jest.mock('N/search');
