import type { Command } from 'commander';
import { RunStream } from '../nats/run-stream';
import { findTrace } from '../ops/find-trace';
import { reachesBroker, withBroker, type CommonFlags } from './common';
import { print, printJson } from './output';
import { progressBar } from './progress';
import { traceLines } from './trace-screen';

export function traceCommand(program: Command): void {
  reachesBroker(program.command('trace'))
    .argument('<event>', 'the id of an event, its STREAM:SEQUENCE, or a correlation id')
    .description('the tree that an event belongs to: who handled what, when, how long, and what came of it')
    .addHelpText(
      'after',
      `
Examples:
  $ jetplug trace EVENTS:12
  $ jetplug trace 6f1c1d1e-8f4a-8c39-9d0a-3c1b8f1f6b52 --json

It reads the records of runs on the server, so it works also when no host runs. Hosts store the records within a second.`,
    )
    .action(trace);
}

async function trace(event: string, flags: CommonFlags): Promise<void> {
  const found = await withBroker(flags, async (connection) => {
    const bar = progressBar('reading records');
    try {
      return await findTrace(await RunStream.find(connection), event, (share) => bar.update(share * 100, 100));
    } finally {
      bar.stop();
    }
  });
  if (flags.json) return printJson(found);
  for (const line of traceLines(found, process.stdout.columns)) print(line);
}
