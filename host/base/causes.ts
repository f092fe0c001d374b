import { isError, showThrown } from './thrown';

const MAX_CAUSES = 4;
const MAX_TEXT = 300;

/** An error's message, then the first line of each cause that says more: `fetch failed ← connect ECONNREFUSED`. Never throws. */
export function withCauses(error: unknown): string {
  return [showThrown(error), ...causesOf(error)].join(' ← ');
}

/** The first line of each cause that the messages before it do not hold. Never throws. */
export function causesOf(error: unknown): string[] {
  const told = [showThrown(error)];
  let cause = causeOf(error);
  for (let depth = 0; depth < MAX_CAUSES && cause !== undefined && cause !== null; depth++) {
    for (const text of textsOf(cause)) {
      if (saysMore(text) && !told.some((before) => before.includes(text))) told.push(text);
    }
    cause = causeOf(cause);
  }
  return told.slice(1);
}

/** The NATS client gives some answers of the server as a number alone: 503 is "nobody answers". */
function saysMore(text: string): boolean {
  return !/^\d*$/.test(text);
}

/** Node gives a connection that is refused by several addresses as an AggregateError without a message. */
function textsOf(cause: unknown): string[] {
  const text = (typeof cause === 'string' ? cause : showThrown(cause)).trim().split('\n')[0]!.slice(0, MAX_TEXT);
  return text === ''
    ? [...new Set(errorsIn(cause).map((one) => showThrown(one).split('\n')[0]!.slice(0, MAX_TEXT)))]
    : [text];
}

function errorsIn(cause: unknown): unknown[] {
  try {
    const { errors } = cause as { errors?: unknown };
    return Array.isArray(errors) ? errors.slice(0, MAX_CAUSES) : [];
  } catch {
    return []; // a getter that throws: there is nothing to read
  }
}

function causeOf(error: unknown): unknown {
  try {
    return isError(error) ? error.cause : undefined;
  } catch {
    return undefined; // the same
  }
}
