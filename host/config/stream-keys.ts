import type { SchemaMap } from './key';

/** The keys of one entry of `streams`. */
export const streamSchema = {
  name: { doc: 'Its name on the server.', format: 'streamName', default: null as unknown as string },
  subjects: {
    doc: 'Which subjects it holds; no two streams may share one.',
    format: 'subjects',
    default: null as unknown as string[],
  },
  maxAge: { doc: 'How long an event is kept.', format: 'age', default: '7d' },
  maxBytes: {
    doc: 'How much is kept; beyond it the oldest events go.',
    format: 'size',
    default: '10 GiB' as string | number,
  },
  duplicateWindow: {
    doc: 'How long the server remembers event ids, to drop repeats. At most maxAge.',
    format: 'age',
    default: '2m',
  },
  storage: {
    doc: 'Where events are kept: file or memory. It cannot be changed later.',
    format: ['file', 'memory'],
    default: 'file' as 'file' | 'memory',
  },
  replicas: { doc: 'On how many servers of a cluster each event is kept, 1 to 5.', format: 'replicas', default: 1 },
  manage: {
    doc: 'Whether the host creates and updates the stream. false: it is used as it is, and must hold the subjects.',
    format: 'boolean',
    default: true as boolean,
  },
} satisfies SchemaMap;
