import type { Config, SourceOf } from '../config/config';
import type { PartedLog } from '../log/log';
import { AuditStream } from '../nats/audit-stream';
import type { Connection } from '../nats/connection';
import { machineTime } from '../base/time';
import { Audit } from './audit';
import { JobFeed } from './job-feed';
import { Collector } from './live/collector';
import { LiveFeed } from './live/live-feed';
import { Access } from './security/access';

/** The program that serves the page: a host, or `jetplug page`. */
export interface PageProgram {
  readonly connection: Connection;
  readonly config: Config;
  readonly sourceOf: SourceOf;
  readonly log: PartedLog;
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
