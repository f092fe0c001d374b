/** How many lines of a trace are kept for a report. */
const KEPT = 20_000;

/** The steps of a schedule, in order. Their hash is the same for each run of the same seed. */
export class Trace {
  private lines: string[] = [];
  private hashed = 0x811c9dc5;

  constructor(private readonly nowMs: () => number) {}

  add(who: string, what: string): void {
    const line = `${this.nowMs().toFixed(3).padStart(12)}  ${who.padEnd(9)} ${what}`;
    let hash = this.hashed;
    for (let i = 0; i < line.length; i++) hash = Math.imul(hash ^ line.charCodeAt(i), 0x01000193);
    this.hashed = hash;
    this.lines.push(line);
    if (this.lines.length > 2 * KEPT) this.lines = this.lines.slice(-KEPT);
  }

  get hash(): string {
    return (this.hashed >>> 0).toString(16).padStart(8, '0');
  }

  /** The last lines. */
  tail(count: number): readonly string[] {
    return this.lines.slice(-count);
  }

  get all(): readonly string[] {
    return this.lines;
  }
}
