import { progressBar } from './progress';
import { figure } from './figure';

/** The number of commits from which on a read of a log takes long enough for a bar. */
const LONG = 5_000;

export interface LogProgress {
  readonly progress: (done: number, total: number) => void;
  stop(): void;
}

/** Shows how many commits of a log are read, if they are many. */
export function logProgress(label: string): LogProgress {
  const bar = progressBar(label);
  return {
    progress: (done, total) => {
      if (total >= LONG) bar.update(done, total, `${figure(done)} of ${figure(total)} commits`);
    },
    stop: () => bar.stop(),
  };
}
