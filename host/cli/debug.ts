import type { Command } from 'commander';
import { JetplugError } from '../../sdk/internal';
import type { Config, StreamConfig } from '../config/config';
import { discover, nameByFile } from '../load/discover';
import type { Connection } from '../nats/connection';
import type { StoredEvent } from '../nats/stored-event';
import { subjectsOf } from '../nats/stream-changes';
import { findStream } from '../nats/streams';
import type { EffectRun } from '../replay/effect-run';
import { ReplayProcess } from '../replay/replay-process';
import type { InspectorAddress, ReplayConfig } from '../replay/replay-protocol';
import { pluginsFolders, reachesBroker, withBroker, type CommonFlags } from './common';
import { debugJson } from './debug-json';
import { debugScreen, waitScreen } from './debug-screen';
import { storeBefore, type StoreBefore } from './debug-store';
import type { DebuggedRun } from './debugged-run';
import { eventStreams } from '../ops/event-streams';
import { askedEvent } from './fate-event';
import { readInspectorAddress } from './inspector-address';
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
  { plugin, handler: name, allowNet = false }: DebugFlags,
  inspect: InspectorAddress | undefined,
): Promise<DebuggedRun> {
  const { event, id } = await storedEvent(connection, config, asked);
  const replay = ReplayProcess.start({
    config: await replayConfig(connection, config, event.stream),
    allowsNetwork: allowNet,
  });
  try {
    const files = filesFor(plugin, config);
    const handler = await replay.load({ files, plugin, handler: name, subject: event.subject });
    const store = await storeBefore(connection, handler, event, id);
    const run = effectRun(event, store);
    const effects = inspect
      ? await replay.debug(run, inspect, (at) => process.stderr.write(waitScreen(handler, at)))
      : await replay.run(run, handler);
    return { event, id, handler, store, effects, isInspected: inspect !== undefined };
  } finally {
    await replay.stop();
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

/** Returns the config for the process, with the streams as they are on the server. The stream of the event comes first. */
async function replayConfig(connection: Connection, config: Config, first: string): Promise<ReplayConfig> {
  const { nats: _, ...others } = config;
  const names = new Set([first, ...(await eventStreams(connection, config))]);
  const streams = await Promise.all([...names].map((name) => streamOf(connection, name, config)));
  return { ...others, streams: streams.filter((stream) => stream !== undefined) };
}

async function streamOf(connection: Connection, name: string, config: Config): Promise<StreamConfig | undefined> {
  const info = await findStream(connection, name);
  const configured = config.streams.find((stream) => stream.name === name) ?? config.streams[0];
  return info && configured && { ...configured, name, subjects: subjectsOf(info.config) };
}

/** Returns the files of the plugins folders. Those that are named like the plugin come first. */
function filesFor(plugin: string, config: Config): string[] {
  const files = discover(config.plugins.dirs).found.map(({ file }) => file);
  const isNamedSo = (file: string): boolean => nameByFile(file) === plugin;
  return [...files.filter(isNamedSo), ...files.filter((file) => !isNamedSo(file))];
}

function effectRun(event: StoredEvent, { texts, atMs }: StoreBefore): EffectRun {
  const { payload } = event;
  return {
    event: { ...event, payload: Buffer.from(payload).toString('base64') },
    store: [...texts],
    startsAtMs: atMs,
  };
}
