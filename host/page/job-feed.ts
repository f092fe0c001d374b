import type { Job } from './api';

/** Tells the progress of jobs to those who listen. */
export class JobFeed {
  private readonly listeners = new Set<(job: Job) => void>();

  /** Sends the state of a job to all open pages. */
  announce(job: Job): void {
    for (const listener of this.listeners) listener(job);
  }

  /** Calls the listener at each announcement. Returns a function that ends the calls. */
  listen(listener: (job: Job) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
}
