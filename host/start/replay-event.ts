import type { Config, StreamConfig } from '../config/config';
import { discover, nameByFile } from '../load/discover';
import type { Connection } from '../nats/connection';
import type { StoredEvent } from '../nats/stored-event';
import { subjectsOf } from '../nats/stream-changes';
import { findStream } from '../nats/streams';
import type { EffectRun, Effects } from '../replay/effect-run';
import { ReplayProcess } from '../replay/replay-process';
import type { LoadedHandler, ReplayConfig } from '../replay/replay-protocol';
import { eventStreams } from '../ops/event-streams';
import { storeBefore, type StoreBefore } from '../ops/store-before';
import type { Replay } from '../page/page-context';

/** The event to run, and the handler that it is run by. */
export interface ReplayRequest {
  readonly event: StoredEvent;
  /** The event's id, if it is known. It finds an event that was stored twice. */
  readonly id?: string | undefined;
  readonly plugin: string;
  /** Default: the only handler of the plugin that takes the event. */
  readonly handler?: string | undefined;
  /** Whether the plugin has the network. */
  readonly allowsNetwork: boolean;
  /** Called with the number of commits that are read, and of all. */
  readonly progress: (done: number, total: number) => void;
}

/** An event that was run again, with its effects. */
export interface ReplayedEventRun {
  readonly handler: LoadedHandler;
  readonly store: StoreBefore;
  readonly effects: Effects;
}

/**
 * Runs a plugin, as its file is on disk, on a stored event in a process of its own, with the store as it stood before the
 * event. Nothing is written to the server.
 * @param run runs the handler in the process
 * @throws JetplugError, or an AggregateError of several, if the plugin cannot be loaded or started
 */
export async function replayEvent(
  connection: Connection,
  config: Config,
  { event, id, plugin, handler: name, allowsNetwork, progress }: ReplayRequest,
  run: (replay: ReplayProcess, run: EffectRun, handler: LoadedHandler) => Promise<Effects>,
): Promise<ReplayedEventRun> {
  const replay = ReplayProcess.start({ config: await replayConfig(connection, config, event.stream), allowsNetwork });
  try {
    const files = filesFor(plugin, config);
    const handler = await replay.load({ files, plugin, handler: name, subject: event.subject });
    const store = await storeBefore(connection, handler, event, id, progress);
    return { handler, store, effects: await run(replay, effectRun(event, store), handler) };
  } finally {
    await replay.stop();
  }
}

/** Runs handlers for the page: without a debugger, and without the network. */
export function replayFor(connection: Connection, config: Config): Replay {
  return async (request) => {
    const quiet = { ...request, allowsNetwork: false, progress: () => undefined };
    const run = (replay: ReplayProcess, effectRun: EffectRun, handler: LoadedHandler) => replay.run(effectRun, handler);
    return (await replayEvent(connection, config, quiet, run)).effects;
  };
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
