import { WireSources, type WireSource } from './wire-sources';

/** An event that a run publishes. It is sent after the run is committed. */
export interface Emit {
  readonly id: string;
  readonly subject: string;
  readonly payload: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Identifies the event that a run handles, for one handler: the delivery of its durable. */
export interface EventOf {
  readonly durable: string;
  /** The time at which the durable's stream was created. A stream that is created again restarts its sequences at 1. */
  readonly incarnation: string;
  readonly sequence: number;
}

/** The origin of a change: a handler's run, or a change from outside of a run. */
export interface Origin {
  /** The handler's name; `code` for the plugin's code outside of a handler, `cli` for a command, `bucket` for a value that another program wrote. */
  readonly handler: string;
  readonly version?: string;
  readonly attempt?: number;
  /** The stream that the event was published to, with its sequence there and its id. */
  readonly stream?: string;
  readonly sequence?: number;
  readonly eventId?: string;
  /** When the run returned, in milliseconds since 1970. */
  readonly timeMs: number;
}

/** Texts that a run has read, by key; `null` if the key had no value. */
export type ReadTexts = ReadonlyMap<string, string | null>;

/**
 * How an event leaves its stream without being handled: its dead letter is stored after the commit, or the event is put
 * into the retry queue until it is due.
 */
export type Departure = { readonly to: 'dead-letter' } | { readonly to: 'retry-queue'; readonly dueAtMs: number };

/** The changes that one run makes together. */
export interface RunChanges {
  readonly origin: Origin;
  /** The event that the run handles; absent for a change from outside of a run. */
  readonly event?: EventOf;
  /** Whether the run belongs to the same call for a batch as the run before it in the commit. */
  readonly joins?: boolean;
  /**
   * The number of the commit point, from 1, if the run commits early with `store.commit()`. The event is then not
   * settled yet.
   */
  readonly part?: number;
  /** How many commit points the run has passed before. */
  readonly passed?: number;
  /** Whether functions that the handler has passed to `afterCommit` are still to be run. */
  readonly hasWork?: boolean;
  /**
   * The texts that the run has read since its last commit point, if the handler may have to repeat this part: at a
   * commit point, and for after-commit work.
   */
  readonly reads?: ReadTexts;
  /** Set if the event is not handled but leaves its stream. The run then changes and publishes nothing. */
  readonly left?: Departure;
  /** The new texts by key; `null` removes the value. */
  readonly writes: ReadonlyMap<string, string | null>;
  readonly emits: readonly Emit[];
}

/** How far a bucket is filled from its log. */
export interface BucketFill {
  /** The position up to which the bucket has all values. */
  readonly position: number;
  /** A revision by which the bucket had them. A replica of the bucket that has this revision has them too. */
  readonly revision: number;
}

export type SentEvent = readonly [event: string, position: number];

/** One message of a commit log: the changes of one or several runs, which become visible together. */
export interface Commit {
  /** The host that has appended the commit, and the number of the commit among the host's own. */
  readonly host: string;
  readonly number: number;
  readonly runs: readonly RunChanges[];
  /**
   * The events, as {@link eventKey} names them, whose emits are sent and whose dead letter or deferred event is stored,
   * each with the position of the last commit of these.
   */
  readonly sent: readonly SentEvent[];
  /** The events whose after-commit work is done, as {@link eventKey} names them. */
  readonly worked?: readonly string[];
  /**
   * The durables of handlers that run on one host at a time. From this commit on, only this host commits their runs. With
   * the prefix `!` a claim ends, because the handler has no key any more.
   */
  readonly claimed?: readonly string[];
  /**
   * The revisions of values in the bucket that another program has written. This commit takes up these values or
   * changes them.
   */
  readonly adopted: ReadonlyMap<string, number>;
  /** How far the bucket is filled, if the host fills it. */
  readonly filled?: BucketFill;
}

const DEAD = 'dead';

/** The version of the format. A host refuses a commit of a later version, because it would lose a part of it. */
const FORMAT = 1;
const THIS_FORMAT = `{"f":${FORMAT},`;

/** Returns a text that names the event of a run. */
export function eventKey({ durable, incarnation, sequence }: EventOf): string {
  return `${durable} ${incarnation} ${sequence}`;
}

/** Thrown for a message of the log that this host cannot read. */
export class UnreadableCommit extends Error {
  override readonly name = 'UnreadableCommit';
  /** Whether a later version of Jetplug has written it. */
  isLaterFormat = false;
}

interface WireRun {
  /** The index of the run's source. */
  readonly h: number;
  /** The sequence of the delivery; absent without an event. */
  readonly s?: number | undefined;
  /** The sequence of the event in its own stream, if it is another one. */
  readonly o?: number | undefined;
  readonly e?: string | undefined;
  /** The attempt, if it is not the first. */
  readonly a?: number | undefined;
  readonly t: number;
  /** 1 for a run that {@link RunChanges.joins} the one before. */
  readonly j?: number | undefined;
  readonly p?: number | undefined;
  /** Set if there is after-commit work: the number of the last part. */
  readonly k?: number | undefined;
  /** When the event is due, in milliseconds since 1970, if it went to the retry queue; `dead` if it is dead-lettered. */
  readonly l?: number | typeof DEAD | undefined;
  /** Keys and texts in turn: what the run has read, and what it writes. */
  readonly g?: readonly (string | null)[] | undefined;
  readonly w?: readonly (string | null)[] | undefined;
  readonly x?:
    readonly (readonly [id: string, subject: string, payload: string, headers: Emit['headers']])[] | undefined;
}

interface WireCommit {
  readonly f: number;
  readonly by: string;
  readonly n: number;
  readonly h: readonly WireSource[];
  readonly r: readonly WireRun[];
  readonly x?: readonly SentEvent[];
  readonly k?: readonly string[];
  readonly o?: readonly string[];
  readonly a?: Readonly<Record<string, number>>;
  readonly c?: readonly [position: number, revision: number];
}

/** Returns the commit as the text of its message. */
export function encodeCommit({ host, number, runs, sent, worked = [], claimed = [], adopted, filled }: Commit): string {
  const sources = new WireSources();
  const r = runs.map((run) => encodeRun(run, sources));
  const wire: WireCommit = {
    f: FORMAT,
    by: host,
    n: number,
    h: sources.list,
    r,
    ...(sent.length > 0 && { x: sent }),
    ...(worked.length > 0 && { k: worked }),
    ...(claimed.length > 0 && { o: claimed }),
    ...(adopted.size > 0 && { a: Object.fromEntries(adopted) }),
    ...(filled && { c: [filled.position, filled.revision] as const }),
  };
  return JSON.stringify(wire);
}

/** Every property is named, because objects that are spread together take several times as long to make. */
function encodeRun(run: RunChanges, sources: WireSources): WireRun {
  const { origin, event, joins, part, passed = 0, hasWork, left, reads, writes, emits } = run;
  const { sequence, attempt } = origin;
  return {
    h: sources.indexOf(run),
    s: event?.sequence,
    o: sequence === event?.sequence ? undefined : sequence,
    e: origin.eventId,
    a: attempt === 1 ? undefined : attempt,
    t: origin.timeMs,
    j: joins ? 1 : undefined,
    p: part,
    k: hasWork ? passed + 1 : undefined,
    l: left && encodeDeparture(left),
    g: reads && reads.size > 0 ? flatTexts(reads) : undefined,
    w: writes.size > 0 ? flatTexts(writes) : undefined,
    x: emits.length > 0 ? emits.map((emit) => [emit.id, emit.subject, emit.payload, emit.headers] as const) : undefined,
  };
}

/** Returns keys and texts in turn. */
export function flatTexts(texts: ReadTexts): (string | null)[] {
  const flat: (string | null)[] = [];
  for (const [key, text] of texts) flat.push(key, text);
  return flat;
}

/** Reads keys and texts in turn. */
export function textsOf(flat: readonly (string | null)[]): Map<string, string | null> {
  const texts = new Map<string, string | null>();
  for (let i = 0; i < flat.length; i += 2) texts.set(flat[i]!, flat[i + 1] ?? null);
  return texts;
}

export function encodeDeparture(left: Departure): number | typeof DEAD {
  return left.to === 'dead-letter' ? DEAD : left.dueAtMs;
}

export function decodeDeparture(text: number | typeof DEAD): Departure {
  return text === DEAD ? { to: 'dead-letter' } : { to: 'retry-queue', dueAtMs: text };
}

/**
 * Reads a commit.
 * @throws UnreadableCommit if the text is not a commit, or one of a later format
 */
export function decodeCommit(text: string): Commit {
  let wire: WireCommit | null;
  try {
    wire = JSON.parse(text) as WireCommit | null;
  } catch (cause) {
    throw new UnreadableCommit('it is not JSON', { cause });
  }
  if (wire?.f !== FORMAT) {
    const error = new UnreadableCommit(`its format is ${String(wire?.f)}; this host reads format ${FORMAT}`);
    error.isLaterFormat = typeof wire?.f === 'number' && wire.f > FORMAT;
    throw error;
  }
  const { h: sources } = wire;
  try {
    return {
      host: wire.by,
      number: wire.n,
      runs: wire.r.map((run) => decodeRun(run, sources[run.h]!)),
      sent: wire.x ?? [],
      ...(wire.k && { worked: wire.k }),
      ...(wire.o && { claimed: wire.o }),
      adopted: new Map(Object.entries(wire.a ?? {})),
      ...(wire.c && { filled: { position: wire.c[0], revision: wire.c[1] } }),
    };
  } catch (cause) {
    throw new UnreadableCommit('a part of it is missing', { cause });
  }
}

/** Whether the text begins as the commits of this format do, so that its parts can be searched as text. */
export function hasThisFormat(text: string): boolean {
  return text.startsWith(THIS_FORMAT);
}

/**
 * Reads a commit; undefined for a message that another program has put into the log.
 * @throws UnreadableCommit if the text is a commit of a later format
 */
export function decodedOrNone(text: string): Commit | undefined {
  try {
    return decodeCommit(text);
  } catch (error) {
    if (error instanceof UnreadableCommit && !error.isLaterFormat) return undefined;
    throw error;
  }
}

function decodeRun(run: WireRun, [handler, version, durable, incarnation, stream]: WireSource): RunChanges {
  const sequence = run.o ?? run.s;
  const isOfEvent = durable !== null && incarnation !== null && run.s !== undefined;
  return {
    origin: {
      handler,
      ...(version !== null && { version }),
      ...(stream !== null && { stream }),
      ...(isOfEvent && { attempt: run.a ?? 1 }),
      ...(sequence !== undefined && { sequence }),
      ...(run.e !== undefined && { eventId: run.e }),
      timeMs: run.t,
    },
    ...(isOfEvent && { event: { durable, incarnation, sequence: run.s } }),
    ...(run.j !== undefined && { joins: true }),
    ...(run.p !== undefined && { part: run.p }),
    ...(run.k !== undefined && { hasWork: true, passed: run.k - 1 }),
    ...((run.k !== undefined || run.g !== undefined) && { reads: textsOf(run.g ?? []) }),
    ...(run.l !== undefined && { left: decodeDeparture(run.l) }),
    writes: textsOf(run.w ?? []),
    emits: (run.x ?? []).map(([id, subject, payload, headers]) => ({ id, subject, payload, headers })),
  };
}
