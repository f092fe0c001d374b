import type { Connection } from './connection';
import { logStreamName } from './wanted-streams';

/** A subject that the streams under all commit logs and buckets have among theirs. */
const ALL = '$KV.*.commit';

interface NamesPage {
  readonly total: number;
  readonly streams?: readonly string[] | null;
}

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
    return this.read().catch(() => undefined); // The credentials may not permit the request.
  }

  private async read(): Promise<ReadonlySet<string>> {
    const names = new Set<string>();
    for (;;) {
      const request = { subject: ALL, offset: names.size };
      const { total, streams } = await this.connection.requests.askApi<NamesPage>('STREAM.NAMES', request);
      const before = names.size;
      for (const name of streams ?? []) names.add(name);
      if (names.size >= total || names.size === before) return names;
    }
  }
}
