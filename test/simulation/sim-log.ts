import { Logger } from '../../sdk';
import { isJetplugError } from '../../sdk/internal';
import type { PartedLog } from '../../host/log/log';
import type { World } from './world';

/** Lines that no schedule may cause, because no schedule loses data of the broker. */
const FAULTS = ['the commit log of the plugin cannot be used any more', 'committed values are lost'];

/** The log of a simulated host. Its lines are in the trace; an error that no fault of the broker explains is a violation. */
export class SimLog extends Logger implements PartedLog {
  constructor(
    private readonly world: World,
    private readonly host: string,
  ) {
    super();
  }

  child(): this {
    return this;
  }
  isEnabled(): boolean {
    return false;
  }
  debug(): void {
    // Not in the trace.
  }
  info(message: string): void {
    this.world.trace.add(this.host, `log: ${message}`);
  }
  warn(message: string, fields?: object): void {
    this.add(message, fields);
  }
  error(message: string, fields?: object): void {
    this.add(message, fields);
  }

  private add(message: string, fields: { err?: unknown } = {}): void {
    const { err } = fields;
    const text = err instanceof Error ? `${message}: ${err.message}` : message;
    this.world.trace.add(this.host, `log: ${text}`);
    if (FAULTS.includes(message) || isFault(err)) this.world.violate('no-fault', text);
  }
}

/** Whether the host threw the error by mistake. */
function isFault(error: unknown): boolean {
  if (isJetplugError(error)) return error.code === 'JP_INTERNAL';
  return error instanceof TypeError || error instanceof RangeError || error instanceof ReferenceError;
}
