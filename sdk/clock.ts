import { refuseItself, TOKEN } from './token';

/** The time. Inject it instead of calling `Date.now()`, so that a test can set it. */
export abstract class Clock {
  static readonly [TOKEN] = 'clock';

  constructor() {
    refuseItself(new.target, Clock);
  }

  abstract now(): Date;
}
