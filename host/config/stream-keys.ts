import type { SchemaMap } from './key';

/** The keys of one entry of `streams`. */
export const streamSchema = {
  name: { doc: 'Its name on the server.', format: 'streamName', default: null as unknown as string },
  subjects: {
    doc: 'The subjects that the stream holds; no two streams may share one. One layer must give them.',
    format: 'subjects',
    default: null as string[] | null,
    nullable: true,
  },
  maxAge: { doc: 'How long an event is kept.', format: 'age', default: '7d' },
  maxBytes: {
    doc: 'The size limit of the stream; beyond it the oldest events are deleted.',
    format: 'size',
    default: '10 GiB' as string | number,
  },
  duplicateWindow: {
    doc: 'How long the server remembers event ids, to drop repeats. At most maxAge.',
    format: 'age',
    default: '2m',
  },
  storage: {
    doc: 'Where events are stored: file or memory. It cannot be changed later.',
    format: ['file', 'memory'],
    default: 'file' as 'file' | 'memory',
  },
  replicas: {
    doc: 'The number of servers of a cluster that store each event, 1 to 5.',
    format: 'replicas',
    default: 1,
  },
  manage: {
    doc: 'Whether the host creates and updates the stream. false: the stream must exist and hold the subjects.',
    format: 'boolean',
    default: true as boolean,
  },
} satisfies SchemaMap;
