import type { SchemaMap } from './key';

/** The keys below `delivery`, `deadLetters`, `retries` and `store`. */
export const deliveryKeys = {
  delivery: {
    ackWait: {
      doc: 'How long the server waits for an ack before it redelivers. The host resets the wait while a handler runs.',
      format: 'timeout',
      default: '15s',
      env: 'JETPLUG_DELIVERY_ACK_WAIT',
    },
    maxAckPending: {
      doc: 'How many deliveries of one durable may be unsettled at a time, over all hosts.',
      format: 'count',
      default: 5_000,
      env: 'JETPLUG_DELIVERY_MAX_ACK_PENDING',
    },
    maxConcurrent: {
      doc: 'How many calls of handlers run at the same time in a host, over all plugins. Not set: as many as their concurrency allows.',
      format: 'countLimit',
      default: null as number | null,
      nullable: true,
      env: 'JETPLUG_DELIVERY_MAX_CONCURRENT',
    },
    maxBufferedBytes: {
      doc: 'How large the payloads are that all handlers together hold in a host. Above it, a handler holds one event at a time.',
      format: 'limit',
      default: '256 MiB' as string | number,
      env: 'JETPLUG_DELIVERY_MAX_BUFFERED_BYTES',
    },
    maxPayload: {
      doc: 'Larger payloads are dead-lettered.',
      format: 'size',
      default: '512 KiB' as string | number,
      env: 'JETPLUG_DELIVERY_MAX_PAYLOAD',
    },
    maxDepth: {
      doc: 'More deeply nested payloads are dead-lettered.',
      format: 'count',
      default: 64,
      env: 'JETPLUG_DELIVERY_MAX_DEPTH',
    },
    circuit: {
      messages: {
        doc: "How many distinct events must have failed since a handler's last success before its circuit opens.",
        format: 'count',
        default: 5,
        env: 'JETPLUG_DELIVERY_CIRCUIT_MESSAGES',
      },
      over: {
        doc: "The least time over which they must have failed. While the circuit is open, the handler's events wait in the stream.",
        format: 'wait',
        default: '1s',
        env: 'JETPLUG_DELIVERY_CIRCUIT_OVER',
      },
    },
    rollback: {
      events: {
        doc: 'The number of distinct events that must fail after an edit, before any is handled, for the host to roll the edit back.',
        format: 'count',
        default: 3,
        env: 'JETPLUG_DELIVERY_ROLLBACK_EVENTS',
      },
      within: {
        doc: 'How long after an edit the host may roll back to the previous version; 0s: never.',
        format: 'wait',
        default: '1m',
        env: 'JETPLUG_DELIVERY_ROLLBACK_WITHIN',
      },
    },
  },
  deadLetters: {
    stream: {
      doc: 'The stream for the dead letters.',
      format: 'streamName',
      default: 'DEAD',
      env: 'JETPLUG_DEAD_LETTERS_STREAM',
    },
    maxAge: {
      doc: 'How long a dead letter is kept.',
      format: 'age',
      default: '30d',
      env: 'JETPLUG_DEAD_LETTERS_MAX_AGE',
    },
    maxBytes: {
      doc: 'The size limit of the stream. While it is full, an event that would be dead-lettered stays in its own stream.',
      format: 'limit',
      default: 'unlimited' as string | number,
      env: 'JETPLUG_DEAD_LETTERS_MAX_BYTES',
    },
  },
  retries: {
    maxBytes: {
      doc: 'The size limit of the stream of postponed and redriven events. While it is full, an event waits in its own stream.',
      format: 'limit',
      default: 'unlimited' as string | number,
      env: 'JETPLUG_RETRIES_MAX_BYTES',
    },
  },
  store: {
    maxBytes: {
      doc: 'The size limit of each bucket: one for each plugin with a store, and the host’s own. A full bucket falls behind its commit log.',
      format: 'limit',
      default: 'unlimited' as string | number,
      env: 'JETPLUG_STORE_MAX_BYTES',
    },
    history: {
      doc: 'How long a commit stays in a plugin’s commit log after its values are in the bucket; at least 5 minutes.',
      format: 'age',
      default: '7d',
      env: 'JETPLUG_STORE_HISTORY',
    },
    logMaxBytes: {
      doc: 'The size limit of each plugin’s commit log. A full log drops history first; if it needs every commit, runs wait.',
      format: 'limit',
      default: 'unlimited' as string | number,
      env: 'JETPLUG_STORE_LOG_MAX_BYTES',
    },
  },
} satisfies SchemaMap;
