/**
 * Sends the messages of one turn of the event loop together, because each write to the channel between two processes
 * costs a system call.
 */
export class TurnMessages<M> {
  private waiting: M[] = [];

  constructor(private readonly write: (messages: readonly M[], sent?: () => void) => void) {}

  send(message: M): void {
    this.waiting.push(message);
    if (this.waiting.length === 1) setImmediate(() => this.flush());
  }

  /** Sends the message at once, after those that wait. */
  sendNow(message: M, sent?: () => void): void {
    this.waiting.push(message);
    this.flush(sent);
  }

  private flush(sent?: () => void): void {
    if (this.waiting.length === 0) return;
    const messages = this.waiting;
    this.waiting = [];
    this.write(messages, sent);
  }
}
