import { RETRY_STREAM } from '../broker/stream-state';
import type { Config } from '../config/config';
import type { Connection } from '../nats/connection';
import { streamNames } from '../nats/streams';
import { AUDIT_STREAM, RUNS_STREAM } from '../nats/wanted-streams';

/** Returns the streams of the server that hold events: those of the config first. */
export async function eventStreams(connection: Connection, { streams, deadLetters }: Config): Promise<string[]> {
  const present = await streamNames(connection);
  const isOwn = (name: string): boolean =>
    name === RETRY_STREAM ||
    name === RUNS_STREAM ||
    name === AUDIT_STREAM ||
    name === deadLetters.stream ||
    /^(KV_|OBJ_|LOG_jetplug-)/.test(name);
  const configured = streams.map(({ name }) => name).filter((name) => present.has(name));
  const others = [...present].filter((name) => !isOwn(name) && !configured.includes(name)).sort();
  return [...configured, ...others];
}
