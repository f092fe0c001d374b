import { isJetplugError, JetplugError } from '../../sdk/internal';
import { LogThrottle } from '../base/log-throttle';
import { inboxHint, limitFailure } from './failures';

/** How the client tells of a permission that is missing. */
interface PermissionContext {
  readonly operation: string;
  readonly subject: string;
}

/** A refusal that goes on is told again after so long. */
const TELL_AGAIN_MS = 600_000;

/**
 * What the server refused of that which is sent without awaiting an answer, such as acks. They may be
 * thousands of one kind; each subject to be granted is told once in a while.
 */
export class Refusals {
  private readonly repeats: LogThrottle;

  constructor(nowMs?: () => number) {
    this.repeats = new LogThrottle(TELL_AGAIN_MS, nowMs);
  }

  /** The error to report, or nothing where its like was reported lately. */
  note(refusal: unknown): JetplugError | undefined {
    // The connection reports these, each once while it is lost.
    if (isJetplugError(refusal)) return refusal;
    const { operation, subject } = refusal as Partial<PermissionContext>;
    const permission = operation !== undefined && subject !== undefined;
    const key = permission ? `${operation} ${toGrant(subject)}` : String(refusal);
    const leftOut = this.repeats.note(key);
    if (leftOut === undefined) return undefined;
    const again = leftOut > 0 ? `; ${leftOut} more times since it was last said` : '';
    if (!permission) {
      const { code, hint } = limitFailure(key) ?? { code: 'JP_BROKER_OPERATION_FAILED' as const };
      return new JetplugError(code, `the NATS server refused: ${key}${again}`, { hint });
    }
    const what = operation === 'publish' ? 'publish on' : 'subscribe to';
    return new JetplugError('JP_BROKER_PERMISSION', `not permitted to ${what} ${toGrant(subject)}${again}`, {
      hint: operation === 'publish' ? undefined : inboxHint(subject),
    });
  }
}

/** How many tokens of a subject say what it is for; what follows tells one message from another. */
const KINDS: readonly (readonly [start: RegExp, tokens: number])[] = [
  // Newer servers put domain and account before the stream.
  [/^\$JS\.ACK(?:\.[^.]+){9,}$/, 6],
  [/^\$JS\.ACK\./, 4],
  [/^\$JS\.API\.DIRECT\.GET\./, 5],
  [/^\$JS\.(?!ACK\.|API\.)[^.]+\.API\.DIRECT\.GET\./, 6],
  [/^\$JS\.(?!ACK\.|API\.)[^.]+\.API\.\$KV\./, 5],
  [/^\$KV\./, 2],
  [/^_INBOX\./, 1],
  [/^(?:dead|retry)\./, 1],
];

/** The subject to be granted, so that all of its kind are permitted. */
function toGrant(subject: string): string {
  const [, tokens] = KINDS.find(([start]) => start.test(subject)) ?? [];
  return tokens === undefined ? subject : `${subject.split('.').slice(0, tokens).join('.')}.>`;
}
