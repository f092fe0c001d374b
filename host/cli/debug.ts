import type { Command } from 'commander';
import { JetplugError } from '../../sdk/internal';
import type { Config } from '../config/config';
import type { Connection } from '../nats/connection';
import type { StoredEvent } from '../nats/stored-event';
import { replayEvent } from '../start/replay-event';
import type { InspectorAddress } from '../replay/replay-protocol';
import { pluginsFolders, reachesBroker, withBroker, type CommonFlags } from './common';
import { debugJson } from './debug-json';
import { debugScreen, waitScreen } from './debug-screen';
import type { DebuggedRun } from './debugged-run';
import { askedEvent } from './fate-event';
import { readInspectorAddress } from './inspector-address';
import { logProgress } from './log-progress';
import { print, printJsonText } from './output';

interface DebugFlags extends CommonFlags {
  readonly plugin: string;
  readonly handler?: string;
  readonly inspect: string | boolean;
  readonly allowNet?: boolean;
}

export function debugCommand(program: Command): void {
  pluginsFolders(reachesBroker(program.command('debug')))
    .argument('<event>', 'the id of an event, or its STREAM:SEQUENCE')
    .requiredOption('--plugin <name>', 'the plugin to run, as its file is on disk')
    .option('--handler <name>', 'the handler, if several handlers of the plugin take the event')
    .option('--inspect [address]', 'the address of the debugger’s listener: HOST:PORT on this machine, or PORT', true)
    .option('--no-inspect', 'run at once, without a debugger')
    .option('--allow-net', 'let the plugin use the network')
    .description('run a plugin on one stored event under a debugger, and show its effects without storing them')
    .addHelpText(
      'after',
      `
The handler runs in a process of its own, with the store as it stood before the event. The process waits until a
debugger attaches, and stops at the first line of the handler. Breakpoints in .ts files work. Under the debugger no
timeout ends the handler. The default address is 127.0.0.1:9229; port 0 means a free port.

Changes of the store, published events, log lines and the outcome are shown. Nothing is written to the server: the
process has no connection to it. Without --allow-net each use of the network fails. This is no sandbox: programs that
the plugin starts have the network, and files can be written.

Exits with 0 when the handler has handled the event, and with 1 otherwise.

Examples:
  $ jetplug debug EVENTS:12 --plugin badge
  $ jetplug debug EVENTS:12 --plugin badge --inspect=127.0.0.1:9230
  $ jetplug debug 6f1c1d1e-8f4a-8c39-9d0a-3c1b8f1f6b52 --plugin notification --handler tell --no-inspect --json`,
    )
    .action(debug);
}

async function debug(event: string, flags: DebugFlags): Promise<void> {
  const inspect = flags.inspect === false ? undefined : readInspectorAddress(flags.inspect);
  const run = await withBroker(flags, (connection, { config }) => runEvent(connection, config, event, flags, inspect));
  if (flags.json) printJsonText(debugJson(run));
  else for (const line of debugScreen(run)) print(line);
  if (run.effects.outcome !== 'handled') process.exitCode = 1;
}

async function runEvent(
  connection: Connection,
  config: Config,
  asked: string,
  { plugin, handler, allowNet = false }: DebugFlags,
  inspect: InspectorAddress | undefined,
): Promise<DebuggedRun> {
  const { event, id } = await storedEvent(connection, config, asked);
  const bar = logProgress('reading the commit log');
  const request = { event, id, plugin, handler, allowsNetwork: allowNet, progress: bar.progress };
  try {
    const replayed = await replayEvent(connection, config, request, (replay, run, found) => {
      bar.stop();
      if (!inspect) return replay.run(run, found);
      return replay.debug(run, inspect, (at) => process.stderr.write(waitScreen(found, at)));
    });
    return { event, id, ...replayed, isInspected: inspect !== undefined };
  } finally {
    bar.stop();
  }
}

/** @throws JetplugError `JP_NOT_FOUND` */
async function storedEvent(
  connection: Connection,
  config: Config,
  asked: string,
): Promise<{ readonly event: StoredEvent; readonly id: string | undefined }> {
  const { stored, id, stream, sequence, gone } = await askedEvent(connection, config, asked);
  if (stored) return { event: stored, id };
  throw new JetplugError('JP_NOT_FOUND', `stream ${stream} does not have event ${sequence} any more: ${gone}`, {
    hint: 'Choose an event that its stream still has. `npx jetplug trace --find FIELD=VALUE` finds similar ones.',
  });
}
