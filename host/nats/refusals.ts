import { isJetplugError, JetplugError } from '../../sdk/internal';
import { LogThrottle } from '../base/log-throttle';
import { inboxHint, limitFailure, notPermitted } from './failures';

/** The client's description of a missing permission. */
interface PermissionContext {
  readonly operation: string;
  readonly subject: string;
}

/** The time after which a repeated refusal is reported again. */
const REPORT_AGAIN_MS = 600_000;

/**
 * Throttles the server's refusals of messages that expect no answer, such as acks. There may be thousands of one kind;
 * each subject that needs a permission is reported once in ten minutes.
 */
export class Refusals {
  private readonly throttle: LogThrottle;

  constructor(nowMs?: () => number) {
    this.throttle = new LogThrottle(REPORT_AGAIN_MS, nowMs);
  }

  /** Returns the error to report; undefined if a refusal of this kind was reported lately. */
  note(refusal: unknown): JetplugError | undefined {
    // The connection throttles these itself.
    if (isJetplugError(refusal)) return refusal;
    const { operation, subject } = refusal as Partial<PermissionContext>;
    const permission = operation !== undefined && subject !== undefined;
    const key = permission ? `${operation} ${toGrant(subject)}` : String(refusal);
    const leftOut = this.throttle.note(key);
    if (leftOut === undefined) return undefined;
    const again = leftOut > 0 ? `; ${leftOut} more times since the last report` : '';
    if (!permission) {
      const { code, hint } = limitFailure(key) ?? { code: 'JP_BROKER_OPERATION_FAILED' as const };
      return new JetplugError(code, `the NATS server refused: ${key}${again}`, { hint });
    }
    return new JetplugError('JP_BROKER_PERMISSION', `${notPermitted(operation, toGrant(subject))}${again}`, {
      hint: operation === 'publish' ? undefined : inboxHint(subject),
    });
  }
}

/**
 * For subjects that match, the number of tokens that name the kind of a refusal. The tokens after them differ by
 * message.
 */
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

/** Returns the subject that permits all messages of this kind. */
function toGrant(subject: string): string {
  const [, tokens] = KINDS.find(([start]) => start.test(subject)) ?? [];
  return tokens === undefined ? subject : `${subject.split('.').slice(0, tokens).join('.')}.>`;
}
