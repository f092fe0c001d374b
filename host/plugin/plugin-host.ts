import type { Clock } from '../../sdk';
import type { Config, SourceOf } from '../config/config';
import type { KeyValue } from '../effects/key-value';
import type { LongTexts } from '../effects/long-texts';
import type { PartedLog } from '../log';
import type { DeadLetters } from '../message/ports';
import type { RetryRoad } from '../message/ports';
import type { Wakes } from '../nats/wakes';
import type { Time } from '../time';
import type { Outgoing } from '../message/ports';
import type { SuspectTurns } from '../message/suspects';
import type { Sweep } from '../message/sweep';
import type { StreamState } from '../nats/streams';
import type { PluginDefinition } from './describe';
import type { PluginBroker } from './plugin-broker';

/** What the host offers to every plugin's life. */
export interface PluginHost {
  readonly config: Config;
  /** Where its values are written; absent where they are in no file. */
  readonly sourceOf?: SourceOf;
  readonly broker: PluginBroker;
  readonly streams: readonly StreamState[];
  readonly clock: Clock;
  readonly time: Time;
  readonly log: PartedLog;
  readonly outgoing: Outgoing;
  readonly deadLetters: DeadLetters;
  readonly road: RetryRoad;
  readonly wakes: Pick<Wakes, 'on'>;
  /** The host's own bucket. */
  readonly records: KeyValue;
  /** Long texts in it. */
  readonly texts: LongTexts;
  readonly sweep: Sweep;
  readonly suspects: SuspectTurns;
  /**
   * Takes a plugin's name and durables for its file.
   * @throws JetplugError `JP_PLUGIN_DUPLICATE_NAME` or `JP_PLUGIN_DUPLICATE_DURABLE` when another file has one of them
   */
  claim(plugin: PluginDefinition): void;
}
