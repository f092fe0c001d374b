import type { ErrorCode } from '../../sdk/internal';

/** The meaning of a JetStream API error, in the catalogue of errors. */
export interface ApiFailure {
  readonly code: ErrorCode;
  /** A text in place of the server's own, if that says less. */
  readonly means?: string;
  /** A hint in place of the code's own, if that says less. */
  readonly hint?: string;
}

const NO_ROOM = 'JP_STREAM_NO_ROOM';
const LIMIT = 'JP_ACCOUNT_LIMIT';
const WORK_QUEUE: ApiFailure = {
  code: 'JP_CONSUMER_WORK_QUEUE',
  means: 'the stream is a work queue, and another consumer takes the same events',
};

/** The failures by the number of the API error (`err_code`), as the server's errors.json lists them. */
const API_FAILURES: Readonly<Record<number, ApiFailure>> = {
  10002: { code: NO_ROOM, means: 'the account has reached its limit of storage or memory' },
  10005: { code: 'JP_STREAM_REPLICAS' }, // The server's text lists the servers that it has considered.
  10008: { code: 'JP_BROKER_NO_QUORUM', means: 'JetStream has no leader at the moment' },
  10009: { code: 'JP_BROKER_NO_QUORUM', means: 'JetStream has no leader at the moment' },
  10023: { code: NO_ROOM, means: 'the server has no storage or memory left for JetStream' },
  10026: {
    code: LIMIT,
    means: 'the account or the stream has as many consumers as it may have',
    hint: 'Raise max_consumers of the account or the stream, or delete unused consumers: each handler needs one.',
  },
  10027: {
    code: LIMIT,
    means: 'the account has as many streams as it may have',
    hint: 'Raise max_streams of the account, or delete unused streams: Jetplug needs one for each entry of streams[], DEAD, RETRY, and one for each bucket.',
  },
  10028: { code: NO_ROOM, means: 'the server has no memory left for JetStream' },
  10034: { code: 'JP_STREAM_MIRROR' },
  10035: {
    code: 'JP_BROKER_NO_JETSTREAM',
    means: 'the server does not know the account',
    hint: 'Use credentials of an account that the server knows.',
  },
  10039: {
    code: 'JP_BROKER_NO_JETSTREAM',
    means: 'JetStream is not enabled for the account of these credentials',
    hint: 'Enable JetStream for the account, or use credentials of an account that has it.',
  },
  10047: { code: NO_ROOM, means: 'the server or the account has less storage left than the stream may take' },
  10055: { code: 'JP_STREAM_MIRROR' },
  10065: { code: 'JP_STREAM_OVERLAP' },
  10074: {
    code: 'JP_STREAM_REPLICAS',
    means: 'the server is not part of a cluster, so it holds one replica only',
    hint: 'Set streams[].replicas to 1, or use a cluster.',
  },
  10076: { code: 'JP_BROKER_NO_JETSTREAM' },
  10099: WORK_QUEUE,
  10100: WORK_QUEUE,
  10101: {
    code: 'JP_CONSUMER_WORK_QUEUE',
    means: 'the stream is a work queue, of which a consumer can only start at the beginning',
    hint: 'Set from: beginning for the handler, or use a stream with the retention limits.',
  },
  10109: { code: 'JP_STREAM_SEALED', means: 'the stream is sealed' },
  10113: {
    code: LIMIT,
    means: 'the account requires a limit of bytes (max_bytes) for each stream and bucket',
    hint: 'Set streams[].maxBytes, deadLetters.maxBytes, retries.maxBytes, store.maxBytes and store.logMaxBytes.',
  },
  10120: {
    code: LIMIT,
    means: 'the account has no JetStream limits for this number of replicas',
    hint: 'Set streams[].replicas to a number that the account has a tier for.',
  },
  10121: {
    code: LIMIT,
    means: 'delivery.maxAckPending is more than the server, the account or the stream allows',
    hint: 'Lower delivery.maxAckPending, or raise max_ack_pending of the server, the account or the stream.',
  },
  10122: {
    code: LIMIT,
    means: 'the stream may take more bytes than the account allows one stream',
    hint: 'Lower maxBytes of the stream, or raise max_stream_bytes of the account.',
  },
};

/** Returns the meaning of an API error; undefined if the error has no meaning of its own in the catalogue. */
export function apiFailure(errorCode: number | undefined): ApiFailure | undefined {
  return errorCode === undefined ? undefined : API_FAILURES[errorCode];
}
