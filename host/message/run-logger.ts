import type { Logger } from '../../sdk';
import { plainFields, plainText } from '../base/plain-value';

/**
 * A plugin's log that adds the known fields to each line. It copies the plugin's values as plain data, and never
 * throws.
 */
export class RunLogger implements Logger {
  constructor(
    private readonly log: Logger,
    private readonly known: object = {},
  ) {}

  debug(message: string, fields?: object): void {
    this.log.debug(plainText(message), plainFields(this.known, fields));
  }
  info(message: string, fields?: object): void {
    this.log.info(plainText(message), plainFields(this.known, fields));
  }
  warn(message: string, fields?: object): void {
    this.log.warn(plainText(message), plainFields(this.known, fields));
  }
  error(message: string, fields?: object): void {
    this.log.error(plainText(message), plainFields(this.known, fields));
  }
}
