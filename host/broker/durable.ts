import type { Start } from '../../sdk/internal';
import type { DurableCheckpoint } from '../records/skipped-sequences';

/** An earlier subject of a handler, under which events may still wait for it. */
export interface FormerSubject {
  readonly subject: string;
  /** The last sequence of the stream whose event under this subject is the handler's. */
  readonly until: number;
}

/** The settings of a handler that are settings of its durable consumer. */
export interface DurableSettings {
  readonly subject: string;
  /** The earlier subjects that the durable still delivers. Default: none. */
  readonly former?: readonly FormerSubject[];
  readonly ackWaitMs: number;
  readonly maxAckPending: number;
  /** Whether the durable delivers to one host at a time. The other hosts stand by. Default false. */
  readonly isPinned?: boolean;
  readonly owner: { readonly plugin: string; readonly handler: string };
  /** The name of the deployment (`deploy.name`), which marks the durable on the server. */
  readonly deployment: string;
}

/** The durable consumer that a handler needs. */
export interface DurableSpec extends DurableSettings {
  readonly stream: string;
  readonly durable: string;
  /** Where the durable begins when the host creates it for the first time. */
  readonly from: Start;
  /** The last settled sequence. A durable that was deleted is created again behind this sequence. */
  readonly resumeAfter?: number;
  /**
   * The durable whose pause a new one takes over: a handler that an operator has paused stays paused when the durable
   * of its retry queue is created.
   */
  readonly pausedWith?: { readonly stream: string; readonly durable: string };
  /** Whether the host leaves the durable's settings as they are if another host of the deployment has made them. */
  readonly yieldsToOtherHosts?: boolean;
  /**
   * Whether the host may delete the durable and create it again behind its settled events, if it differs in a field
   * that the server does not change (`deploy.onRecreate`). Default false.
   */
  readonly mayRecreate?: boolean;
}

/** The option `from` of a handler, which has no effect because its durable exists. */
export interface IgnoredFrom {
  /** The start that the handler asks for, such as `beginning` or `since 7d`. */
  readonly asked: string;
  /** The start that the durable was created with. */
  readonly started: string;
  /** The time at which the durable was created. */
  readonly created: string;
}

/** The position of a durable in its stream. */
export interface DurablePosition {
  /** The number of events that the durable has not delivered yet. */
  readonly pending: number;
  /**
   * The number of events that the durable has delivered to any host and that are not settled, including nacked events
   * that wait for their delay.
   */
  readonly inFlight: number;
  /** The ack floor: everything up to this sequence of the stream is settled. */
  readonly ackFloor: number;
  /** The highest sequence of the stream that the durable has delivered to any host; 0 if it has delivered none. */
  readonly delivered: number;
  /** The time at which the durable was created. */
  readonly created: string;
  /** The sequence at which the durable began, if one was set. */
  readonly startSequence?: number;
  /** The earlier subjects of the handler that the durable still delivers; absent if there are none. */
  readonly former?: readonly FormerSubject[];
  /** Set if the durable has started elsewhere than the handler asks for now. */
  readonly ignoredFrom?: IgnoredFrom;
  /** The settings that the call has corrected, such as `max_deliver: 3 → -1`. */
  readonly corrected?: readonly string[];
  /** Settings that the server has set to other values, because of limits of its own or of the stream. */
  readonly limited?: readonly string[];
}

/** A durable as it is on the server. */
export interface DurableLook {
  /** The time until which an operator has paused the durable; undefined if it is not paused. */
  readonly pausedUntil?: Date;
  /** The number of events that the durable has not delivered yet. */
  readonly pending: number;
  /** The number of events that the durable has delivered to any host and that are not settled. */
  readonly inFlight: number;
  /** The number of pull requests that wait, of all hosts. */
  readonly pulls: number;
  /** The pin of the host that a pinned durable delivers to; undefined if it delivers to none. */
  readonly pin?: string;
  /**
   * `correction`: the host corrects the durable's settings while it uses it. `check`: the host must check the durable
   * before it uses it, because the durable is no longer the deployment's or the server skips events of it.
   */
  readonly needs: 'nothing' | 'correction' | 'check';
  /** The settings to correct, such as `max_batch: 5 → 0`. */
  readonly corrections: readonly string[];
  /**
   * The settings of the durable that somebody has changed and that this host leaves: those of another host of the
   * deployment, and with `deploy.drift: report` all. Each is given as the present value and this host's own, such as
   * `ack_wait: 30 s → 15 s`.
   */
  readonly drift: readonly string[];
  readonly checkpoint: DurableCheckpoint;
}

export type DurableWatcher = (look: DurableLook) => void;
