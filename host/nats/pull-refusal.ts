import type { PullSink } from '../broker/pull';

/** Whether the server refuses the requests of a pull because of the durable's settings. Each change is reported once. */
export class PullRefusal {
  /** Why the server refused the last request; undefined once it has taken one. */
  private reason: string | undefined;

  constructor(private readonly sink: Pick<PullSink, 'refused' | 'served'>) {}

  /** Notes that the server refuses a request. Returns whether it has taken the one before. */
  refused(reason: string): boolean {
    const isFirst = this.reason === undefined;
    if (this.reason === reason) return false;
    this.reason = reason;
    this.sink.refused(reason);
    return isFirst;
  }

  /** Notes that the server has taken a request. */
  accepted(): void {
    if (this.reason === undefined) return;
    this.reason = undefined;
    this.sink.served();
  }
}
