import type { Config, SourceOf } from '../config/config';
import type { PartedLog } from '../log/log';
import type { Connection } from '../nats/connection';
import { Audit } from './audit';
import { JobFeed } from './job-feed';

/** The program that serves the page: a host, or `jetplug page`. */
export interface PageProgram {
  readonly connection: Connection;
  readonly config: Config;
  readonly sourceOf: SourceOf;
  readonly log: PartedLog;
}

/** The things that the routes of the page use. All data comes from the broker and from the hosts that run. */
export interface PageContext extends PageProgram {
  /** Records the changes that the page makes. */
  readonly audit: Audit;
  /** Tells the open pages the progress of jobs. */
  readonly jobs: JobFeed;
}

export function pageContext(program: PageProgram): PageContext {
  return { ...program, audit: new Audit(), jobs: new JobFeed() };
}
