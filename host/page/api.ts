/** The JSON of the page's API. The browser's code imports these types, so they import only types. */
import type { ErrorReport } from '../../sdk/internal';
import type { DeadLetterSummary } from '../ops/dead-letter-summary';
import type { LetterFilter } from '../ops/letters/letter-filter';
import type { ListedEvent } from '../ops/event-list';
import type { EventView } from '../ops/event-view';
import type { ExplainedPlugin } from '../ops/explain';
import type { Role } from '../ops/http';
import type { HandlerStatus, PluginStatus } from '../ops/status';
import type { StoreChangeView } from '../ops/store-page';
import type { Trace } from '../ops/trace';
import type { AuditEntry } from '../records/audit-entry';
import type { LiveRun } from '../records/runs/live-runs';

/** The body of an answer with a status of 400 or more. */
export interface ApiError extends ErrorReport {
  /** Present with the status 401: the page asks for a token. */
  readonly needsToken?: true;
}

export type { Role };

/** `GET /api/session`. */
export interface Session {
  readonly role: Role;
  /** The name of the token; absent on loopback, where none is needed. */
  readonly name?: string;
  /** Whether the address needs a token, so that a sign-out makes sense. */
  readonly hasToken: boolean;
  readonly deployment: string;
  readonly version: string;
}

/** `GET /api/overview`, and each `overview` of `GET /api/live`. */
export interface Overview {
  /** When the numbers were read, in ISO 8601. */
  readonly at: string;
  readonly server: { readonly url: string; readonly version: string };
  /** The running hosts that have answered. */
  readonly hosts: readonly string[];
  readonly plugins: readonly LivePlugin[];
  readonly deadLetters: number;
  readonly problems: readonly Problem[];
}

export interface LivePlugin extends Omit<PluginStatus, 'handlers'> {
  readonly handlers: readonly LiveHandler[];
}

export interface LiveHandler extends HandlerStatus {
  /** Events handled, and runs failed, in a second, since the last reading; absent in the first reading. */
  readonly handledPerS?: number;
  readonly failedPerS?: number;
  /** The age of the oldest event that is not handled, in ms; absent if it is not known, 0 if there is none. */
  readonly lagMs?: number;
  /** The 99th percentile of the handler's running times since the last reading, in ms, as an upper bound. */
  readonly p99Ms?: number;
}

/** Something that is wrong now, the most urgent first. */
export interface Problem {
  readonly severity: 'error' | 'warning';
  /** One sentence. */
  readonly text: string;
  readonly plugin?: string;
  readonly handler?: string;
  /** The command that helps. */
  readonly command?: string;
  /** The view of the page that helps, as its path: `#/dead?plugin=badge`. */
  readonly link?: string;
}

/** A message of `GET /api/live` (server-sent events). The event's name is the member's name; its data is the value. */
export interface LiveMessages {
  /** Each second. */
  overview: Overview;
  /** Runs that have ended, a sample of at most 20 a second, and how many were left out. */
  runs: { readonly runs: readonly LiveRun[]; readonly left: number };
  /** The progress of a change of many dead letters. */
  job: Job;
  /** The broker does not answer. `overview` follows when it answers again. */
  away: { readonly since: string; readonly reason: string };
}

/** `GET /api/plugins/:plugin`. */
export interface PluginView {
  /** One for each place that the plugin is loaded from; most often one. */
  readonly explained: readonly ExplainedPlugin[];
  /** The source around the failing line, or around the class; absent where the file is not on this machine. */
  readonly source?: {
    readonly file: string;
    readonly firstLine: number;
    readonly lines: readonly string[];
    readonly failingLine?: number;
  };
}

/** `POST /api/plugins/:plugin/pause` and `…/resume`. Answer: `Paused`. */
export interface PauseRequest {
  /** Default: all handlers of the plugin. */
  readonly handler?: string;
  /** How long, such as `10m`; default: until somebody resumes it. */
  readonly for?: string;
}
export interface Paused {
  readonly handlers: readonly { readonly plugin: string; readonly handler: string; readonly pausedUntil?: string }[];
}

/** `GET /api/flow`: which events go from whom to whom. */
export interface Flow {
  readonly events: readonly {
    readonly subject: string;
    /** The plugins that publish it. Empty: it comes from outside. */
    readonly publishers: readonly string[];
    readonly subscribers: readonly { readonly plugin: string; readonly handler: string }[];
  }[];
}

/** `GET /api/events`: the catalogue. */
export interface EventCatalogue {
  readonly events: readonly CatalogueEvent[];
}
export type CatalogueEvent = ListedEvent;
/** `GET /api/events/samples?subject=S&limit=20`: the newest events of a subject, the newest first, secrets masked. */
export interface EventSamples {
  readonly samples: readonly StoredEventView[];
}
export type StoredEventView = EventView;
/** `POST /api/events/check` and `POST /api/events/publish`. */
export interface EventDraft {
  readonly subject: string;
  readonly payload?: unknown;
  /** The payload as JSON text, in place of `payload`. Its numbers stay as they were typed. */
  readonly payloadText?: string;
}
/** The answer of `check`. */
export interface DraftCheck {
  readonly faults: readonly { readonly path: string; readonly message: string }[];
  /** The handlers that would receive the event. */
  readonly receives: readonly { readonly plugin: string; readonly handler: string }[];
  /** Why no stream would store it; absent if one would. */
  readonly advice?: string;
}
/** The answer of `publish`. */
export interface PublishedDraft {
  readonly id: string;
  readonly stream: string;
  readonly sequence: number;
}

/** The letters that a request is about: `GET /api/dead` and `/api/dead/groups` as query, changes as JSON. */
export type { LetterFilter };
/** `GET /api/dead/groups`. */
export interface LetterGroups {
  readonly total: number;
  readonly groups: readonly LetterGroup[];
}
export interface LetterGroup {
  readonly fingerprint: string;
  readonly count: number;
  readonly plugin: string;
  readonly handler: string;
  readonly reason: string;
  readonly error: string;
  readonly subject: string;
  readonly firstAt: string;
  readonly lastAt: string;
  /** The counts in 24 equal parts of the time from the oldest letter of all groups until now. */
  readonly counts: readonly number[];
}
/** `GET /api/dead?cursor=…&limit=100`: letters, the newest first. */
export interface LetterPage {
  readonly letters: readonly DeadLetterSummary[];
  readonly total: number;
  /** The cursor of the next page; absent on the last one. */
  readonly next?: string;
}
/** `GET /api/dead/:id`. */
export interface LetterView extends DeadLetterSummary {
  readonly stack?: string;
  /** The event's headers. */
  readonly headers: Readonly<Record<string, string>>;
  /** The payload as JSON with secrets masked; `text` holds it where it is no JSON. */
  readonly payload?: unknown;
  readonly text?: string;
  /** The JSON Schema of the handler's event, if it is known. */
  readonly schema?: object;
}
/** `POST /api/dead/redrive` and `POST /api/dead/drop`. */
export interface LetterChange {
  /** Either letters by id, or those that a filter chooses. */
  readonly ids?: readonly number[];
  readonly filter?: LetterFilter;
  /** Only counts. */
  readonly dryRun?: boolean;
  /** Redrive only: at most so many in a second. */
  readonly ratePerS?: number;
  /** Redrive only: another handler that gets the events, as `plugin.handler`. */
  readonly to?: string;
  /** Redrive only, with one id: the payload in place of the letter's own. */
  readonly payload?: unknown;
  /** The payload as JSON text, in place of `payload`. Its numbers stay as they were typed. */
  readonly payloadText?: string;
}
/** The answer: the number of letters, and the job unless it was a dry run. */
export interface LetterChangeAnswer {
  readonly count: number;
  readonly job?: string;
}
/** `GET /api/jobs` gives all of the last hour; `POST /api/jobs/:id/cancel` ends one. */
export interface Job {
  readonly id: string;
  readonly kind: 'redrive' | 'drop';
  readonly state: 'running' | 'done' | 'cancelled' | 'failed';
  readonly total: number;
  readonly done: number;
  readonly failed: number;
  /** Letters of the same handlers that have arrived since the job began. */
  readonly arrived: number;
  readonly startedAt: string;
  readonly by: string;
  readonly error?: string;
}

/** `GET /api/trace?event=ID`. */
export interface TraceView {
  readonly trace: Trace;
  /** The payloads of the tree's events by id, secrets masked, as far as they are still stored. */
  readonly payloads: Readonly<Record<string, unknown>>;
}
/** `GET /api/find?where=user_id%3Du1&subject=…&since=…&limit=50`: stored events, the newest first. */
export interface FoundEvents {
  readonly events: readonly StoredEventView[];
  /** Whether the search has reached the end of the streams or of `since`. */
  readonly complete: boolean;
}
/** `POST /api/try`: runs a handler on an event in a process of its own; nothing is written. */
export interface TryRequest {
  /** `STREAM:SEQUENCE` */
  readonly event: string;
  readonly plugin: string;
  readonly handler?: string;
  /** In place of the event's own payload. A mask stands for the value of the event. */
  readonly payload?: unknown;
}
export interface TryAnswer {
  readonly outcome: string;
  readonly error?: { readonly name: string; readonly message: string; readonly stack?: string };
  readonly ranMs: number;
  readonly writes: readonly {
    readonly key: string;
    readonly scope?: string;
    readonly before?: unknown;
    readonly after?: unknown;
  }[];
  readonly emits: readonly { readonly subject: string; readonly payload: unknown }[];
  readonly lines: readonly { readonly level: string; readonly message: string }[];
}

/** `GET /api/store/:plugin?q=…&cursor=…&limit=100`: keys with their values, in the order of the keys. */
export interface StorePage {
  readonly entries: readonly { readonly key: string; readonly scope?: string; readonly value: unknown }[];
  readonly total: number;
  readonly next?: string;
}
/** `GET /api/store/:plugin/blame?key=K&scope=S&limit=20`: the changes of a key, the newest first. */
export interface KeyHistory {
  readonly changes: readonly StoreChangeView[];
  /** Whether older changes exist that are not kept any more. */
  readonly isCut: boolean;
}

/** `GET /api/audit?cursor=…&limit=100`: changes, the newest first. */
export interface AuditPage {
  readonly entries: readonly AuditEntry[];
  readonly next?: string;
}
export type { AuditEntry };
