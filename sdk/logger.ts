import { refuseItself, TOKEN } from './token';

/** Writes to the host's log, under the plugin's name. An `error` among the fields is written with its stack. */
export abstract class Logger {
  static readonly [TOKEN] = 'logger';

  constructor() {
    refuseItself(new.target, Logger);
  }

  abstract debug(message: string, fields?: object): void;
  abstract info(message: string, fields?: object): void;
  abstract warn(message: string, fields?: object): void;
  abstract error(message: string, fields?: object): void;
}
