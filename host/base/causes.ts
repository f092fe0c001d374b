import { isError, showThrown } from './thrown';

const MAX_CAUSES = 4;
const MAX_TEXT = 300;

/**
 * Returns an error's message, and the first line of each cause that adds text: `fetch failed ← connect ECONNREFUSED`.
 * Never throws.
 */
export function withCauses(error: unknown): string {
  return [showThrown(error), ...causesOf(error)].join(' ← ');
}

/** Returns the first line of each cause, without lines that an earlier message contains. Never throws. */
export function causesOf(error: unknown): string[] {
  const texts = [showThrown(error)];
  let cause = causeOf(error);
  for (let depth = 0; depth < MAX_CAUSES && cause !== undefined && cause !== null; depth++) {
    for (const text of textsOf(cause)) {
      if (isMessage(text) && !texts.some((before) => before.includes(text))) texts.push(text);
    }
    cause = causeOf(cause);
  }
  return texts.slice(1);
}

/** Some errors of the NATS client have only a number as their message, such as 503 for "no responders". */
function isMessage(text: string): boolean {
  return !/^\d*$/.test(text);
}

/** Node reports a connection that several addresses refused as an AggregateError without a message. */
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
    return []; // a getter threw
  }
}

function causeOf(error: unknown): unknown {
  try {
    return isError(error) ? error.cause : undefined;
  } catch {
    return undefined; // a getter threw
  }
}
