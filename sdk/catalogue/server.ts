import type { ErrorTexts } from './texts';

export const BROKER_ERRORS = {
  JP_BROKER_NOT_FOUND: [
    'No nats-server binary could be found or fetched for the embedded broker.',
    'Install nats-server and put it on the PATH, set nats.embedded.binary, or name a running server in nats.servers.',
  ],
  JP_BROKER_START_FAILED: [
    'The embedded nats-server did not start.',
    'The message ends with the last output of the server. Often its port is taken or its folder is not writable.',
  ],
  JP_BROKER_DATA_LOCKED: [
    'Another running host holds this data folder, and its broker cannot be joined.',
    'Stop that host, or give this one a folder of its own with --data.',
  ],
  JP_BROKER_NO_JETSTREAM: [
    'The NATS server answers but has no JetStream.',
    'Start it with -js, set nats.domain where JetStream runs behind a leaf node, or start an embedded server with --nats-port.',
  ],
  JP_BROKER_TOO_OLD: [
    'The NATS server is older than the oldest version that Jetplug works with.',
    'Update that server, or use another one: nats.servers, --servers, or `jetplug start --nats-port` for an embedded one.',
  ],
  JP_BROKER_NOT_NATS: [
    'A program that is not a NATS server answers on the address.',
    'Free the port, or give another with --nats-port.',
  ],
  JP_BROKER_UNREACHABLE: ['No NATS server answers.', 'Start the server, or correct nats.servers or --servers.'],
  JP_BROKER_AUTH: [
    'The NATS server refused the credentials, or they have expired.',
    'Set or correct the user, password, token or file (nats.credentials). Files are read again at each connect.',
  ],
  JP_BROKER_TLS: [
    'The TLS handshake with the NATS server failed.',
    'Check nats.tls: the CA, the certificate and its name.',
  ],
  JP_BROKER_PERMISSION: [
    'The NATS server does not permit an operation that the host needs.',
    'Grant the subject named in the message to these credentials.',
  ],
  JP_BROKER_NO_QUORUM: [
    'JetStream does not answer, or has no leader.',
    'In a cluster a majority of the servers must run; see `nats server report jetstream`. The error may pass by itself.',
  ],
  JP_ACCOUNT_LIMIT: [
    'A request exceeds a limit of the NATS account or of the server.',
    'Raise the limit, or ask for less: the message names it. `nats account info` shows limits and usage.',
  ],
  JP_BROKER_OPERATION_FAILED: [
    'A request to JetStream failed.',
    'The message and its cause hold the answer of the server.',
  ],
  JP_RUNS_MISSING: [
    'The server has no records of runs.',
    'Records are kept once a host runs there with tracing.sample other than off. `jetplug plugins` shows whether one runs.',
  ],
  JP_LETTER_WAITS: [
    'A dead letter was redriven before, and its event still waits for its handler.',
    'Start or resume the handler. When the event is settled, its letter is removed, or replaced by a new one.',
  ],
  JP_TRACE_UNKNOWN: [
    'No run of this event, or of an event that it led to, is recorded.',
    'Records are kept for tracing.maxAge. With tracing.sample below 1 a share of the trees of events is left out.',
  ],
} as const satisfies ErrorTexts;

export const STREAM_ERRORS = {
  JP_STREAM_OVERLAP: [
    'A stream of the config has subjects that another stream on the server already takes.',
    'Two streams cannot hold one subject: change the subjects of one of them.',
  ],
  JP_STREAM_NO_ROOM: [
    'The server has too little storage for the size limit of a stream.',
    'Lower streams[].maxBytes, free disk space, or raise the server’s limits.',
  ],
  JP_STREAM_REPLICAS: [
    'The servers cannot hold as many replicas of a stream as the config says.',
    'Lower streams[].replicas, or add servers with JetStream to the cluster.',
  ],
  JP_STREAM_MIRROR: [
    'A stream on the server is a mirror of another one, so nothing can be published to it.',
    'Name the mirrored stream, or give the stream another name (streams[].name, deadLetters.stream). You can delete a mirror that nobody needs.',
  ],
  JP_STREAM_SEALED: [
    'A stream on the server is sealed, so the server refuses new messages in it.',
    'A sealed stream cannot be unsealed. Name another stream (streams[].name, deadLetters.stream), or delete the sealed one with its messages: the next start of a host creates it again.',
  ],
  JP_STREAM_NOT_UPDATABLE: [
    'A stream on the server differs from the config in a field that cannot be changed in place.',
    'Put the old value back, or move its events to a stream with a new name.',
  ],
  JP_STREAM_FOREIGN: [
    'A stream on the server is not managed by this deployment, and the host would have to change it or keep its own records in it.',
    'Use another name, set streams[].manage: false, or take the stream over with `jetplug adopt stream NAME`.',
  ],
  JP_BUCKET_FOREIGN: [
    'A bucket on the server is not managed by this deployment, and the host would keep its own records in it.',
    'Use another NATS account, or take the bucket over with `jetplug adopt bucket NAME`.',
  ],
  JP_STREAM_DATA_LOSS: [
    'A changed config would delete stored events, or drop subjects of a stream.',
    'Put the old value back, or set deploy.allowDataLoss: true for this start. The message names each handler that would lose events that it has not handled.',
  ],
  JP_ASSET_MISSING: [
    'A stream, bucket or durable is not on the server, and with deploy.bindOnly a host creates none.',
    'Create what is missing with `npx jetplug apply`, with the rights to do so, or with the command in the hint of each.',
  ],
  JP_STREAM_MISSING: [
    'A stream with manage: false in the config is not on the server.',
    'Create the stream, or remove manage: false, so that the host creates it.',
  ],
  JP_STREAM_UNCOVERED: [
    'A stream with manage: false in the config does not hold all the configured subjects.',
    'Add the subjects to the stream, or list only the subjects that it holds in streams[].subjects.',
  ],
  JP_STREAM_FULL: [
    'A stream has reached its limit. It keeps its messages and refuses new ones.',
    'No event is lost: each waits in its own stream, and a redriven dead letter among the dead letters. For the stream in the message, raise deadLetters.maxBytes (or drop dead letters: `jetplug dead drop`) or retries.maxBytes.',
  ],
  JP_PLAN_STALE: [
    'The server, the config or the plugins have changed since the plan was made.',
    'Make a new plan with `jetplug plan --out FILE`, look at it, and apply that one.',
  ],
  JP_PLAN_FILE_INVALID: [
    'The file is not a plan that `jetplug plan --out` of this version has written.',
    'Make the plan again with `jetplug plan --out FILE`.',
  ],
  JP_PLAN_DATA_LOSS: [
    'A change of the plan deletes stored events or values, or drops subjects of a stream.',
    'Look at the numbers in `jetplug plan`. If the loss is meant, add --allow-data-loss. Nothing is changed.',
  ],
  JP_PLAN_NOT_CONFIRMED: [
    'The changes were not confirmed.',
    'Nobody can be asked, because the input or the output is no terminal: add --yes, after a look at `jetplug plan`.',
  ],
  JP_ADOPT_UNWANTED: [
    'Neither the config nor the plugins need the stream, bucket or durable that was to be adopted.',
    'Adopt one that the message lists, or name it in the config first.',
  ],
} as const satisfies ErrorTexts;
