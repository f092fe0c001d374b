import { idText } from '../message/lineage';
import { JetplugError } from '../../sdk/internal';
import type { StoredRuns } from '../records/runs/run-log';
import { decodeRuns, mayHave } from '../records/runs/run-table';
import { groupOf } from '../records/runs/sampling';
import { buildTrace, type HostRun, type Trace } from './trace';

/** Where records of runs are read. */
export interface RunReader {
  ofGroup(group: number): AsyncIterable<StoredRuns>;
  newestFirst(progress: (share: number) => void): AsyncIterable<StoredRuns>;
}

/**
 * Finds the tree that an event belongs to.
 * @param name the event's id or place, `STREAM:SEQUENCE`, or the correlation id of its tree
 * @param root the root of the tree, if it is known; a tree is found fastest by its root
 * @param progress called with the share of the records that is read, if all of them are read
 * @throws JetplugError `JP_TRACE_UNKNOWN`
 */
export async function findTrace(
  reader: RunReader,
  name: string,
  root: string | undefined,
  progress: (share: number) => void,
): Promise<Trace> {
  const id = idText(name);
  const trace = (await readTrace(reader, root ?? id)) ?? (await readTreeOf(reader, id, name, progress));
  if (trace) return trace;
  throw new JetplugError('JP_TRACE_UNKNOWN', `no run is recorded of an event ${JSON.stringify(name)}`);
}

/** Reads the tree with this root. Most events that people ask for are roots. */
async function readTrace(reader: RunReader, root: string): Promise<Trace | undefined> {
  const records: HostRun[] = [];
  const may = mayHave([root]);
  for await (const { bytes } of reader.ofGroup(groupOf(root))) {
    if (!may(bytes)) continue;
    for (const record of recordsOf(bytes)) if (record.root === root) records.push(record);
  }
  return buildTrace(root, records);
}

async function readTreeOf(
  reader: RunReader,
  id: string,
  name: string,
  progress: (share: number) => void,
): Promise<Trace | undefined> {
  const place = /^(.+):(\d+)$/.exec(name);
  const isAt = ({ stream, sequence }: HostRun): boolean =>
    place !== null && stream === place[1] && sequence === Number(place[2]);
  const may = mayHave([name, id]);
  for await (const { bytes } of reader.newestFirst(progress)) {
    if (!may(bytes)) continue;
    for (const record of recordsOf(bytes)) {
      const publishes = record.emits?.some((emit) => emit.id === name);
      if (record.id === name || publishes || isAt(record)) return readTrace(reader, record.root);
    }
  }
  return undefined;
}

function recordsOf(bytes: Uint8Array): HostRun[] {
  const batch = decodeRuns(bytes);
  return batch ? batch.runs.map((record) => ({ ...record, host: batch.host })) : [];
}
