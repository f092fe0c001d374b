/** The hosts of a deployment that run handlers of which each runs on one host at a time. */
export interface HostGroup {
  /** Identifies this host. */
  readonly host: string;
  /** How many such handlers each of the other hosts runs, by host. */
  readonly others: ReadonlyMap<string, number>;
  /** Makes this host one of the group: the other hosts notice it at once. */
  join(member: GroupMember): void;
  /** Takes this host out of the group: the other hosts notice it at once. */
  leave(): void;
}

/** This host, as a member of the group. */
export interface GroupMember {
  /** How many handlers this host runs of which each runs on one host at a time. */
  held(): number;
  /** Called when a host joins or leaves. */
  changed(): void;
}
