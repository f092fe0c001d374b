import { statSync } from 'node:fs';
import { isJetplugError, JetplugError } from '../../sdk/internal';
import type { OutgoingEvent } from '../broker/ports';
import type { Publisher } from '../nats/publisher';
import { linesOf } from './event-text';
import { errorsOf } from './output';
import { progressBar } from './progress';

/** Reads one event and checks it against its contract. */
export type ReadEvent = (bytes: Uint8Array) => Promise<OutgoingEvent>;

/** How many publishes may be unconfirmed at a time. */
const IN_FLIGHT = 256;
/** How many invalid lines are listed. */
const MAX_SHOWN = 10;

export interface PublishedFile<T> {
  /** How many events were published. */
  readonly total: number;
  /** The time from the start of the connection until the last confirmation. */
  readonly seconds: number;
  /** The result of `connect`. */
  readonly result: T;
}

/**
 * Publishes each line of a file as an event, with a progress bar. Every line is checked before the first is published.
 * @param connect opens a connection, passes a publisher to `send`, and closes the connection
 * @throws AggregateError of the invalid lines; JetplugError when a publish fails, with the number of published events
 */
export async function publishFile<T>(
  file: string,
  read: ReadEvent,
  connect: (send: (publisher: Publisher) => Promise<void>) => Promise<T>,
): Promise<PublishedFile<T>> {
  const total = await checkLines(file, read);
  const startedMs = performance.now();
  const secondsSoFar = (): number => (performance.now() - startedMs) / 1_000;
  const result = await connect(async (publisher) => {
    const bar = progressBar('publishing');
    const { published, failure } = await publishLines(file, read, publisher, (done) =>
      bar.update(done, total, `${done} of ${total}, ${Math.round(done / secondsSoFar())}/s`),
    );
    bar.stop();
    if (failure === undefined) return;
    const [{ code, message, hint }] = errorsOf(failure) as [JetplugError];
    const text = `${message}; ${published} of ${total} events were published`;
    throw new JetplugError(code, text, { hint, cause: failure });
  });
  return { total, seconds: secondsSoFar(), result };
}

/** Stops reading at the first failure, and waits for the publishes that are in flight. */
async function publishLines(
  file: string,
  read: ReadEvent,
  publisher: Publisher,
  progress: (published: number) => void,
): Promise<{ published: number; failure?: unknown }> {
  const inFlight = new Set<Promise<unknown>>();
  let published = 0;
  let failure: unknown;
  for await (const { bytes } of linesOf(file)) {
    const sent: Promise<void> = read(bytes)
      .then((event) => publisher.send(event))
      .then(
        () => progress(++published),
        (error: unknown) => void (failure ??= error),
      )
      .finally(() => inFlight.delete(sent));
    inFlight.add(sent);
    if (inFlight.size >= IN_FLIGHT) await Promise.race(inFlight);
    if (failure !== undefined) break;
  }
  await Promise.all(inFlight);
  return { published, failure };
}

/**
 * Reads every line without publishing.
 * @returns the number of events
 */
async function checkLines(file: string, read: ReadEvent): Promise<number> {
  if (isSpecial(file)) {
    throw new JetplugError('JP_USAGE', `${file} is read twice, and can be read only once`, {
      hint: 'Give a plain file.',
    });
  }
  const problems: JetplugError[] = [];
  let total = 0;
  let invalid = 0;
  for await (const { bytes, line } of linesOf(file)) {
    total++;
    try {
      await read(bytes);
    } catch (error) {
      if (!isJetplugError(error)) throw error;
      if (++invalid <= MAX_SHOWN) problems.push(error.with({ file, line }));
    }
  }
  if (invalid === 0) return total;
  const more = invalid > MAX_SHOWN ? `, the first ${MAX_SHOWN} of them listed` : '';
  const message = `${invalid} of ${total} lines are invalid${more}; nothing was published`;
  throw new AggregateError([...problems, new JetplugError('JP_EVENT_INVALID', message, { file })]);
}

/**
 * Whether the path is a folder, a pipe or the like. Returns false where the path cannot be examined, because the read
 * reports why.
 */
function isSpecial(file: string): boolean {
  try {
    return !statSync(file).isFile();
  } catch {
    return false;
  }
}
