import type { Logger } from '../../sdk';

/** The plugin's log with what is known of the run on each line. */
export class RunLogger implements Logger {
  constructor(
    private readonly log: Logger,
    private readonly known: object,
  ) {}

  debug(message: string, fields?: object): void {
    this.log.debug(message, { ...this.known, ...fields });
  }
  info(message: string, fields?: object): void {
    this.log.info(message, { ...this.known, ...fields });
  }
  warn(message: string, fields?: object): void {
    this.log.warn(message, { ...this.known, ...fields });
  }
  error(message: string, fields?: object): void {
    this.log.error(message, { ...this.known, ...fields });
  }
}
