import { container, injectable, type DependencyContainer } from 'tsyringe';
import { Settings, type Clock, type EventBus, type Logger, type Store } from '../../sdk';
import { isJetplugError, JetplugError, type PluginLifecycle, type TokenName } from '../../sdk/internal';
import { inBackgroundOf } from '../message/run';
import { listIssues } from '../message/validate';
import { isErrorLike, plainError } from '../plain-error';
import { showThrown } from '../thrown';
import { classesOf, servicesOf } from './dependencies';
import type { DescribedPlugin, PluginDefinition } from './describe';
import { isRunnable } from './handler-form';
import { placeIn } from './module-loader';

/** What the host has for one plugin; made only where the plugin asks for it. */
export interface PluginServices {
  readonly log: Logger;
  readonly clock: Clock;
  readonly bus: EventBus;
  openStore(): Promise<Store>;
}

/** A plugin's instance in a container of its own. */
export interface ContainedPlugin {
  readonly instance: PluginLifecycle & Record<string, unknown>;
  /** Disposes of what the container made. */
  release(): Promise<void>;
}

/**
 * Builds a plugin in a child container of its own, and starts it.
 * @param settings the plugin's section of the config, as it stands there
 * @throws JetplugError `JP_PLUGIN_SETTINGS_INVALID`, `JP_PLUGIN_CONSTRUCTOR_FAILED`, `JP_INJECT_FAILED`, `JP_PLUGIN_START_FAILED`
 */
export async function contain(
  plugin: DescribedPlugin,
  services: PluginServices,
  settings: unknown,
): Promise<ContainedPlugin> {
  // Made after the plugin's modules were loaded: container-scoped classes belong to it only then.
  const child = container.createChildContainer();
  const release = async (): Promise<void> => child.dispose();
  try {
    const valid = await validSettings(plugin, settings);
    for (const [token, name] of servicesOf(plugin.cls)) {
      child.register(token as never, { useValue: await provide(name, services, valid) });
    }
    const instance = inBackgroundOf(plugin.name, () => build(plugin, child));
    assertRunnable(plugin, instance);
    await inBackgroundOf(plugin.name, () => start(plugin, instance));
    return { instance, release };
  } catch (error) {
    await release();
    throw error;
  }
}

/** @throws JetplugError `JP_PLUGIN_SETTINGS_INVALID` */
export async function validSettings(plugin: DescribedPlugin, settings: unknown): Promise<unknown> {
  const given = settings ?? {};
  if (!plugin.settingsSchema) return given;
  const where = { plugin: plugin.name, ...plugin.where };
  const key = `plugins.${plugin.name}.settings`;
  try {
    const result = await plugin.settingsSchema['~standard'].validate(given);
    if (!result.issues) return result.value;
    throw new JetplugError('JP_PLUGIN_SETTINGS_INVALID', `${key}: ${listIssues(result.issues)}`, where);
  } catch (cause) {
    if (isJetplugError(cause)) throw cause;
    throw new JetplugError('JP_PLUGIN_SETTINGS_INVALID', `${key}: its schema threw: ${showThrown(cause)}`, {
      ...where,
      cause: plainError(cause),
    });
  }
}

async function provide(name: TokenName, services: PluginServices, settings: unknown): Promise<unknown> {
  switch (name) {
    case 'bus':
      return services.bus;
    case 'clock':
      return services.clock;
    case 'logger':
      return services.log;
    case 'settings':
      return new Settings<unknown>(settings as object);
    case 'store':
      return services.openStore();
  }
}

function build(plugin: DescribedPlugin, child: DependencyContainer): ContainedPlugin['instance'] {
  try {
    // A plugin is decorated by the SDK, perhaps by a copy of its own; this container must know it all the same.
    for (const cls of classesOf(plugin.cls)) injectable()(cls);
    return child.resolve(plugin.cls as never);
  } catch (error) {
    const cause = plainError(error);
    const place = placeIn(plugin.sources, cause);
    const message = isErrorLike(error) ? cause.message : `it threw ${cause.message}`;
    // tsyringe wraps what a constructor throws in its own account of who asked for whom.
    const injecting = /^(Cannot inject|TypeInfo not known|Attempted to (resolve|construct))/.test(message) && !place;
    const code = injecting ? 'JP_INJECT_FAILED' : 'JP_PLUGIN_CONSTRUCTOR_FAILED';
    throw new JetplugError(code, `${plugin.cls.name}: ${message}`, {
      plugin: plugin.name,
      ...(place ?? plugin.where),
      cause,
    });
  }
}

/** @throws JetplugError `JP_HANDLER_NOT_A_METHOD` */
function assertRunnable({ name, className, handlers }: DescribedPlugin, instance: object): void {
  const wrong = handlers.find(({ method }) => !isRunnable(instance, method));
  if (!wrong) return;
  const message = `${className}.${wrong.method} is no method that can be run once the plugin is built`;
  throw new JetplugError('JP_HANDLER_NOT_A_METHOD', message, { plugin: name, ...wrong.where });
}

async function start(plugin: DescribedPlugin, instance: PluginLifecycle): Promise<void> {
  try {
    await instance.onStart?.();
  } catch (error) {
    throw lifecycleError('JP_PLUGIN_START_FAILED', 'onStart', plugin, error);
  }
}

/** An error of `onStart` or `onStop`, with its place in the plugin's file. */
export function lifecycleError(
  code: 'JP_PLUGIN_START_FAILED' | 'JP_PLUGIN_STOP_FAILED',
  method: string,
  plugin: PluginDefinition,
  thrown: unknown,
): JetplugError {
  const cause = plainError(thrown);
  const message = isErrorLike(thrown) ? `${cause.name}: ${cause.message}` : `it threw ${cause.message}`;
  const place = placeIn(plugin.sources, cause) ?? plugin.where;
  return new JetplugError(code, `${plugin.className}.${method}: ${message}`, { plugin: plugin.name, ...place, cause });
}
