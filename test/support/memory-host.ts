/** The services of a host for one plugin, with a broker in memory and a clock that the test moves. */
import { setImmediate as turn } from 'node:timers/promises';
import type { Config } from '../../host/config/config';
import { Limiter } from '../../host/base/limiter';
import { Sweep } from '../../host/message/intake/sweep';
import { NameRegistry } from '../../host/plugin/name-registry';
import { CommitLogs } from '../../host/plugin/commit-logs';
import type { PluginHost } from '../../host/plugin/plugin-host';
import { MemoryBroker } from '../../host/testing/memory-broker';
import { asCompiled, configOf, type AnyPluginClass } from '../../host/testing/options';
import { RecordingLog } from '../../host/testing/recording-log';
import { VirtualTime } from '../../host/testing/virtual-time';
import type { CompiledPlugin } from '../../host/load/compile';

/** The maximal number of timer steps before a wait fails. */
const MAX_STEPS = 2_000;
/** After this many turns of the event loop all promises that wait only for each other are settled. */
const TURNS = 20;

/** @param change what the test sets in the default config; the stream EVENTS holds `video.>` */
export function memoryHost(change: (config: Config) => Config = (config) => config) {
  const defaults = configOf({});
  const config = change({ ...defaults, streams: [{ ...defaults.streams[0]!, name: 'EVENTS', subjects: ['video.>'] }] });
  const log = new RecordingLog();
  const time = new VirtualTime(Date.parse('2026-05-12T12:00:00.000Z'));
  const broker = new MemoryBroker(config, time);
  const records = broker.bucket('jetplug');
  const names = new NameRegistry();
  const host: PluginHost = {
    config,
    log,
    time,
    broker,
    records,
    commits: new CommitLogs({ broker, time, log }),
    clock: { now: () => new Date(time.epochMs()) },
    streams: config.streams.map((stream) => ({ ...stream, change: 'created', messages: 0 })),
    retryNotifier: { on: (plugin, handler, listener) => broker.onDeferred(plugin, handler, listener) },
    outgoing: broker.outgoing,
    deadLetters: broker.deadLetters,
    retryQueue: broker.retryQueue,
    sweep: new Sweep(time),
    suspects: new Limiter(1),
    claim: (plugin) => names.take(plugin),
  };
  let published = 0;
  return {
    host,
    broker,
    time,
    log,
    /** Stores an event of a program without the SDK. */
    publish: (subject: string, fields: object = {}): void => {
      broker.store({ subject, payload: Buffer.from(JSON.stringify(fields)), headers: {}, id: `e${++published}` });
    },
    /** Moves the time from one timer to the next until the condition holds. */
    until: async (condition: () => boolean): Promise<void> => {
      for (let steps = 0; steps < MAX_STEPS; steps++) {
        await settle();
        if (condition()) return;
        time.step(Infinity, broker.isInFlight);
      }
      throw new Error('the condition does not hold, however long the test waits');
    },
    messages: (level?: string): string[] =>
      log.lines.filter((line) => level === undefined || line.level === level).map(({ message }) => message),
  };
}

/** Resolves when everything is done that waits for no timer. */
export async function settle(): Promise<void> {
  for (let i = 0; i < TURNS; i++) await turn();
}

/** A plugin's class as one version of a file. */
export function versionOf(cls: AnyPluginClass, version = 'v1', file = `/plugins/${cls.name}.ts`): CompiledPlugin {
  return { ...asCompiled(cls), version, file, sources: new Map([[file, '']]) };
}
