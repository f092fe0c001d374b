import type { Config, SourceOf } from '../config/config';
import type { PartedLog } from '../log/log';
import { AuditStream } from '../nats/audit-stream';
import type { Connection } from '../nats/connection';
import type { StoredEvent } from '../nats/stored-event';
import { machineTime } from '../base/time';
import { Audit } from './audit';
import { JobFeed } from './job-feed';
import { Collector } from './live/collector';
import { LiveFeed } from './live/live-feed';
import { Access } from './security/access';

/** Runs a handler on an event in a process of its own. Nothing is written to the server. */
export type Replay = (request: {
  readonly event: StoredEvent;
  /** The event's id, if it is known. */
  readonly id: string | undefined;
  readonly plugin: string;
  /** Default: the only handler of the plugin that takes the event. */
  readonly handler: string | undefined;
}) => Promise<CapturedEffects>;

/** The effects of such a run. The values of the store and the payloads are JSON. */
export interface CapturedEffects {
  readonly outcome: string;
  readonly error?: { readonly name: string; readonly message: string; readonly stack?: string };
  readonly ranMs: number;
  readonly changes: readonly { readonly key: string; readonly before: string | null; readonly after: string | null }[];
  readonly events: readonly { readonly subject: string; readonly payload: string }[];
  readonly log: readonly { readonly level: string; readonly message: string }[];
}

/** The program that serves the page: a host, or `jetplug page`. */
export interface PageProgram {
  readonly connection: Connection;
  readonly config: Config;
  readonly sourceOf: SourceOf;
  readonly log: PartedLog;
  readonly replay: Replay;
}

/** The things that the routes of the page use. All data comes from the broker and from the hosts that run. */
export interface PageContext extends PageProgram {
  readonly access: Access;
  /** Records the changes that the page makes. */
  readonly audit: Audit;
  /** Tells the open pages the progress of jobs. */
  readonly jobs: JobFeed;
  /** Reads how the hosts are. */
  readonly collector: Collector;
  /** Sends how the hosts are to the open pages. */
  readonly live: LiveFeed;
}

export function pageContext(program: PageProgram): PageContext {
  const { connection, config, log } = program;
  const time = machineTime;
  const jobs = new JobFeed();
  const collector = new Collector({ connection, config, time });
  return {
    ...program,
    access: new Access(config.http, log),
    audit: new Audit(new AuditStream(connection, config), log),
    jobs,
    collector,
    live: new LiveFeed({ connection, collector, jobs, log, time }),
  };
}
