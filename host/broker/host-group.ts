/** The hosts of a deployment that run handlers of which each runs on one host at a time. */
export interface HostGroup {
  /** How many hosts run, with this one. At least 1. */
  readonly size: number;
  /**
   * Makes this host one of the group: other hosts notice it at once.
   * @param changed called when a host joins or leaves
   */
  join(changed: () => void): void;
  /** Takes this host out of the group: other hosts notice it at once. */
  leave(): void;
}
