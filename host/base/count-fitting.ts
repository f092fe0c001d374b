/** Counts the items at the head of a list whose sizes together fit into `maxSize`: at least one, if there is any. */
export function countFitting<T>(items: readonly T[], maxSize: number, sizeOf: (item: T) => number): number {
  let size = 0;
  for (let count = 0; count < items.length; count++) {
    size += sizeOf(items[count]!);
    if (count > 0 && size > maxSize) return count;
  }
  return items.length;
}
