import type { Connection } from './connection';
import { streamNames } from './streams';
import { logStreamName } from './wanted-streams';

/** A subject that the streams under all commit logs and buckets have among theirs. */
const ALL = '$KV.*.commit';

/** Finds out which plugins have a bucket or a commit log. Many plugins start at a time, so they share the requests. */
export class PluginStreams {
  private next: Promise<ReadonlySet<string> | undefined> | undefined;

  constructor(private readonly connection: Connection) {}

  /** Whether the plugin has a bucket or a commit log; also true if the server does not tell. */
  async mayExist(plugin: string): Promise<boolean> {
    const names = await (this.next ??= this.inNextTurn());
    return !names || names.has(`KV_jetplug-${plugin}`) || names.has(logStreamName(plugin));
  }

  private async inNextTurn(): Promise<ReadonlySet<string> | undefined> {
    await new Promise((resolve) => setImmediate(resolve));
    // A later call may be about a stream that is created meanwhile.
    this.next = undefined;
    return streamNames(this.connection, ALL).catch(() => undefined); // The credentials may not permit the request.
  }
}
