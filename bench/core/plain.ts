import { join } from 'node:path';
import type { Subject } from './case';
import { STREAM } from './ground';
import { MeasuredProcess } from './measured-process';
import type { Start } from './worker';
import type { LoopJob } from '../plain/loop';

const PROGRAMS = join(__dirname, '..', 'plain');

/** Starts one of the programs in `bench/plain/` with the job and the server’s address. */
export function plain(program: string, job: object = {}): Start {
  return (ground, amounts) =>
    started([join(PROGRAMS, `${program}.js`), JSON.stringify({ url: ground.url, stream: STREAM, ...job })])(
      ground,
      amounts,
    );
}

/** Starts one of the two loops of the NATS client. */
export function loop(by: Subject, work: LoopJob['work'], durables = 1): Start {
  return plain('loop', { loop: by, work, durables });
}

/** Starts any program that prints a line when it is ready. */
export function started(args: readonly string[]): Start {
  return async ({ folder, signal }, amounts) => {
    const process = new MeasuredProcess({ args, folder, ...amounts, signal });
    try {
      const { line, tookMs } = await process.whenReady();
      return { process, tookMs, url: String(line['url']), check: async () => undefined };
    } catch (error) {
      await process.stop();
      throw error;
    }
  };
}
