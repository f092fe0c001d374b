/** How many subjects the records are spread over, so that the records of one tree are found without reading all. */
export const GROUPS = 16;

/**
 * Returns the group of a tree of events by its root. All records of a tree are in one group.
 */
export function groupOf(root: string): number {
  return hash(root) % GROUPS;
}

/**
 * Whether a tree of events is recorded. All hosts decide alike, so a tree is recorded whole or not at all.
 * @param share the share of the trees that are recorded, from 0 to 1
 */
export function isSampled(root: string, share: number): boolean {
  if (share >= 1) return true;
  if (share <= 0) return false;
  // Other bits than those that choose the group.
  return (hash(root) >>> 8) / 0x1000000 < share;
}

/** FNV-1a with a final mix, because ids that differ in their last character alone must be spread, too. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35);
  return (value ^ (value >>> 16)) >>> 0;
}
