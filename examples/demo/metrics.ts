/** The counts of one handler since its host started, and its position in the stream. */
export interface HandlerMetrics {
  readonly plugin: string;
  readonly handler: string;
  readonly handled: number;
  readonly deadLettered: number;
  /** Events not delivered yet. */
  readonly pending: number;
  /** Events delivered and not settled, including those that wait for a retry. */
  readonly inFlight: number;
}

const FIELDS = {
  handled_total: 'handled',
  dead_lettered_total: 'deadLettered',
  pending: 'pending',
  in_flight: 'inFlight',
} as const;
const SAMPLE =
  /^jetplug_(handled_total|dead_lettered_total|pending|in_flight)\{plugin="([^"]+)",handler="([^"]+)"\} (\d+)$/gm;

/** Reads the text of the host's `/metrics`. */
export function parseMetrics(text: string): HandlerMetrics[] {
  const handlers = new Map<string, { -readonly [K in keyof HandlerMetrics]: HandlerMetrics[K] }>();
  for (const [, name, plugin, handler, value] of text.matchAll(SAMPLE)) {
    const key = `${plugin}.${handler}`;
    const one = handlers.get(key) ?? {
      plugin: plugin!,
      handler: handler!,
      handled: 0,
      deadLettered: 0,
      pending: 0,
      inFlight: 0,
    };
    one[FIELDS[name as keyof typeof FIELDS]] = Number(value);
    handlers.set(key, one);
  }
  return [...handlers.values()];
}
