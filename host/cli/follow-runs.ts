import type { Connection } from '../nats/connection';
import { subscribeToHosts } from '../nats/service';
import type { LiveFilter, LiveMessage } from '../records/runs/live-runs';
import type { TailLines } from './tail-lines';

export interface RunWatch {
  /** The number of answers of hosts that send their runs. */
  readonly hosts: number;
  stop(): void;
}

/** Hosts forget a watch that is not asked for again in 6 s. */
const ASK_AGAIN_MS = 2_000;
const FLUSH_MS = 100;

/** Follows the runs of all hosts that pass the filter, also of hosts that start later. */
export function followRuns(connection: Connection, filter: LiveFilter, take: (message: LiveMessage) => void): RunWatch {
  let hosts = 0;
  const subscription = subscribeToHosts(connection, 'tail', JSON.stringify(filter), (answer) => {
    if ('watches' in answer) hosts++;
    else take(answer as LiveMessage);
  });
  const timer = setInterval(() => subscription.ask(), ASK_AGAIN_MS);
  subscription.ask();
  return {
    get hosts() {
      return hosts;
    },
    stop: () => {
      clearInterval(timer);
      subscription.stop();
    },
  };
}

/** Follows the runs of all hosts, and prints the lines of their events. */
export function followEvents(
  connection: Connection,
  filter: LiveFilter,
  lines: TailLines,
  print: (line: string) => void,
): RunWatch {
  const following = followRuns(connection, filter, (message) => lines.add(message, performance.now()));
  const flush = (nowMs: number): void => lines.take(nowMs).forEach((line) => print(line));
  const timer = setInterval(() => flush(performance.now()), FLUSH_MS);
  return {
    get hosts() {
      return following.hosts;
    },
    stop: () => {
      clearInterval(timer);
      following.stop();
      flush(Infinity);
    },
  };
}
