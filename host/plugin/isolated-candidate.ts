import { LateTexts } from '../effects/late-texts';
import type { StoreTexts } from '../effects/text-store';
import { IsolatedPlugin, processStarts } from '../isolation/isolated-plugin';
import type { PluginDefinition } from '../load/describe';
import { nameByFile, type PluginFile } from '../load/discover';
import { providersFileIn } from '../load/folder-providers';
import type { IsolatedPolicy } from '../load/isolation-options';
import { readModules } from '../load/module-graph';
import type { Candidate, DescribedCandidate } from './candidate';
import type { PluginHost } from './plugin-host';
import { busOf, settingsOf } from './plugin-services';
import { PluginStore } from './plugin-store';
import { withinStartLimit } from './start-limit';
import { PluginVersion } from './version';

/** Compiles a plugin's file to run in a process of its own. Waits first until the process may start. */
export async function compileIsolated(file: PluginFile, policy: IsolatedPolicy, host: PluginHost): Promise<Candidate> {
  // The time limit of the start begins after this wait.
  const endStart = await acquireStart();
  try {
    const { config, log, time } = host;
    const providers = providersFileIn(file.root);
    const modules = readModules(file.file, [...config.plugins.use, ...(providers === undefined ? [] : [providers])]);
    const plugins = { ...config.plugins, providers };
    const plugin = new IsolatedPlugin({ file: file.file, modules, plugins, policy, log, time });
    return new IsolatedCandidate(plugin, file, host, endStart);
  } catch (error) {
    endStart();
    throw error;
  }
}

/** A plugin whose code runs in a process of its own. The process describes it. */
class IsolatedCandidate implements Candidate {
  constructor(
    private readonly plugin: IsolatedPlugin,
    private readonly file: PluginFile,
    private readonly host: PluginHost,
    private readonly endStart: () => void,
  ) {}

  async describe(): Promise<DescribedCandidate> {
    const { plugin, host, endStart } = this;
    const { file } = this.file;
    const name = nameByFile(file);
    const known = { name, className: name, where: { file, line: 1 } };
    await withinStartLimit(plugin.load(), known, host, () => plugin.end());
    return new DescribedIsolated(plugin, host, endStart);
  }

  close(): void {
    this.plugin.end();
    this.endStart();
  }
}

class DescribedIsolated implements DescribedCandidate {
  readonly definition: PluginDefinition;
  private readonly store: PluginStore;

  constructor(
    private readonly plugin: IsolatedPlugin,
    private readonly host: PluginHost,
    private readonly endStart: () => void,
  ) {
    this.definition = plugin.definition;
    this.store = new PluginStore(plugin.definition.name, host);
  }

  async instantiate(): Promise<PluginVersion> {
    const { plugin, definition, host, store } = this;
    await store.enter();
    await withinStartLimit(this.start(), definition, host, () => plugin.end());
    this.endStart();
    return new PluginVersion(definition, plugin, host.log, () => store.release());
  }

  close(): void {
    this.store.release();
    this.plugin.end();
    this.endStart();
  }

  private async start(): Promise<void> {
    const { plugin, definition, host, store } = this;
    const openTexts = (): Promise<StoreTexts> => store.openTexts();
    const texts = definition.services.includes('store') ? await openTexts() : new LateTexts(openTexts);
    await plugin.start(settingsOf(definition, host), { texts, bus: busOf(host) });
  }
}

/** Resolves when the process may start, with the function that lets the next one start. */
function acquireStart(): Promise<() => void> {
  return new Promise((acquired) => {
    void processStarts.take(() => new Promise<void>((release) => acquired(release)));
  });
}
