import { join } from 'node:path';
import { injectable, Lifecycle, type DependencyContainer } from 'tsyringe';
import type { Clock, Logger, Provider } from '../../sdk';
import { isJetplugError, JetplugError, type PluginClass, type PluginLifecycle } from '../../sdk/internal';
import { isErrorLike, plainError } from '../base/plain-error';
import { readMember } from '../base/thrown';
import { forgetClasses, noteClasses } from './classes';
import { classesOf, inspectDependencies, servicesOf } from './dependencies';
import { isPluginPlace } from './discover';
import { isFile } from './file-state';
import type { ModuleTexts } from './module-graph';
import { loadModules, type SharedModules } from './module-loader';
import { createPluginContainer, provideServices } from './plugin-container';
import { Provided } from './provided';
import { providersIn, tokenNameOf, tokenOfProvider, classOfProvider } from './provider-list';
import { placeIn, placeOf } from './source-place';

/** The host's services that a provider may inject. The others belong to one plugin. */
export interface ProviderServices {
  readonly logger: Logger;
  readonly clock: Clock;
}

const NAMES = ['providers.ts', 'providers.js'];

/** Returns the file with the providers of a plugins folder, if there is one. */
export function providersFileIn(root: string): string | undefined {
  return NAMES.map((name) => join(root, name)).find(isFile);
}

/** Whether a file is that with the providers of a plugins folder. */
export function isProvidersFile(file: string, root: string): boolean {
  return NAMES.some((name) => file === join(root, name));
}

/**
 * Loads the providers of a plugin's folder, if it has any.
 * @param dirs the plugins folders
 * @param texts texts to use in place of the files
 * @throws JetplugError `JP_PROVIDERS_NOT_LOADED`
 */
export function providersFor(file: string, dirs: readonly string[], texts?: ModuleTexts): FolderProviders | undefined {
  const root = dirs.find((dir) => isPluginPlace(file, dir));
  const found = root === undefined ? undefined : providersFileIn(root);
  return found === undefined ? undefined : FolderProviders.load(found, texts);
}

/** One version of a folder's providers: their modules, and the objects that the plugins of the folder share. */
export class FolderProviders implements SharedModules {
  readonly provided: Provided;
  /** The objects whose `onStart` has returned, in their order. */
  private readonly started: unknown[] = [];

  private constructor(
    readonly file: string,
    private readonly list: readonly Provider[],
    private readonly container: DependencyContainer,
    readonly sources: SharedModules['sources'],
    readonly texts: ModuleTexts,
    readonly modules: SharedModules['modules'],
    private readonly classes: readonly object[],
  ) {
    this.provided = new Provided(list.map(tokenOfProvider), container);
    for (const provider of list) register(provider, container);
  }

  /**
   * Loads a providers file, and builds nothing.
   * @throws JetplugError `JP_PROVIDERS_NOT_LOADED`, with file and line
   */
  static load(file: string, texts?: ModuleTexts): FolderProviders {
    try {
      const { loaded, classes } = noteClasses(() => loadModules(file, { texts }));
      const { exports, container, sources, texts: own, modules } = loaded;
      const list = providersIn(exports, file);
      const providers = new FolderProviders(file, list, container, sources, own, modules, classes);
      providers.check();
      return providers;
    } catch (thrown) {
      if (isJetplugError(thrown) && thrown.code === 'JP_PROVIDERS_NOT_LOADED') throw thrown;
      const cause = plainError(thrown);
      const { file: at = file, line } = isJetplugError(cause) ? cause : {};
      const message = `the providers cannot be loaded: ${cause.message}`;
      throw new JetplugError('JP_PROVIDERS_NOT_LOADED', message, {
        file: at,
        ...(line !== undefined && { line }),
        cause,
      });
    }
  }

  /** The providers that a test gives. */
  static of(list: readonly Provider[]): FolderProviders {
    const file = 'providers';
    const none = new Map<string, never>();
    const container = createPluginContainer();
    const providers = new FolderProviders(file, providersIn({ default: list }, file), container, none, none, none, []);
    providers.check();
    return providers;
  }

  /**
   * Builds the providers in their order, and starts none.
   * @throws JetplugError `JP_PROVIDERS_START_FAILED`
   */
  build(services: ProviderServices): void {
    provideServices(this.container, (name) => services[name as keyof ProviderServices]);
    for (const provider of this.list) this.buildOne(provider);
  }

  /**
   * Builds each provider and calls its `onStart`. If one fails, those before it are stopped.
   * @throws JetplugError `JP_PROVIDERS_START_FAILED`
   */
  async start(services: ProviderServices): Promise<void> {
    provideServices(this.container, (name) => services[name as keyof ProviderServices]);
    try {
      for (const provider of this.list) {
        const object = this.buildOne(provider);
        await hook(object, 'onStart').catch((thrown: unknown) => {
          throw this.startFailed(provider, thrown);
        });
        this.started.push(object);
      }
    } catch (error) {
      await this.stop(services.logger);
      throw error;
    }
  }

  /** Calls `onStop` of each provider, the last one first, and releases the objects. Logs what fails. */
  async stop(log: Logger): Promise<void> {
    for (const object of this.started.splice(0).reverse()) {
      try {
        await hook(object, 'onStop');
      } catch (thrown) {
        log.error('a provider did not stop cleanly', { file: this.file, err: plainError(thrown) });
      }
    }
    await this.container.dispose();
    forgetClasses([...this.classes, ...this.list.flatMap((provider) => classOfProvider(provider) ?? [])]);
  }

  private buildOne(provider: Provider): unknown {
    const cls = classOfProvider(provider);
    try {
      for (const one of cls ? classesOf(cls, this.container) : []) injectable()(one);
      return this.container.resolve(tokenOfProvider(provider) as never);
    } catch (thrown) {
      throw this.startFailed(provider, thrown);
    }
  }

  private startFailed(provider: Provider, thrown: unknown): JetplugError {
    const cause = plainError(thrown);
    const cls = classOfProvider(provider);
    const place =
      placeIn(this.sources, cause) ?? (cls ? placeOf(this.sources, cls.name) : { file: this.file, line: 1 });
    const why = isErrorLike(thrown) ? `${cause.name}: ${cause.message}` : `it threw ${cause.message}`;
    const message = `the provider ${tokenNameOf(tokenOfProvider(provider))} does not start: ${why}`;
    return new JetplugError('JP_PROVIDERS_START_FAILED', message, { ...place, cause });
  }

  /** @throws JetplugError `JP_PROVIDERS_NOT_LOADED` for a class that cannot be built */
  private check(): void {
    for (const provider of this.list) {
      const cls = classOfProvider(provider);
      if (cls) this.checkClass(cls);
    }
  }

  private checkClass(cls: PluginClass): void {
    const [problem] = inspectDependencies(cls, this.container, this.sources);
    const foreign = [...servicesOf(cls, this.container)].find((name) => name !== 'logger' && name !== 'clock');
    if (!problem && foreign === undefined) return;
    const message =
      problem?.message ?? `${cls.name} or a class that it injects asks for the ${foreign}, which belongs to one plugin`;
    const hint =
      problem?.hint ?? 'A provider may inject Logger, Clock and other providers. Pass it the rest in a call.';
    throw new JetplugError('JP_PROVIDERS_NOT_LOADED', message, {
      ...placeOf(this.sources, cls.name),
      hint,
      ...(problem && { cause: problem }),
    });
  }
}

function register(provider: Provider, container: DependencyContainer): void {
  const token = tokenOfProvider(provider) as never;
  const cls = classOfProvider(provider);
  if (cls) container.register(token, { useClass: cls }, { lifecycle: Lifecycle.Singleton });
  else container.register(token, { useValue: readMember(provider, 'useValue') });
}

async function hook(object: unknown, name: keyof PluginLifecycle): Promise<void> {
  const body = readMember(object, name);
  if (typeof body === 'function') await (body as () => unknown).call(object);
}
