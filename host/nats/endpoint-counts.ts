import { nanos, type EndpointNumbers } from './client';

/**
 * The numbers of an endpoint. The client counts only until the handler returns its promise, so it would count no errors
 * and no time.
 */
export class EndpointCounts {
  private requests = 0;
  private errors = 0;
  private tookMs = 0;
  private lastError: string | undefined;

  add(tookMs: number, error: Error | undefined): void {
    this.requests++;
    this.tookMs += tookMs;
    if (!error) return;
    this.errors++;
    this.lastError = error.message;
  }

  get numbers(): EndpointNumbers {
    const { requests, errors, tookMs, lastError } = this;
    return {
      num_requests: requests,
      num_errors: errors,
      last_error: lastError,
      processing_time: toNanos(tookMs),
      average_processing_time: toNanos(requests === 0 ? 0 : tookMs / requests),
    };
  }
}

function toNanos(ms: number): number {
  return Math.round(nanos(ms));
}
