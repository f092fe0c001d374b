import type { StreamInfo } from './client';
import { ownershipOf } from './ownership';
import { changesOf, changeText } from './stream-changes';
import type { WantedStream } from './wanted-streams';

/** Finds out how a stream has been changed on the server while the host runs. */
export class StreamDrift {
  private wasOurs = false;

  constructor(
    private readonly wanted: WantedStream,
    private readonly deployment: string,
  ) {}

  /**
   * Returns the settings that differ from the config, as texts such as `maxAge 1h → 7d`: the present value, then that of
   * the config. A stream that this deployment does not manage has no such settings.
   */
  of({ config }: Pick<StreamInfo, 'config'>): string[] {
    const owner = ownershipOf(config.metadata, this.deployment);
    if (owner.kind === 'ours') this.wasOurs = true;
    else if (owner.kind === 'newer') return [];
    else if (!this.wasOurs || !this.wanted.managed) return [];
    else return [`mark ${owner.kind === 'unmarked' ? 'none' : owner.deployment} → ${this.deployment}`];
    return changesOf(this.wanted.settings, config).map(changeText);
  }
}
