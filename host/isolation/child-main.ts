import { Worker } from 'node:worker_threads';
import { join } from 'node:path';
import { ChildPlugin } from './child-plugin';
import { HostLink } from './host-link';
import type { HostMessage } from './protocol';
import { encodeError } from './wire-error';

/*
 * The process of an isolated plugin. It takes its orders from the host that started it, and ends with it: when
 * the channel closes, and, where the author's code blocks that, by the guard's hand.
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

/** What nothing catches leaves the author's code in a state that nobody knows: the process ends, and a new one begins. */
function die(thrown: unknown): void {
  const exit = (): never => process.exit(1);
  if (!process.connected) exit();
  link.send({ is: 'dying', error: encodeError(thrown) }, exit);
}

process.on('uncaughtException', die);
process.on('unhandledRejection', die);
process.on('disconnect', () => process.exit(0));
// No order is taken, and none of the author's code runs, before the guard watches.
guard.once('message', () => process.on('message', (message) => plugin.receive(message as HostMessage)));
