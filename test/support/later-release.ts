import { cpSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './markdown';

/** The files of the compiled host with the format of a record, by the name of the record. */
const FILES = {
  commit: 'records/commits/commit.js',
  checkpoint: 'records/commits/checkpoint.js',
  settled: 'records/settled-record.js',
  attempts: 'message/failures/attempt-record.js',
  circuit: 'message/failures/outages.js',
  generation: 'nats/generation-record.js',
  contracts: 'plugin/contract-record.js',
  runs: 'records/runs/run-table.js',
  audit: 'nats/audit-stream.js',
  letter: 'broker/letter-headers.js',
  deferred: 'broker/retry-queue.js',
  presence: 'nats/host-presence.js',
  mark: 'nats/ownership.js',
  api: 'nats/service.js',
} as const;

export type RecordName = keyof typeof FILES;

/**
 * Copies the compiled program into a folder as a later release, which writes a later format of these records. It reads the
 * present format too.
 * @returns the path of its program
 */
export function laterRelease(folder: string, records: readonly RecordName[]): string {
  cpSync(join(ROOT, 'dist'), join(folder, 'dist'), { recursive: true });
  cpSync(join(ROOT, 'package.json'), join(folder, 'package.json'));
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  for (const name of records) raise(join(folder, 'dist/host', FILES[name]));
  return join(folder, 'dist/host/cli/main.js');
}

function raise(file: string): void {
  const before = readFileSync(file, 'utf8');
  const raised = before
    .replace(
      /((?:FORMAT|API_VERSION) = '?)(\d+)/,
      (_all, left: string, format: string) => `${left}${Number(format) + 1}`,
    )
    .replace(/(\bf) !== FORMAT/, '$1 > FORMAT');
  if (raised === before) throw new Error(`${file} has no format`);
  writeFileSync(file, raised);
}
