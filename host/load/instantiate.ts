import { injectable, type DependencyContainer } from 'tsyringe';
import { isJetplugError, JetplugError, type PluginLifecycle } from '../../sdk/internal';
import { inBackgroundOf } from '../message/run';
import { listIssues } from '../message/validate';
import { isErrorLike, plainError } from '../base/plain-error';
import { showThrown } from '../base/thrown';
import { classesOf } from './dependencies';
import type { DescribedPlugin, PluginDefinition } from './describe';
import { isRunnable } from './handler-form';
import { injectableFor, openInjectables, type PluginServices } from './injectables';
import { unknownSetting } from './unknown-settings';
import { createPluginContainer, provideServices } from './plugin-container';
import { placeIn } from './source-place';

/** A plugin's instance in a container of its own. */
export interface InstantiatedPlugin {
  readonly instance: PluginLifecycle & Record<string, unknown>;
  /** Disposes of the objects that the container built. */
  release(): Promise<void>;
}

/**
 * Builds a plugin in its container, and starts it.
 * @throws JetplugError those of {@link construct}, and `JP_PLUGIN_START_FAILED`
 */
export async function instantiate(
  plugin: DescribedPlugin,
  services: PluginServices,
  settings: unknown,
): Promise<InstantiatedPlugin> {
  const built = await construct(plugin, services, settings);
  try {
    await inBackgroundOf(plugin.name, () => start(plugin, built.instance));
    return built;
  } catch (error) {
    await built.release();
    throw error;
  }
}

/**
 * Builds a plugin in its container, without starting it.
 * @param settings the settings in the plugin's section of the config, as written
 * @throws JetplugError `JP_PLUGIN_SETTINGS_INVALID`, `JP_PLUGIN_CONSTRUCTOR_FAILED`, `JP_INJECT_FAILED`, `JP_HANDLER_NOT_A_METHOD`
 */
export async function construct(
  plugin: DescribedPlugin,
  services: PluginServices,
  settings: unknown,
): Promise<InstantiatedPlugin> {
  const child = plugin.container ?? createPluginContainer();
  const release = async (): Promise<void> => child.dispose();
  try {
    const injectables = await openInjectables(services, plugin.services, await validSettings(plugin, settings));
    provideServices(child, (name, type) => injectableFor(name, type, injectables));
    const instance = inBackgroundOf(plugin.name, () => build(plugin, child));
    assertRunnable(plugin, instance);
    return { instance, release };
  } catch (error) {
    await release();
    throw error;
  }
}

/**
 * Validates a plugin's settings by its schema.
 * @throws JetplugError `JP_PLUGIN_SETTINGS_INVALID`
 */
export async function validSettings(plugin: DescribedPlugin, settings: unknown): Promise<unknown> {
  const given = settings ?? {};
  if (!plugin.settingsSchema) return given;
  const where = { plugin: plugin.name, ...plugin.where };
  const key = `plugins.${plugin.name}.settings`;
  try {
    const result = await plugin.settingsSchema['~standard'].validate(given);
    if (result.issues) {
      const [first, ...others] = result.issues;
      // The message begins with the key, from which the config finds the line.
      const at = `${key}${pathText(first?.path?.map((part) => (typeof part === 'object' ? part.key : part)) ?? [])}`;
      const issues = listIssues([{ message: first?.message ?? 'invalid' }, ...others]);
      throw new JetplugError('JP_PLUGIN_SETTINGS_INVALID', `${at}: ${issues}`, where);
    }
    const unknown = await unknownSetting(plugin.settingsSchema, given, result.value);
    if (unknown === undefined) return result.value;
    throw new JetplugError('JP_PLUGIN_SETTINGS_INVALID', `${key}${pathText(unknown.path)}: there is no such setting`, {
      ...where,
      hint: unknown.known.length > 0 ? `The settings here are: ${unknown.known.join(', ')}.` : 'Remove it.',
    });
  } catch (cause) {
    if (isJetplugError(cause)) throw cause;
    throw new JetplugError('JP_PLUGIN_SETTINGS_INVALID', `${key}: its schema threw: ${showThrown(cause)}`, {
      ...where,
      cause: plainError(cause),
    });
  }
}

/** Returns a path as text, such as `.milestones[0]`. */
function pathText(path: readonly PropertyKey[]): string {
  return path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`)).join('');
}

function build(plugin: DescribedPlugin, child: DependencyContainer): InstantiatedPlugin['instance'] {
  try {
    // A plugin's class has only the SDK's decorator, perhaps of another copy of the SDK; tsyringe does not know it yet.
    for (const cls of classesOf(plugin.cls, child)) injectable()(cls);
    return child.resolve(plugin.cls as never);
  } catch (error) {
    const cause = plainError(error);
    const place = placeIn(plugin.sources, cause);
    const message = isErrorLike(error) ? cause.message : `it threw ${cause.message}`;
    // tsyringe wraps the error of a constructor in a message of its own about the chain of dependencies.
    const injecting = /^(Cannot inject|TypeInfo not known|Attempted to (resolve|construct))/.test(message) && !place;
    const code = injecting ? 'JP_INJECT_FAILED' : 'JP_PLUGIN_CONSTRUCTOR_FAILED';
    throw new JetplugError(code, `${plugin.cls.name}: ${message}`, {
      plugin: plugin.name,
      ...(place ?? plugin.where),
      cause,
    });
  }
}

/**
 * Checks that each handler of the instance can be run.
 * @throws JetplugError `JP_HANDLER_NOT_A_METHOD`
 */
function assertRunnable({ name, className, handlers }: DescribedPlugin, instance: object): void {
  const wrong = handlers.find(({ method }) => !isRunnable(instance, method));
  if (!wrong) return;
  const message = `${className}.${wrong.method} is not a method that can be run in the built plugin`;
  throw new JetplugError('JP_HANDLER_NOT_A_METHOD', message, { plugin: name, ...wrong.where });
}

/**
 * Calls the plugin's `onStart`.
 * @throws JetplugError `JP_PLUGIN_START_FAILED`
 */
export async function start(plugin: DescribedPlugin, instance: PluginLifecycle): Promise<void> {
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
