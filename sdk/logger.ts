import { refuseItself, TOKEN } from './token';

/**
 * Writes to the host's log, with the plugin's name on each line. Errors among the fields are written with their stack and
 * causes. No method throws, whatever the fields hold.
 */
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
