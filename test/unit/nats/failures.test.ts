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
  [failure('TIMEOUT'), 'JP_BROKER_NO_QUORUM'],
  [failure('ACCOUNT_EXPIRED'), 'JP_BROKER_AUTH'],
  [failure('AUTHENTICATION_TIMEOUT'), 'JP_BROKER_AUTH'],
  [failure('EHOSTUNREACH'), 'JP_BROKER_UNREACHABLE'],
  [failure('SERVER_OPT_NA', 'tls'), 'JP_BROKER_TLS'],
  [failure('ERR_SSL_NO_PROTOCOLS_AVAILABLE'), 'JP_BROKER_TLS'],
  [failure('400', 'stream LOSSLESS already in use'), 'JP_BROKER_OPERATION_FAILED'],
  [new Error('x'), 'JP_BROKER_OPERATION_FAILED'],
])('%p is %s, with the client’s error as its cause', (error, code) => {
  expect(asBrokerError(error, 'connecting')).toMatchObject({
    code,
    message: expect.stringMatching(/^connecting: /) as string,
    cause: error,
  });
});

test.each([
  ['Publish to "$JS.API.INFO"', 'not permitted to publish on $JS.API.INFO'],
  ['Subscription to "_INBOX.x.*"', 'not permitted to subscribe to _INBOX.x.*'],
])('a missing permission for %s is worded like a refusal while the host runs', (what, says) => {
  const error = failure('PERMISSIONS_VIOLATION', `Permissions Violation for ${what}`);
  expect(asBrokerError(error, 'connecting').message).toBe(`connecting: ${says}`);
});

test.each(['text', 5, {}])('%p, thrown by the client, is an error of the catalogue as well', (thrown) => {
  expect(asBrokerError(thrown, 'connecting')).toMatchObject({ code: 'JP_BROKER_OPERATION_FAILED' });
  expect(apiErrorCode(thrown)).toBeUndefined();
  expect(isNoResponders(thrown)).toBe(false);
});

test('the code of an API error is read where there is one', () => {
  expect(apiErrorCode(Object.assign(new Error('x'), { api_error: { err_code: 10071 } }))).toBe(10071);
  expect(apiErrorCode(new Error('x'))).toBeUndefined();
  expect(isNoResponders(failure('503'))).toBe(true);
});

const ofApi = (errorCode: number, description = 'in the server’s words', code = '400') =>
  Object.assign(failure(code, description), { api_error: { err_code: errorCode } });

test.each([
  [10002, 'JP_STREAM_NO_ROOM', /reached its limit of storage or memory/, /maxBytes/],
  [10005, 'JP_STREAM_REPLICAS', /in the server’s words/, /replicas/],
  [10008, 'JP_BROKER_NO_QUORUM', /no leader/, /majority/],
  [10023, 'JP_STREAM_NO_ROOM', /no storage or memory left/, /disk space/],
  [10026, 'JP_ACCOUNT_LIMIT', /as many consumers as it may have/, /max_consumers/],
  [10027, 'JP_ACCOUNT_LIMIT', /as many streams as it may have/, /max_streams/],
  [10028, 'JP_STREAM_NO_ROOM', /no memory left/, /limits/],
  [10034, 'JP_STREAM_MIRROR', /in the server’s words/, /mirrored/],
  [10035, 'JP_BROKER_NO_JETSTREAM', /does not know the account/, /credentials/],
  [10039, 'JP_BROKER_NO_JETSTREAM', /not enabled for the account/, /Enable JetStream for the account/],
  [10047, 'JP_STREAM_NO_ROOM', /less storage left/, /maxBytes/],
  [10055, 'JP_STREAM_MIRROR', /in the server’s words/, /another name/],
  [10065, 'JP_STREAM_OVERLAP', /in the server’s words/, /subjects/],
  [10074, 'JP_STREAM_REPLICAS', /one replica only/, /replicas to 1/],
  [10076, 'JP_BROKER_NO_JETSTREAM', /in the server’s words/, /-js/],
  [10099, 'JP_CONSUMER_WORK_QUEUE', /another consumer takes the same events/, /retention limits/],
  [10100, 'JP_CONSUMER_WORK_QUEUE', /another consumer takes the same events/, /retention limits/],
  [10101, 'JP_CONSUMER_WORK_QUEUE', /only start at the beginning/, /from: beginning/],
  [10113, 'JP_ACCOUNT_LIMIT', /requires a limit of bytes/, /store.maxBytes/],
  [10120, 'JP_ACCOUNT_LIMIT', /number of replicas/, /tier/],
  [10121, 'JP_ACCOUNT_LIMIT', /maxAckPending is more/, /Lower delivery.maxAckPending/],
  [10122, 'JP_ACCOUNT_LIMIT', /more bytes than the account allows/, /max_stream_bytes/],
])('the API error %d is %s, with a text and a hint of its own', (errorCode, code, message, hint) => {
  expect(asBrokerError(ofApi(errorCode), 'stream EVENTS')).toMatchObject({
    code,
    message: expect.stringMatching(new RegExp(`^stream EVENTS: .*${message.source}`)) as string,
    hint: expect.stringMatching(hint) as string,
  });
});

test('an API error without a meaning of its own keeps the server’s text, even with the HTTP code of a missing JetStream', () => {
  expect(asBrokerError(ofApi(10118, 'stream is offline', '500'), 'stream EVENTS')).toMatchObject({
    code: 'JP_BROKER_OPERATION_FAILED',
    message: 'stream EVENTS: stream is offline',
  });
  expect(asBrokerError(ofApi(10195, 'consumer is offline', '503'), 'durable a')).toMatchObject({
    code: 'JP_BROKER_OPERATION_FAILED',
    message: 'durable a: consumer is offline',
  });
});

test.each([
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', /not signed by an authority/, /caFile/],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', /not signed by an authority/, /caFile/],
  ['CERT_HAS_EXPIRED', /not valid at this time/, /Renew/],
  ['ERR_TLS_CERT_ALTNAME_INVALID', /the certificate’s words/, /as its certificate does/],
  ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', /requires a client certificate/, /certFile and nats.tls.keyFile/],
  ['ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE', /does not accept the client certificate/, /certFile/],
  ['ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', /does not accept the client certificate/, /certFile/],
  ['ERR_SSL_WRONG_VERSION_NUMBER', /does not start with the TLS handshake/, /handshakeFirst to false/],
  ['SERVER_OPT_NA', /offers no TLS/, /Remove nats.tls/],
])('the TLS failure %s has a text and a hint of its own', (code, message, hint) => {
  expect(asBrokerError(failure(code, 'the certificate’s words'), 'connecting')).toMatchObject({
    code: 'JP_BROKER_TLS',
    message: expect.stringMatching(message) as string,
    hint: expect.stringMatching(hint) as string,
  });
});

test('a hint names the config key for an inbox that is not permitted, and for no other subject', () => {
  const refusal = (subject: string) =>
    failure('PERMISSIONS_VIOLATION', `Permissions Violation for Subscription to "${subject}"`);
  expect(asBrokerError(refusal('_INBOX.X.*'), 'connecting').hint).toContain('nats.inboxPrefix');
  expect(asBrokerError(refusal('video.>'), 'connecting').hint).not.toContain('nats.inboxPrefix');
});
