import { Worker } from 'node:worker_threads';
import { join } from 'node:path';
import { ChildPlugin } from './child-plugin';
import { HostLink } from './host-link';
import type { HostMessage } from './protocol';
import { encodeError } from './wire-error';

/*
 * The process of an isolated plugin. It takes orders from the host that started it, and exits when the channel to that
 * host closes. If the author's code blocks this thread, the guard kills the process when the host is gone.
 */

const limitBytes = Number(process.argv[2]);
const guard = new Worker(join(__dirname, 'child-guard.js'), {
  workerData: { limitBytes },
  resourceLimits: { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 2 },
});
guard.unref();

process.setSourceMapsEnabled(true);
const link = new HostLink();
const plugin = new ChildPlugin(link);

/**
 * Reports an uncaught error and exits. The error leaves the author's code in an unknown state, so the host starts a new
 * process.
 */
function die(thrown: unknown): void {
  const exit = (): never => process.exit(1);
  if (!process.connected) exit();
  link.sendNow({ is: 'dying', error: encodeError(thrown) }, exit);
}

process.on('uncaughtException', die);
process.on('unhandledRejection', die);
process.on('disconnect', () => process.exit(0));
// The process takes no order, and runs none of the author's code, before the guard is ready.
guard.once('message', () => {
  process.on('message', (messages) => {
    // Each call has a turn of its own, so that the end of one is sent before the next one begins.
    for (const message of messages as readonly HostMessage[]) setImmediate(() => plugin.receive(message));
  });
});
