/** The last values of a figure. A ring keeps at most `size` values. */
export class Ring {
  private readonly kept: number[] = [];

  constructor(private readonly size: number) {}

  push(value: number): void {
    this.kept.push(value);
    if (this.kept.length > this.size) this.kept.shift();
  }

  get values(): readonly number[] {
    return this.kept;
  }

  get last(): number {
    return this.kept.at(-1) ?? 0;
  }
}
