import { CheckpointRegressed, type CheckpointStore } from './checkpoint';

export interface BucketDoubtOptions {
  readonly checkpoints: CheckpointStore;
  /** Reads the texts that the bucket needs from the log again, because the bucket is an older one. */
  startOver(): Promise<void>;
}

/** Whether the bucket may be an older one than this host has written. The bucket gets no checkpoint meanwhile. */
export class BucketDoubt {
  private doubt: 'none' | 'check' | 'lost' = 'none';
  private losses = 0;
  private resolving: Promise<void> | undefined;

  constructor(private readonly options: BucketDoubtOptions) {}

  get isNone(): boolean {
    return this.doubt === 'none';
  }

  /** Notes that the server has returned from an absence, perhaps with an older bucket. */
  noteReturn(): void {
    if (this.isNone) this.doubt = 'check';
  }

  /** Notes that the bucket was lost or replaced by an older one. */
  noteLost(): void {
    this.doubt = 'lost';
    this.losses++;
  }

  /** Finds out which texts the bucket has. Calls at the same time share one search. */
  resolve(): Promise<void> {
    const search = this.doubt === 'lost' ? () => this.startOver() : () => this.check();
    return (this.resolving ??= search().finally(() => (this.resolving = undefined)));
  }

  private async check(): Promise<void> {
    const { checkpoints } = this.options;
    await checkpoints.read();
    if (checkpoints.hasRegressed) throw new CheckpointRegressed('the bucket is an older one');
    if (this.doubt === 'check') this.doubt = 'none';
  }

  private async startOver(): Promise<void> {
    const { losses } = this;
    await this.options.startOver();
    // The bucket may have been lost once more meanwhile.
    if (losses === this.losses) this.doubt = 'none';
  }
}
