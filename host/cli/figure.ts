/** A number for a person, such as `10,000`. */
export function figure(count: number): string {
  return count.toLocaleString('en');
}
