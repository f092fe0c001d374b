import { drawsOf, type Draw } from '../support/draws';

/** The random choices of one schedule. The same seed makes the same choices. */
export class Dice {
  private readonly draw: Draw;

  constructor(seed: number) {
    this.draw = drawsOf(seed);
  }

  /** A number in [0, 1). */
  readonly fraction = (): number => this.draw(2 ** 30) / 2 ** 30;

  /** A whole number from 0 to `count - 1`. */
  below(count: number): number {
    return this.draw(count);
  }

  between(least: number, most: number): number {
    return least + this.fraction() * (most - least);
  }

  chance(share: number): boolean {
    return share > 0 && this.fraction() < share;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.draw(list.length)]!;
  }

  /** Picks this many of the list, in the list's order. */
  some<T>(list: readonly T[], count: number): T[] {
    const left = [...list];
    while (left.length > count) left.splice(this.draw(left.length), 1);
    return left;
  }
}
