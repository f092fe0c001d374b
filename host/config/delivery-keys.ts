import type { SchemaMap } from './key';

/** The keys below `delivery`, `deadLetters`, `retries` and `store`. */
export const deliveryKeys = {
  delivery: {
    ackWait: {
      doc: 'How long the server waits for an ack before it delivers again; a running handler prolongs it.',
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
        doc: "How many distinct events must have failed since a handler's last success before it counts as down.",
        format: 'count',
        default: 5,
        env: 'JETPLUG_DELIVERY_CIRCUIT_MESSAGES',
      },
      over: {
        doc: "Over what time they must have failed; then the handler's events wait in the stream.",
        format: 'wait',
        default: '1s',
        env: 'JETPLUG_DELIVERY_CIRCUIT_OVER',
      },
    },
    rollback: {
      events: {
        doc: 'How many distinct events must fail first after an edit, and none be handled, for the version before to be taken back.',
        format: 'count',
        default: 3,
        env: 'JETPLUG_DELIVERY_ROLLBACK_EVENTS',
      },
      within: {
        doc: 'How long after an edit the version before is kept for that; 0s: never.',
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
      doc: 'How much is kept. When it is full, an event that fails for good stays in its own stream.',
      format: 'limit',
      default: 'unlimited' as string | number,
      env: 'JETPLUG_DEAD_LETTERS_MAX_BYTES',
    },
  },
  retries: {
    maxBytes: {
      doc: 'How much the stream of postponed and redriven events keeps. When it is full, an event waits in its own stream.',
      format: 'limit',
      default: 'unlimited' as string | number,
      env: 'JETPLUG_RETRIES_MAX_BYTES',
    },
  },
  store: {
    maxBytes: {
      doc: 'How much each bucket keeps: one for each plugin that has a store, and the host’s own. A full one refuses writes.',
      format: 'limit',
      default: 'unlimited' as string | number,
      env: 'JETPLUG_STORE_MAX_BYTES',
    },
  },
} satisfies SchemaMap;
