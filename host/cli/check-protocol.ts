import type { Config } from '../config/config';
import type { WireError } from '../isolation/wire-error';
import type { Claimant } from '../plugin/name-registry';
import type { Location } from '../../sdk/internal';

/** The message from `jetplug check` to the process that loads and builds the plugins. */
export interface CheckOrder {
  readonly files: readonly string[];
  readonly config: Pick<Config, 'deploy' | 'plugins' | 'streams' | 'delivery'>;
  /** Whether plugins are started and stopped as well. */
  readonly start: boolean;
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
      readonly problems: readonly WireError[];
      /** Findings that do not stop a host from running the plugin. */
      readonly warnings: readonly WireError[];
    };

export type CheckStep = 'its module' | 'its settings schema' | 'its constructor' | 'onStart' | 'onStop';
