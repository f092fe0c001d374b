/**
 * A value that arrives later, for one receiver. The receiver is called in the turn of the event loop in which the
 * value arrives. A promise would also work, but Node carries the handler's AsyncLocalStorage context through each promise,
 * which costs about 5 % of the time of a message. The class has no `then`, so that nothing awaits it by mistake.
 */
export class Later<T> {
  private done: ((value: T) => void) | undefined;
  private failed: ((error: Error) => void) | undefined;

  /** Sets the receiver. Call this once, in the turn in which the object was created. */
  whenDone(done: (value: T) => void, failed: (error: Error) => void): void {
    this.done = done;
    this.failed = failed;
  }

  /** Calls the receiver with the value of `make`, or with the error that it throws. */
  resolve(make: () => T): void {
    let value: T;
    try {
      value = make();
    } catch (error) {
      this.failed?.(error as Error);
      return;
    }
    this.done?.(value);
  }

  promise(): Promise<T> {
    return new Promise((resolve, reject) => this.whenDone(resolve, reject));
  }
}
