import { Format, SingleBar, type Options } from 'cli-progress';

export interface ProgressBar {
  /** Shows the progress of a download; `total` is undefined where the size is not known. */
  bytes(done: number, total: number | undefined): void;
  /** Shows the progress of counted work. */
  update(done: number, total: number, note?: string): void;
  stop(): void;
}

/** A progress bar on standard error. Draws nothing where that is not a terminal. */
export function progressBar(label: string): ProgressBar {
  const bar = new SingleBar(options(label));
  let running = false;
  const draw = (done: number, total: number, note: string): void => {
    if (!process.stderr.isTTY) return;
    if (!running) bar.start(total, done, { note });
    running = true;
    bar.update(done, { note });
    if (done >= total) stop();
  };
  const stop = (): void => {
    if (running) bar.stop();
    running = false;
  };
  return {
    bytes: (done, total) => draw(done, total ?? done + 1, `${(done / 1_048_576).toFixed(1)} MiB`),
    update: (done, total, note = '') => draw(done, total, note),
    stop,
  };
}

/** A progress bar for each stream that is searched. */
export class StreamBars {
  private stream = '';
  private bar: ProgressBar | undefined;

  readonly searched = (stream: string, done: number, total: number): void => {
    if (stream !== this.stream) this.stop();
    this.stream = stream;
    this.bar ??= progressBar(stream);
    this.bar.update(done, total, `${done} of ${total}`);
  };

  stop(): void {
    this.bar?.stop();
    this.bar = undefined;
  }
}

function options(label: string): Options {
  return {
    format: (settings, params, payload: { note: string }) => {
      const percent = `${Math.floor(params.progress * 100)} %`.padStart(5);
      return `${label} ${Format.BarFormat(params.progress, settings)} ${percent}  ${payload.note}`;
    },
    barCompleteChar: '█',
    barIncompleteChar: '░',
    barsize: 30,
    hideCursor: true,
    clearOnComplete: false,
    stream: process.stderr,
  };
}
