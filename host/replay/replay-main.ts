import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { JetplugError } from '../../sdk/internal';
import { blockNetwork } from '../base/block-network';
import { errorsIn, plainError } from '../base/plain-error';
import { encodeError } from '../isolation/wire-error';
import { embedSources } from '../load/transpile';
import { CapturedLog } from './captured-log';
import { breakAt, waitForDebugger } from './inspector';
import { ContractJudge } from './judge-events';
import { ReplayedPlugin } from './replayed-plugin';
import type { ReplayMessage, ReplayOrder } from './replay-protocol';

/*
 * The process that runs a handler for events and captures the effects. It has no connection to a server. A thread kills
 * it when the command is gone, also while this thread waits for a debugger.
 */

let log = new CapturedLog();
let plugin: ReplayedPlugin;
const contracts = new ContractJudge();
/** Set while the network is blocked. */
let openNetwork: (() => void) | undefined;

/** Sends a message. It is written to the channel before the call returns, as long as the channel is not full. */
function send(message: ReplayMessage): void {
  process.send!(message);
}

async function carryOut(order: ReplayOrder): Promise<void> {
  try {
    send(await answerTo(order));
  } catch (thrown) {
    send({ is: 'failed', errors: errorsIn(thrown).map(encodeError) });
  }
}

function answerTo(order: ReplayOrder): ReplayMessage | Promise<ReplayMessage> {
  switch (order.to) {
    case 'load':
      return load(order);
    case 'run':
      return run(order);
    case 'judge':
      return judge(order);
  }
}

async function judge({ target, config, events }: ReplayOrder & { to: 'judge' }): Promise<ReplayMessage> {
  openNetwork ??= blockNetwork({ refusal: noNetwork });
  return { is: 'judged', judgement: await contracts.judge(target, config, events) };
}

function load({ target, config, allowsNetwork }: ReplayOrder & { to: 'load' }): ReplayMessage {
  if (!allowsNetwork) openNetwork ??= blockNetwork({ refusal: noNetwork });
  plugin = ReplayedPlugin.load(target, config);
  return { is: 'loaded', handler: plugin.found };
}

function noNetwork(message: string): JetplugError {
  return new JetplugError('JP_NETWORK_BLOCKED', `${message}: the run has no network without --allow-net`);
}

async function run({ run: given, inspect }: ReplayOrder & { to: 'run' }): Promise<ReplayMessage> {
  log = new CapturedLog();
  if (!inspect) return { is: 'effects', effects: await plugin.run(given, log) };
  const effects = await plugin.run(given, log, {
    isPatient: true,
    beforeCall: (cls, method) => {
      waitForDebugger(inspect, (address) => send({ is: 'waits', address }));
      breakAt(cls, method);
    },
  });
  return { is: 'effects', effects };
}

function uncaught(thrown: unknown): void {
  log.add('error', 'an error was not caught', { err: plainError(thrown) });
}

process.setSourceMapsEnabled(true);
embedSources();
process.on('uncaughtException', uncaught);
process.on('unhandledRejection', uncaught);
process.on('disconnect', () => process.exit(0));
const guard = new Worker(join(__dirname, '../isolation/child-guard.js'), {
  workerData: { limitBytes: Infinity },
  resourceLimits: { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 2 },
});
guard.unref();
guard.once('message', () => {
  let orders = Promise.resolve();
  process.on('message', (order) => {
    orders = orders.then(() => carryOut(order as ReplayOrder));
  });
});
