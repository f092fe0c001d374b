import type { Decision } from './decide';
import type { Delivery } from './delivery';
import type { Handler } from './handler';
import type { Outcome } from './outcome';

/** How long an event stays away that failed by a version on probation: by then it is known whose fault it was. */
const EXCUSED_DELAY_MS = 1_000;

/** What a probation tells. */
export interface ProbationEvents {
  /** An event was handled. */
  passed(): void;
  /** All of the first events failed; told once. */
  failed(error: Error): void;
}

/**
 * The first events of a handler's new version: until one of them is handled, their failures are taken for the
 * version's and cost the events nothing.
 */
export class Probation {
  private readonly failing = new Set<string>();
  private state: 'open' | 'over' | 'failed' = 'open';

  /** @param events so many distinct events must fail, and none be handled, for the version to count as bad */
  constructor(
    private readonly events: number,
    private readonly told: ProbationEvents,
  ) {}

  /** Whether something failed, and nothing was handled yet. */
  get hasFailed(): boolean {
    return this.state !== 'over' && this.failing.size > 0;
  }

  succeeded(): void {
    if (this.state !== 'open') return;
    this.state = 'over';
    this.told.passed();
  }

  /** Whether a failure of the event is the version's, which is not to count. What still runs when it has failed is excused too. */
  excuses({ stream, sequence }: Pick<Delivery, 'stream' | 'sequence'>, error: Error): boolean {
    if (this.state === 'over') return false;
    this.failing.add(`${stream} ${sequence}`);
    if (this.state === 'open' && this.failing.size >= this.events) {
      this.state = 'failed';
      this.told.failed(error);
    }
    return true;
  }

  /** From here on failures count as ever. */
  end(): void {
    if (this.state === 'open') this.state = 'over';
  }
}

/** What becomes of an event whose failure a version on probation has to answer for; nothing where it counts as ever. */
export function excused({ probation }: Handler, delivery: Delivery, outcome: Outcome): Decision | undefined {
  if (!probation) return undefined;
  if (outcome.kind === 'handled') probation.succeeded();
  const error = versionsFault(outcome);
  if (!error || !probation.excuses(delivery, error)) return undefined;
  return { action: 'wait', delayMs: EXCUSED_DELAY_MS, error };
}

/** The error of an outcome that another version might not have had. */
function versionsFault(outcome: Outcome): Error | undefined {
  switch (outcome.kind) {
    case 'failed':
    case 'timed-out':
    case 'rejected':
      return outcome.error;
    case 'invalid':
      return outcome.reason === 'schema' ? outcome.error : undefined;
    default:
      return undefined;
  }
}
