import { refuseItself, TOKEN } from './token';

/** The current time. Inject it instead of calling `Date.now()`, so that a test can set the time. */
export abstract class Clock {
  static readonly [TOKEN] = 'clock';

  constructor() {
    refuseItself(new.target, Clock);
  }

  /** The current time, as a new `Date`. */
  abstract now(): Date;
}
