import type { Config } from '../config/config';
import type { WireError } from '../isolation/wire-error';
import type { Claimant } from '../plugin/name-registry';
import type { Location } from '../../sdk/internal';

/** What `check` sends to the process that loads and builds plugins for it. */
export interface CheckOrder {
  readonly files: readonly string[];
  readonly config: Pick<Config, 'deploy' | 'plugins' | 'streams' | 'delivery'>;
  /** Whether plugins are started and stopped as well. */
  readonly start: boolean;
}

/** What that process answers, for one file after the other. */
export type CheckMessage =
  /** Before the author's code runs: if the process ends or hangs, this is what it was at. */
  | { readonly is: 'at'; readonly file: string; readonly step: CheckStep; readonly where: Location }
  | {
      readonly is: 'checked';
      readonly file: string;
      /** Absent where the plugin could not be read. */
      readonly plugin?: Claimant | undefined;
      readonly problems: readonly WireError[];
      /** What is no problem for a host, and should be otherwise. */
      readonly warnings: readonly WireError[];
    };

export type CheckStep = 'its module' | 'its settings schema' | 'its constructor' | 'onStart' | 'onStop';
