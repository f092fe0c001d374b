/** Commit logs of a plugin in memory, as hosts open them. They are closed after each test. */
import { machineTime, type Time } from '../../host/base/time';
import { LateTexts } from '../../host/effects/late-texts';
import { LogTexts } from '../../host/effects/log-texts';
import { TextStore } from '../../host/effects/text-store';
import type { CommitLog } from '../../host/records/commits/commit-log';
import type { SettledEvents } from '../../host/records/commits/added-handlers';
import { PluginLog } from '../../host/records/commits/plugin-log';
import type { KeyValue } from '../../host/records/key-value';
import { RecordingLog } from '../../host/testing/recording-log';

interface Opening {
  /** The handlers' settled events. */
  readonly events?: readonly SettledEvents[];
  /** Records what the log reports. */
  readonly log?: RecordingLog;
  readonly time?: Time;
  readonly historyMs?: number;
}

const open = new Set<PluginLog>();
let hosts = 0;

afterEach(async () => {
  const logs = [...open];
  open.clear();
  await Promise.all(logs.map((log) => log.close()));
});

/** Opens the plugin's log as another host. */
export async function openLog(
  stored: CommitLog,
  bucket: KeyValue,
  { events = [], log = new RecordingLog(), time = machineTime, historyMs }: Opening = {},
): Promise<PluginLog> {
  const opened = new PluginLog({
    host: `host ${++hosts}`,
    log: stored,
    bucket,
    time,
    ...(historyMs !== undefined && { historyMs }),
    trouble: (message, error) => log.warn(message, { err: error }),
    halted: (error) => log.error('the log cannot be used any more', { err: error }),
  });
  for (const settled of events) opened.add(settled);
  open.add(opened);
  await opened.open();
  return opened;
}

/** Returns the store of a plugin, whose log is opened at the first use. */
export function storeOn<T>(openOnce: () => Promise<PluginLog>, bucket: KeyValue): TextStore<T> {
  const texts = async (): Promise<LogTexts> => new LogTexts(await openOnce(), bucket, () => machineTime.epochMs());
  return new TextStore<T>(new LateTexts(texts));
}
