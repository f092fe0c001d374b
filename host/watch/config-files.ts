import { isDeepStrictEqual } from 'node:util';
import { isJetplugError } from '../../sdk/internal';
import type { Config, LoadedConfig } from '../config/config';
import type { PartedLog } from '../log/log';
import type { Plugins } from '../plugin/plugins';
import { SettledFiles, stampOf } from './settled-files';

/** The interval of the checks. The files are polled, because each may be missing, a link, or replaced as a whole. */
const POLL_MS = 250;

/** Where the config comes from. */
export interface ConfigSource {
  /** The files of all layers, including those that do not exist. */
  readonly files: readonly string[];
  /** @throws JetplugError, or an AggregateError of several, when the config is invalid */
  load(): LoadedConfig;
}

/** Follows the config files. Changes of plugin sections and of the middleware take effect at once; an invalid config is never used. */
export class ConfigFiles {
  private readonly files: SettledFiles;
  private timer: NodeJS.Timeout | undefined;
  private readonly stamps = new Map<string, string | undefined>();

  /**
   * @param changed called with the config in effect after each change of a file, even if no value has changed but only
   * its file or line
   */
  constructor(
    private config: Config,
    private readonly source: ConfigSource,
    private readonly plugins: Plugins,
    private readonly log: PartedLog,
    private readonly changed: (written: LoadedConfig) => void,
  ) {
    this.files = new SettledFiles((paths) => {
      this.apply(paths).catch((error: unknown) => log.error('a changed config could not be applied', { err: error }));
    });
  }

  start(): void {
    for (const file of this.source.files) this.stamps.set(file, stampOf(file));
    this.timer = setInterval(() => this.poll(), POLL_MS);
  }

  stop(): void {
    clearInterval(this.timer);
    this.files.stop();
  }

  private poll(): void {
    for (const [file, before] of this.stamps) {
      const stamp = stampOf(file);
      if (stamp === before) continue;
      this.stamps.set(file, stamp);
      this.files.changed(file);
    }
  }

  private async apply(files: readonly string[]): Promise<void> {
    let loaded: LoadedConfig;
    try {
      loaded = this.source.load();
    } catch (error) {
      return this.reportInvalid(error);
    }
    const { config: written, sourceOf } = loaded;
    const { defaults, sections, use } = written.plugins;
    const config = { ...this.config, plugins: { ...this.config.plugins, defaults, sections, use } };
    const later = keysOf(written).filter((key) => !isDeepStrictEqual(written[key], config[key]));
    if (later.length > 0)
      this.log.warn('the config has changed where it takes effect at the next start', { files, sections: later });
    this.changed({ config, sourceOf });
    if (isDeepStrictEqual(config, this.config)) return;
    this.config = config;
    this.log.info('the config has changed', { files });
    await this.plugins.reconfigure(config);
  }

  private reportInvalid(error: unknown): void {
    for (const one of error instanceof AggregateError ? (error.errors as unknown[]) : [error]) {
      const details = isJetplugError(one)
        ? { code: one.code, error: one.message, hint: one.hint, file: one.file, line: one.line }
        : { err: one };
      this.log.error('the config is invalid; nothing changes', details);
    }
  }
}

function keysOf(config: Config): (keyof Config)[] {
  return Object.keys(config) as (keyof Config)[];
}
