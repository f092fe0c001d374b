import { setImmediate as turn } from 'node:timers/promises';
import { JetplugError, topFrame, type Location } from '../../sdk/internal';
import { encodeError } from '../isolation/wire-error';
import { contractRecordOf, type ContractRecord } from '../plugin/contract-record';
import { pluginAssets, type PluginAssets } from '../plugin/plugin-assets';
import type { Claimant } from '../plugin/name-registry';
import { compile } from '../load/compile';
import { providersFor, type FolderProviders } from '../load/folder-providers';
import { construct, lifecycleError, start, validSettings, type InstantiatedPlugin } from '../load/instantiate';
import { describe, type DescribedPlugin } from '../load/describe';
import { specOf } from '../plugin/reconcile';
import { blockNetwork, type NetworkBlock } from '../base/block-network';
import { errorsIn } from '../base/plain-error';
import type { CheckMessage, CheckOrder, CheckStep } from './check-protocol';
import { checkContracts } from './check-contracts';
import { checkServices } from './check-services';
import { checkSource } from './check-source';

/*
 * The process in which `jetplug check`, `docs` and `plan` run the authors' code. It loads each plugin without a network.
 * For `check`, it builds each as well.
 */

/** An attempt to use the network, with the stack of the call. */
interface Attempt {
  /** The attempt in words, such as `connects to db:5432`. */
  readonly what: string;
  readonly stack: string | undefined;
}

let attempts: Attempt[] = [];
const NO_NETWORK: NetworkBlock = {
  attempted: (what) => void attempts.push({ what, stack: new Error(what).stack }),
  refusal: (message) => Object.assign(new Error(`${message}: a check has no network`), { code: 'ECONNREFUSED' }),
};

function send(message: CheckMessage): Promise<void> {
  return new Promise((resolve) => process.send!(message, undefined, undefined, () => resolve()));
}

async function run({ files, config, until }: CheckOrder): Promise<void> {
  for (const file of files) {
    const problems: Error[] = [];
    const openNetwork = blockNetwork(NO_NETWORK);
    attempts = [];
    const warnings: Error[] = [];
    let plugin: DescribedPlugin | undefined;
    let contracts: ContractRecord | undefined;
    let assets: PluginAssets | undefined;
    try {
      await send({ is: 'at', file, step: 'its module', where: { file, line: 1 } });
      const shared = providersFor(file, config.plugins.dirs);
      plugin = describe(compile({ file }, { use: config.plugins.use, shared }), config);
      contracts = contractRecordOf(plugin, config);
      if (until === 'assets') assets = pluginAssets(plugin, config);
      else if (until !== 'described') {
        const found = checkSource(plugin);
        problems.push(...withoutStream(plugin, config), ...found.problems);
        warnings.push(...checkContracts(plugin), ...found.warnings);
        await build(plugin, shared, config, until === 'started' ? openNetwork : undefined);
      }
    } catch (thrown) {
      problems.push(...errorsIn(thrown));
    } finally {
      openNetwork();
    }
    await send({
      is: 'checked',
      file,
      ...(plugin && { plugin: claimOf(plugin), contracts, assets }),
      problems: problems.map(encodeError),
      warnings: [...warnings, ...(plugin ? networkWarnings(plugin) : [])].map(encodeError),
    });
  }
}

function withoutStream(plugin: DescribedPlugin, config: CheckOrder['config']): Error[] {
  return plugin.handlers.flatMap((handler) => {
    try {
      specOf(plugin, handler, config.streams, config);
      return [];
    } catch (thrown) {
      return errorsIn(thrown);
    }
  });
}

/**
 * Builds a plugin, and starts and stops it if asked to.
 * @throws JetplugError of the first step that fails
 */
async function build(
  plugin: DescribedPlugin,
  shared: FolderProviders | undefined,
  config: CheckOrder['config'],
  openNetwork?: () => void,
): Promise<void> {
  const settings = config.plugins.sections[plugin.name]?.settings;
  const at = (step: CheckStep): Promise<void> => send({ is: 'at', file: plugin.file, step, where: plugin.where });
  await at('its settings schema');
  await validSettings(plugin, settings);
  await at('its constructor');
  const services = checkServices();
  const shareable = { logger: services.log, clock: services.clock };
  shared?.build(shareable);
  const contained = await construct(plugin, services, settings);
  // Work that the constructor did not await reaches the network a little later.
  for (let i = 0; i < 3; i++) await turn();
  if (openNetwork) {
    openNetwork();
    await at('onStart');
    await shared?.start(shareable);
    await start(plugin, contained.instance);
    await at('onStop');
    await stop(plugin, contained);
  }
  await contained.release();
  await shared?.stop(services.log);
}

async function stop(plugin: DescribedPlugin, { instance }: InstantiatedPlugin): Promise<void> {
  try {
    await instance.onStop?.();
  } catch (thrown) {
    throw lifecycleError('JP_PLUGIN_STOP_FAILED', 'onStop', plugin, thrown);
  }
}

function claimOf({ name, file, where, handlers }: DescribedPlugin): Claimant {
  return {
    name,
    file,
    where,
    handlers: handlers.map(({ name: own, durable, where: at }) => ({ name: own, durable, where: at })),
  };
}

/** One warning for each place, because code often retries a connection that fails. */
function networkWarnings({ name, className, where, sources }: DescribedPlugin): JetplugError[] {
  const warnings = attempts.map(({ what, stack }) => {
    const place: Location = topFrame(stack, (file) => sources.has(file)) ?? where;
    const message = `${className} ${what} before it starts`;
    return new JetplugError('JP_PLUGIN_CONNECTS_EARLY', message, { plugin: name, ...place });
  });
  return [...new Map(warnings.map((warning) => [`${warning.line} ${warning.message}`, warning])).values()];
}

process.setSourceMapsEnabled(true);
// The process ignores uncaught errors, because they are often a consequence of the blocked network. A running host
// reports them.
process.on('uncaughtException', () => undefined);
process.on('unhandledRejection', () => undefined);
process.on('disconnect', () => process.exit(0));
process.once('message', (order) => void run(order as CheckOrder).then(() => process.exit(0)));
