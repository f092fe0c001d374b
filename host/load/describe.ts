import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { DependencyContainer } from 'tsyringe';
import {
  handlerMarks,
  isJetplugError,
  JetplugError,
  kebabCase,
  pluginMark,
  pluginNameOf,
  type EventContract,
  type HandlerMark,
  type Location,
  type PluginClass,
} from '../../sdk/internal';
import type { Config } from '../config/config';
import { plainError } from '../base/plain-error';
import { isInstance } from '../base/thrown';
import type { CompiledPlugin } from './compile';
import { injectedOf, inspectDependencies, servicesOf, type Injected } from './dependencies';
import { assertMethod, staticHandlers } from './handler-form';
import { groupingOf } from './grouping';
import { assertListFits, eventOf } from './handler-event';
import { runOptionsOf, type HandlerLayers, type HandlerOptions } from './handler-options';
import { isolationOf, type IsolationLayers, type IsolationPolicy } from './isolation-options';
import { rateOf } from './rate';
import { middlewareClasses, nameOfMiddleware, type MiddlewareByMethod } from './middleware';
import { isolationOrigins, originsOf, type IsolationOrigins, type Origins } from './option-origins';
import { eventsOf, type PluginEvents } from './plugin-events';
import { assertPluginOptions } from './plugin-options';
import { placeIn, placeOf } from './source-place';

import type { TokenName } from './injectables';
import { middlewareOf } from './used-middleware';

/** A plugin as its decorators and the config describe it, before any of it is built. */
export interface PluginDefinition {
  readonly name: string;
  readonly file: string;
  readonly version: string;
  readonly description: string | undefined;
  readonly className: string;
  readonly where: Location;
  readonly handlers: readonly HandlerDefinition[];
  /** The isolation of the plugin's code, and the origin of each of these options. */
  readonly isolation: IsolationPolicy & { readonly origins: IsolationOrigins };
  /** The parameters of the plugin's constructor. */
  readonly injected: readonly Injected[];
  /** The host's services that the plugin or its dependencies inject, as far as is known before they are built. */
  readonly services: readonly TokenName[];
  readonly sources: CompiledPlugin['sources'];
  readonly events: PluginEvents;
}

/** A plugin whose class is loaded in this process. */
export interface DescribedPlugin extends PluginDefinition {
  readonly cls: PluginClass;
  /** The container in which its modules have registered; absent if the class did not come from a file. */
  readonly container: DependencyContainer | undefined;
  readonly settingsSchema: StandardSchemaV1 | undefined;
  readonly middleware: MiddlewareByMethod;
}

export interface HandlerDefinition extends HandlerOptions {
  readonly method: string;
  /** The method's name in kebab-case; for a method with `renamedFrom`, its earlier name. */
  readonly name: string;
  readonly subject: string;
  readonly contract: EventContract | undefined;
  readonly where: Location;
  /** The origin of each option. */
  readonly origins: Origins;
  /** The names of the middleware around the handler, the outermost first. */
  readonly middleware: readonly string[];
}

/**
 * Describes a plugin from the marks of its decorators and from the config.
 * @throws AggregateError of all problems, each a JetplugError with file and line
 */
export function describe(plugin: CompiledPlugin, config: Pick<Config, 'plugins'>): DescribedPlugin {
  try {
    return read(plugin, config);
  } catch (error) {
    if (isInstance(error, PluginProblems)) throw error;
    // A getter of the author's threw, or an option has a wrong type.
    throw unreadable(plugin, error);
  }
}

/** Distinguishes the host's own AggregateError from one of an author's code. */
class PluginProblems extends AggregateError {}

function unreadable({ cls, file, sources }: CompiledPlugin, thrown: unknown): AggregateError {
  const cause = plainError(thrown);
  const place = placeIn(sources, cause) ?? placeOf(sources, cls.name);
  const message = `the declarations of ${cls.name} cannot be read: ${cause.message}`;
  return new AggregateError(
    [new JetplugError('JP_PLUGIN_LOAD_FAILED', message, { ...place, cause })],
    `${file} cannot be used`,
  );
}

function read(plugin: CompiledPlugin, config: Pick<Config, 'plugins'>): DescribedPlugin {
  const { cls, file, sources, container } = plugin;
  const options = pluginMark(cls)!.options;
  const where = placeOf(sources, cls.name);
  const name = options.name ?? pluginNameOf(cls.name);
  const problems: JetplugError[] = [];
  const attempt = <T>(body: () => T): T | undefined => {
    try {
      return body();
    } catch (error) {
      if (!isJetplugError(error)) throw error;
      problems.push(error.with({ plugin: name, ...where }));
      return undefined;
    }
  };

  attempt(() => assertName(name, 'plugin'));
  attempt(() => assertPluginOptions(pluginMark(cls)!));
  const marks = handlerMarks(cls);
  const methods = marks.map(({ method }) => method);
  const middleware = middlewareOf(plugin, methods, (problem) => problems.push(problem.with({ plugin: name })));
  const owners = [cls, ...middlewareClasses(middleware)];
  const dependencies = new Map(
    owners
      .flatMap((owner) => inspectDependencies(owner, container, sources))
      .map((problem) => [problem.message, problem]),
  );
  for (const problem of dependencies.values()) problems.push(problem.with({ plugin: name, ...where }));
  const statics = staticHandlers(plugin);
  problems.push(...statics.map((problem) => problem.with({ plugin: name })));
  if (marks.length === 0 && statics.length === 0)
    problems.push(
      new JetplugError('JP_PLUGIN_NO_HANDLER', `${cls.name} has no @Subscribe method`, { plugin: name, ...where }),
    );
  const layers: HandlerLayers & IsolationLayers = {
    section: config.plugins.sections[name] ?? {},
    defaults: config.plugins.defaults,
  };
  const handlers = marks.map((mark) =>
    attempt(() => ({
      ...describeHandler(plugin, name, mark, layers),
      middleware: middleware.get(mark.method)!.map(nameOfMiddleware),
    })),
  );
  const isolation = attempt(() => isolationOf(options, layers));
  attempt(() => assertDistinct(handlers));

  if (problems.length > 0 || !isolation) throw new PluginProblems(problems, `${file} cannot be used`);
  const described = handlers.filter((handler) => handler !== undefined);
  const services = [...new Set(owners.flatMap((owner) => [...servicesOf(owner, container)]))];
  return {
    name,
    file,
    version: plugin.version,
    description: options.description,
    className: cls.name,
    cls,
    container,
    settingsSchema: options.settings,
    middleware,
    where,
    handlers: described,
    isolation: { ...isolation, origins: isolationOrigins(isolation, { plugin: name, where, sources }) },
    injected: injectedOf(cls, container),
    services,
    sources,
    events: eventsOf(plugin, described, services.includes('bus')),
  };
}

function describeHandler(
  plugin: CompiledPlugin,
  pluginName: string,
  mark: HandlerMark,
  layers: HandlerLayers,
): Omit<HandlerDefinition, 'middleware'> {
  assertMethod(plugin, mark.method);
  const where = placeOf(plugin.sources, plugin.cls.name, mark.method);
  try {
    const event = eventOf(plugin, mark);
    assertListFits(plugin, mark);
    const { run, layerOf } = runOptionsOf(mark, layers);
    const grouping = groupingOf(mark, event.contract);
    const rate = rateOf(mark);
    const name = nameOf(mark);
    const durable = mark.options.durable ?? `${pluginName}-${name}`;
    assertName(name, 'handler');
    assertName(durable, 'durable');
    const origins = originsOf(layerOf, { plugin: pluginName, where, sources: plugin.sources });
    return { method: mark.method, name, durable, where, ...event, ...run, ...grouping, rate, origins };
  } catch (error) {
    throw isJetplugError(error) ? error.with({ plugin: pluginName, ...where }) : error;
  }
}

/** @throws JetplugError `JP_HANDLER_OPTIONS` */
function nameOf({ method, options: { renamedFrom = method } }: HandlerMark): string {
  if (typeof renamedFrom === 'string') return kebabCase(renamedFrom);
  const message = `${method}: renamedFrom is a ${typeof renamedFrom}; it is the earlier name of the method`;
  throw new JetplugError('JP_HANDLER_OPTIONS', message);
}

function assertName(name: string, what: string): void {
  if (/^[a-z0-9](?:[a-z0-9_-]{0,62}[a-z0-9])?$/.test(name)) return;
  throw new JetplugError(
    'JP_PLUGIN_NAME_INVALID',
    `the ${what} name ${JSON.stringify(name)} is not 1–64 characters of a–z, 0–9, - and _`,
  );
}

function assertDistinct(handlers: readonly (HandlerDefinition | undefined)[]): void {
  const durables = new Map<string, HandlerDefinition>();
  const names = new Map<string, HandlerDefinition>();
  for (const handler of handlers) {
    if (!handler) continue;
    const sameDurable = durables.get(handler.durable);
    if (sameDurable) {
      const message = `${sameDurable.method} and ${handler.method} both have the durable ${handler.durable}`;
      throw new JetplugError('JP_PLUGIN_DUPLICATE_DURABLE', message, handler.where);
    }
    const sameName = names.get(handler.name);
    if (sameName) {
      const message = `${sameName.method} and ${handler.method} both have the name ${handler.name}`;
      const hint = 'renamedFrom is the earlier name of a method, which no other method has.';
      throw new JetplugError('JP_HANDLER_OPTIONS', message, { ...handler.where, hint });
    }
    durables.set(handler.durable, handler);
    names.set(handler.name, handler);
  }
}
