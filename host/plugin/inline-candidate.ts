import { forgetClasses } from '../load/classes';
import { compile, type CompiledPlugin } from '../load/compile';
import { classesOf } from '../load/dependencies';
import { describe, type DescribedPlugin } from '../load/describe';
import type { PluginFile } from '../load/discover';
import { instantiate } from '../load/instantiate';
import { isIsolated } from '../load/isolation-options';
import { middlewareClasses } from '../load/middleware';
import { InlineCode } from '../load/plugin-code';
import { noteLineOfRun } from '../message/run-context';
import { RunLogger } from '../message/run-logger';
import type { Candidate, DescribedCandidate } from './candidate';
import { compileIsolated } from './isolated-candidate';
import type { PluginHost } from './plugin-host';
import { busOf, settingsOf } from './plugin-services';
import type { ProvidersLease } from './provider-folders';
import { PluginStore } from './plugin-store';
import { withinStartLimit } from './start-limit';
import { step } from './step';
import { PluginVersion } from './version';

/** Compiles a plugin's file to run in the host, with the providers of its folder. */
export async function compileInline(file: PluginFile, host: PluginHost): Promise<Candidate> {
  const providers = await host.providers?.take(file.root);
  try {
    const compiled = compile(file, { use: host.config.plugins.use, shared: providers?.shared });
    return new InlineCandidate(compiled, host, file, providers);
  } catch (error) {
    providers?.release();
    throw error;
  }
}

/** A plugin whose code runs in the host. */
export class InlineCandidate implements Candidate {
  /**
   * @param file absent where a test gives the class; then the plugin runs in the host, whatever isolation its options
   * ask for
   */
  constructor(
    private readonly compiled: CompiledPlugin,
    private readonly host: PluginHost,
    private readonly file?: PluginFile,
    private readonly providers?: ProvidersLease,
  ) {}

  async describe(): Promise<DescribedCandidate> {
    const { compiled, host, file, providers } = this;
    const definition = describe(compiled, host.config);
    if (!file || !isIsolated(definition.isolation)) return new DescribedInline(compiled, definition, host, providers);
    // The isolation could not be read from the source text, so the code was loaded here first.
    this.close();
    const log = host.log.child({ plugin: definition.name });
    return step(await compileIsolated(file, definition.isolation, host), (isolated) => isolated.describe(), log);
  }

  close(): void {
    this.providers?.release();
    forgetClasses(this.compiled.classes);
  }
}

class DescribedInline implements DescribedCandidate {
  private readonly store: PluginStore;

  constructor(
    private readonly compiled: CompiledPlugin,
    readonly definition: DescribedPlugin,
    private readonly host: PluginHost,
    private readonly providers: ProvidersLease | undefined,
  ) {
    this.store = new PluginStore(definition.name, host);
  }

  async instantiate(): Promise<PluginVersion> {
    const { definition, host, store } = this;
    await store.enter();
    const services = {
      log: new RunLogger(host.log.child({ plugin: definition.name }), {}, noteLineOfRun),
      clock: host.clock,
      bus: busOf(host),
      openTexts: () => store.openTexts(),
    };
    const instantiated = instantiate(definition, services, settingsOf(definition, host));
    const abandon = (): void =>
      void instantiated.then(
        (unused) => unused.release(),
        (error: unknown) =>
          host.log.warn('a plugin failed after its start was abandoned', { plugin: definition.name, err: error }),
      );
    const code = new InlineCode(await withinStartLimit(instantiated, definition, host, abandon), definition);
    return new PluginVersion(definition, code, host.log, () => this.close());
  }

  close(): void {
    const { compiled, definition } = this;
    this.store.release();
    this.providers?.release();
    forgetClasses([
      ...compiled.classes,
      ...(compiled.lateClasses ?? []),
      ...[definition.cls, ...middlewareClasses(definition.middleware)].flatMap((cls) =>
        classesOf(cls, definition.container),
      ),
    ]);
  }
}
