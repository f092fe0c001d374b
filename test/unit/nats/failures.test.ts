import { apiErrorCode, asBrokerError, isNoResponders } from '../../../host/nats/failures';

const failure = (code: string, message = 'x') => Object.assign(new Error(message), { code });

test.each([
  [failure('AUTHORIZATION_VIOLATION'), 'JP_BROKER_AUTH'],
  [failure('AUTHENTICATION_EXPIRED'), 'JP_BROKER_AUTH'],
  [failure('BAD_CREDS'), 'JP_BROKER_AUTH'],
  [failure('PERMISSIONS_VIOLATION'), 'JP_BROKER_PERMISSION'],
  [failure('CONNECTION_REFUSED'), 'JP_BROKER_UNREACHABLE'],
  [failure('ENOTFOUND'), 'JP_BROKER_UNREACHABLE'],
  [failure('503'), 'JP_BROKER_NO_JETSTREAM'],
  [failure('ERR_TLS_CERT_ALTNAME_INVALID'), 'JP_BROKER_TLS'],
  [failure('SELF_SIGNED_CERT_IN_CHAIN', 'self-signed certificate in certificate chain'), 'JP_BROKER_TLS'],
  [failure('EPROTO', 'write EPROTO: SSL routines:wrong version number'), 'JP_BROKER_TLS'],
  [failure('TIMEOUT'), 'JP_BROKER_OPERATION_FAILED'],
  [failure('400', 'stream LOSSLESS already in use'), 'JP_BROKER_OPERATION_FAILED'],
  [new Error('x'), 'JP_BROKER_OPERATION_FAILED'],
])('%p is %s, with the client’s error as its cause', (error, code) => {
  expect(asBrokerError(error, 'connecting')).toMatchObject({
    code,
    message: expect.stringMatching(/^connecting: /) as string,
    cause: error,
  });
});

test.each(['text', 5, {}])('%p, thrown by the client, is an error of the catalogue as well', (thrown) => {
  expect(asBrokerError(thrown, 'connecting')).toMatchObject({ code: 'JP_BROKER_OPERATION_FAILED' });
  expect(apiErrorCode(thrown)).toBeUndefined();
  expect(isNoResponders(thrown)).toBe(false);
});

test('the number of an API error is read where there is one', () => {
  expect(apiErrorCode(Object.assign(new Error('x'), { api_error: { err_code: 10071 } }))).toBe(10071);
  expect(apiErrorCode(new Error('x'))).toBeUndefined();
  expect(isNoResponders(failure('503'))).toBe(true);
});
