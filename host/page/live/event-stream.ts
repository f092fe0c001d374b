import type { ServerResponse } from 'node:http';

/** A client with this much unread data is too slow, and is dropped. It connects again by itself. */
const MAX_UNREAD_BYTES = 4 * 1024 * 1024;

/** One open stream of server-sent events. */
export class EventStream {
  constructor(private readonly response: Pick<ServerResponse, 'write' | 'end' | 'destroy' | 'writableLength'>) {}

  /** Sends an event that `eventText` has made. */
  send(text: string): void {
    if (this.response.writableLength > MAX_UNREAD_BYTES) this.response.destroy();
    else this.response.write(text);
  }

  end(): void {
    this.response.end();
  }
}

/** The text of an event. JSON has no line breaks, so its data is one line. */
export function eventText(name: string, value: unknown): string {
  return `event: ${name}\ndata: ${JSON.stringify(value)}\n\n`;
}

/** A comment, which clients ignore. Proxies keep the connection open because of it. */
export const HEARTBEAT = ':\n\n';
