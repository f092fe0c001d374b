import { setTimeout as sleep } from 'node:timers/promises';
import type { StreamInfo } from 'nats';
import type { Logger } from '../../sdk';
import type { Connection } from './connection';
import { API_ERROR, apiErrorCode, asBrokerError } from './failures';
import { streamCreated } from './streams';

/** A stream, or the stream under a bucket, that its keeper cannot do without. */
export interface KeptStream {
  readonly name: string;
  /** What is lost with it, for the log. */
  readonly what: string;
  /** False: somebody else makes it, and this host waits for it. Default true. */
  readonly managed?: boolean;
  /** Makes it where it is missing. Rejects where there is one that the host must not use. */
  make(): Promise<unknown>;
  /** It is another one from now on: empty, and its sequences count anew. */
  renewed?(): void;
}

/** How often it is noted what the streams hold, so that a loss can be told in figures, and whether they are there. */
const NOTE_MS = 30_000;
const RETRY_MS = 1_000;

/**
 * Sees to it that the streams which the host needs are there: a server may come back without its data.
 * Looks after each reconnect and every 30 s, one request a stream for all that need it; makes again what is
 * gone, and says what was lost.
 */
export class StreamKeeper {
  private readonly entries = new Map<string, Entry>();
  /** What is to be asked, and has not begun. */
  private readonly asked = new Map<string, Promise<string>>();
  /** What was asked last, of each stream. */
  private readonly asking = new Map<string, Promise<string>>();
  private readonly noteTimer: NodeJS.Timeout;
  private readonly unwatch: () => void;
  private stopped = false;

  constructor(
    private readonly connection: Connection,
    private readonly log: Logger,
  ) {
    this.unwatch = connection.onReconnect(() => this.entries.forEach((entry) => this.startCheck(entry)));
    this.noteTimer = setInterval(() => void this.note(), NOTE_MS).unref();
  }

  /** The streams that are gone and cannot be made again yet. */
  get missing(): string[] {
    return [...this.entries.values()].filter((entry) => entry.missing).map(({ name }) => name);
  }

  /** Keeps the stream, which is there now; the result ends that. */
  async keep(stream: KeptStream): Promise<() => void> {
    const { name } = stream;
    const info = await this.connection.jsm.streams.info(name).catch((error: unknown) => {
      throw asBrokerError(error, `stream ${name}`);
    });
    const entry = this.entries.get(name) ?? new Entry(name, info);
    this.entries.set(name, entry);
    entry.keepers.add(stream);
    return () => {
      entry.keepers.delete(stream);
      if (entry.keepers.size === 0) this.entries.delete(name);
    };
  }

  /** Somebody was told that the stream is not there: looks, unless it has just been done. */
  suspect(name: string): void {
    const entry = this.entries.get(name);
    if (entry && performance.now() - entry.checkedAtMs > RETRY_MS) this.startCheck(entry);
  }

  /** Resolves when none of the streams is being looked at. */
  async whenChecked(...names: string[]): Promise<void> {
    for (const name of names) await this.entries.get(name)?.checking;
  }

  /** When the stream was made. Many handlers ask at a time: they share a request, which begins when they have asked and the one before has ended. */
  created(name: string): Promise<string> {
    const shared = this.asked.get(name);
    if (shared) return shared;
    const turn = new Promise((resolve) => setImmediate(resolve));
    const asking = Promise.allSettled([turn, this.asking.get(name)]).then(async () => {
      this.asked.delete(name);
      const created = await streamCreated(this.connection, name);
      // It is another one, so whose it is must be looked at before the next reconnect.
      if (created !== this.entries.get(name)?.created) this.suspect(name);
      return created;
    });
    this.asked.set(name, asking);
    this.asking.set(name, asking);
    return asking;
  }

  stop(): void {
    this.stopped = true;
    this.unwatch();
    clearInterval(this.noteTimer);
  }

  private startCheck(entry: Entry): void {
    if (entry.checking) {
      entry.again = true;
      return;
    }
    entry.checking = this.check(entry).finally(() => {
      entry.checkedAtMs = performance.now();
      entry.checking = undefined;
      // The connection was lost and came back meanwhile.
      if (entry.again) this.startCheck(entry);
    });
  }

  /** Looks, and makes it again, for as long as that takes or the connection stands. */
  private async check(entry: Entry): Promise<void> {
    entry.again = false;
    for (let tries = 0; !this.stopped && this.connection.connected; tries++) {
      try {
        await this.restore(entry);
        entry.missing = false;
        return;
      } catch (error) {
        // One line says it; what goes on failing fails for the same reason.
        if (tries === 0)
          this.log.warn('a stream cannot be looked at or made again yet', { stream: entry.name, err: error });
        await sleep(RETRY_MS);
      }
    }
  }

  private async restore(entry: Entry): Promise<void> {
    const found = await this.find(entry.name);
    if (found?.created === entry.created) return entry.note(found);
    if (!entry.missing) this.lose(entry);
    entry.missing = true;
    // Another host may have made it already, and so may an application that has nothing to do with this deployment.
    await [...entry.keepers][0]?.make();
    const made = await this.find(entry.name);
    if (!made) throw new Error('it was made, and is not there');
    entry.renew(made);
  }

  private lose({ name, keepers, messages, lastSequence, notedAtMs }: Entry): void {
    const [keeper] = keepers;
    const next = keeper?.managed === false ? 'this deployment does not manage it and waits for it' : 'it is made again';
    this.log.error(`a stream is lost with what it held; ${next}`, {
      lost: keeper?.what,
      stream: name,
      messages,
      lastSequence,
      asOf: new Date(notedAtMs).toISOString(),
    });
    for (const keeper of keepers) keeper.renewed?.();
  }

  private async find(name: string): Promise<StreamInfo | undefined> {
    try {
      return await this.connection.jsm.streams.info(name);
    } catch (error) {
      if (apiErrorCode(error) === API_ERROR.streamNotFound) return undefined;
      throw asBrokerError(error, `stream ${name}`);
    }
  }

  private async note(): Promise<void> {
    for (const entry of this.entries.values()) {
      if (!this.connection.connected || this.stopped) return;
      try {
        const found = await this.find(entry.name);
        if (found?.created === entry.created) entry.note(found);
        // Somebody deleted it under the running host; what is there now may be another application's.
        else this.startCheck(entry);
      } catch (error) {
        // The figures stay as old as they are; whoever needs the stream will say more.
        this.log.debug('what a stream holds could not be noted', { stream: entry.name, err: error });
      }
    }
  }
}

/** A stream that is kept, and what was last known of it. */
class Entry {
  readonly keepers = new Set<KeptStream>();
  created: string;
  messages = 0;
  lastSequence = 0;
  notedAtMs = 0;
  missing = false;
  checking: Promise<void> | undefined;
  checkedAtMs = 0;
  again = false;

  constructor(
    readonly name: string,
    info: StreamInfo,
  ) {
    this.created = info.created;
    this.note(info);
  }

  note({ state }: StreamInfo): void {
    this.messages = state.messages;
    this.lastSequence = state.last_seq;
    this.notedAtMs = Date.now();
  }

  renew(info: StreamInfo): void {
    this.created = info.created;
    this.note(info);
  }
}
