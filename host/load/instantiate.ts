import { injectable, type DependencyContainer } from 'tsyringe';
import type { Middleware } from '../../sdk';
import { isJetplugError, JetplugError, type PluginClass, type PluginLifecycle } from '../../sdk/internal';
import type { Handler } from '../message/handler';
import { inBackgroundOf } from '../message/run';
import { listIssues } from '../message/validate';
import { isErrorLike, plainError } from '../base/plain-error';
import { showThrown } from '../base/thrown';
import { classesOf } from './dependencies';
import type { DescribedPlugin, PluginDefinition } from './describe';
import { isRunnable } from './handler-form';
import { injectableFor, openInjectables, type PluginServices } from './injectables';
import { middlewareClasses, nameOfMiddleware, type DeclaredMiddleware } from './middleware';
import { chain, type BuiltMiddleware, type ChainedHandler } from './middleware-chain';
import { unknownSetting } from './unknown-settings';
import { createPluginContainer, provideServices } from './plugin-container';
import { placeIn } from './source-place';

/** A plugin's instance in a container of its own. */
export interface InstantiatedPlugin {
  readonly instance: PluginLifecycle & Record<string, unknown>;
  /** The middleware around each handler that has any, by the handler's method; the outermost first. */
  readonly middleware: ReadonlyMap<string, readonly BuiltMiddleware[]>;
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
    const built = inBackgroundOf(plugin.name, () => buildAll(plugin, child));
    assertRunnable(plugin, built.instance);
    return { ...built, release };
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

/** Builds the plugin, and each class of its middleware once. */
function buildAll(plugin: DescribedPlugin, child: DependencyContainer): Omit<InstantiatedPlugin, 'release'> {
  const instance = build(plugin, plugin.cls, child) as InstantiatedPlugin['instance'];
  const built = new Map<DeclaredMiddleware, Middleware>(
    middlewareClasses(plugin.middleware).map((cls) => [cls, build(plugin, cls, child) as Middleware]),
  );
  const callable = (declared: DeclaredMiddleware): BuiltMiddleware => {
    const own = built.get(declared);
    const call = own ? (...args: Parameters<Middleware['handle']>) => own.handle(...args) : declared;
    return { name: nameOfMiddleware(declared), call: call as BuiltMiddleware['call'] };
  };
  const used = [...plugin.middleware].filter(([, declared]) => declared.length > 0);
  return { instance, middleware: new Map(used.map(([method, declared]) => [method, declared.map(callable)])) };
}

/**
 * Returns the function that calls a handler. Without middleware it calls the method alone.
 * @param assertLive throws `JP_RUN_OVER` if the call in which the caller runs has ended
 */
export function handlerOf(
  { instance, middleware }: InstantiatedPlugin,
  { name, handlers }: PluginDefinition,
  method: string,
  assertLive: ChainedHandler['assertLive'],
): Handler['invoke'] {
  const body = instance[method] as Handler['invoke'];
  const { where } = handlers.find((one) => one.method === method)!;
  const invoke: Handler['invoke'] = (event, context) => body.call(instance, event, context);
  return chain(middleware.get(method) ?? [], invoke, { plugin: name, where, assertLive });
}

function build(plugin: DescribedPlugin, cls: PluginClass, child: DependencyContainer): object {
  try {
    // A plugin's class has only the SDK's decorator, perhaps of another copy of the SDK; tsyringe does not know it yet.
    for (const one of classesOf(cls, child)) injectable()(one);
    return child.resolve(cls);
  } catch (error) {
    const cause = plainError(error);
    const place = placeIn(plugin.sources, cause);
    const message = isErrorLike(error) ? cause.message : `it threw ${cause.message}`;
    // tsyringe wraps the error of a constructor in a message of its own about the chain of dependencies.
    const injecting = /^(Cannot inject|TypeInfo not known|Attempted to (resolve|construct))/.test(message) && !place;
    const code = injecting ? 'JP_INJECT_FAILED' : 'JP_PLUGIN_CONSTRUCTOR_FAILED';
    throw new JetplugError(code, `${cls.name}: ${message}`, {
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
