/** Reads server-sent events. */
export class EventSourceReader {
  private readonly seen: { readonly name: string; readonly data: unknown }[] = [];

  private constructor(private readonly abort: AbortController) {}

  static async open(url: string): Promise<EventSourceReader> {
    const abort = new AbortController();
    const response = await fetch(url, { signal: abort.signal });
    if (response.status !== 200) throw new Error(`${url} answers ${response.status}`);
    const reader = new EventSourceReader(abort);
    void reader.read(response.body!).catch(() => undefined);
    return reader;
  }

  /** The data of the last event of this name. */
  last(name: string): unknown {
    return this.seen.filter((event) => event.name === name).at(-1)?.data;
  }

  count(name: string): number {
    return this.seen.filter((event) => event.name === name).length;
  }

  close(): void {
    this.abort.abort();
  }

  private async read(body: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    let text = '';
    for await (const chunk of body) {
      text += decoder.decode(chunk, { stream: true });
      const events = text.split('\n\n');
      text = events.pop()!;
      for (const event of events) {
        const [, name, data] = /^event: (\w+)\ndata: (.*)$/.exec(event) ?? [];
        if (name !== undefined) this.seen.push({ name, data: JSON.parse(data!) });
      }
    }
  }
}
