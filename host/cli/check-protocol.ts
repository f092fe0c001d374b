import type { Config } from '../config/config';
import type { WireError } from '../isolation/wire-error';
import type { ContractRecord } from '../plugin/contract-record';
import type { PluginAssets } from '../plugin/plugin-assets';
import type { Claimant } from '../plugin/name-registry';
import type { Location } from '../../sdk/internal';

/** The sections of the config that the process needs. Secrets stay in the command. */
export type CheckConfig = Pick<Config, 'deploy' | 'plugins' | 'streams' | 'delivery' | 'deadLetters'>;

/** The message from `jetplug check`, `docs` or `plan` to the process that loads and builds the plugins. */
export interface CheckOrder {
  readonly files: readonly string[];
  readonly config: CheckConfig;
  /**
   * How far each plugin is taken. `assets`: it is described, and its assets on the server are listed. A plugin that is
   * started is stopped as well.
   */
  readonly until: 'assets' | 'described' | 'built' | 'started';
}

/** The messages from that process, for one file after the other. */
export type CheckMessage =
  /** The message before a step that runs the author's code. It names the step, in case the process ends or hangs. */
  | { readonly is: 'at'; readonly file: string; readonly step: CheckStep; readonly where: Location }
  | {
      readonly is: 'checked';
      readonly file: string;
      /** Absent where the plugin could not be read. */
      readonly plugin?: Claimant | undefined;
      /** Absent where the plugin could not be described. */
      readonly contracts?: ContractRecord | undefined;
      /** Present where the assets of the plugins are asked for. */
      readonly assets?: PluginAssets | undefined;
      readonly problems: readonly WireError[];
      /** Findings that do not stop a host from running the plugin. */
      readonly warnings: readonly WireError[];
    };

export type CheckStep = 'its module' | 'its settings schema' | 'its constructor' | 'onStart' | 'onStop';
