import type { Command } from 'commander';
import { JetplugError } from '../../sdk/internal';
import { terminalText } from '../base/utf8';
import { AuditStream } from '../nats/audit-stream';
import { parseTime } from '../ops/parse-time';
import type { AuditEntry } from '../records/audit-entry';
import { reachesBroker, withBroker, type CommonFlags } from './common';
import { paint, print, printJson, table } from './output';

interface AuditFlags extends CommonFlags {
  since?: string;
  limit: string;
}

export function auditCommand(program: Command): void {
  reachesBroker(program.command('audit'))
    .option('--since <time>', 'only changes since then: an ISO time, or how long ago, such as 2h')
    .option('--limit <n>', 'at most so many, the newest first', '100')
    .description('list the changes that people have made on the page or by commands: who, what and when')
    .addHelpText(
      'after',
      `
The server keeps them for a year. They name plugins, keys and letters, and have no payloads and no values.

Examples:
  $ jetplug audit
  $ jetplug audit --since 2h
  $ jetplug audit --limit 10 --json`,
    )
    .action(audit);
}

async function audit({ since, limit, ...flags }: AuditFlags): Promise<void> {
  const most = Number(limit);
  if (!Number.isInteger(most) || most < 1) throw new JetplugError('JP_USAGE', '--limit takes a whole number above 0');
  const sinceMs = since === undefined ? 0 : parseTime(since);
  const entries = await withBroker(flags, (connection, { config }) =>
    read(new AuditStream(connection, config), most, sinceMs),
  );
  if (flags.json) return printJson(entries);
  if (entries.length === 0) return print('no changes');
  const head = ['time', 'who', 'via', 'change', 'outcome'].map((text) => paint('dim', text));
  for (const line of table([head, ...entries.map(row)])) print(line);
}

async function read(stream: AuditStream, most: number, sinceMs: number): Promise<AuditEntry[]> {
  const found: AuditEntry[] = [];
  for await (const { entry } of stream.newestFirst()) {
    if (found.length === most || Date.parse(entry.at) < sinceMs) break;
    found.push(entry);
  }
  return found;
}

function row({ at, who, via, from, action, target, detail, outcome, error }: AuditEntry): string[] {
  const more = detail ? ` ${JSON.stringify(detail)}` : '';
  const texts = [at, from === undefined ? who : `${who} (${from})`, via, `${action} ${target}${more}`];
  // Any program may publish entries, so their texts are not trusted.
  return [...texts.map(terminalText), outcomeText(outcome, error)];
}

function outcomeText(outcome: AuditEntry['outcome'], error = ''): string {
  if (outcome === 'done') return paint('green', 'done');
  return outcome === 'started' ? paint('yellow', 'started') : paint('red', terminalText(`failed: ${error}`));
}
