/** The handlers of a host of which each runs on one host at a time. */
export interface ExclusiveHandlers {
  /** The names of those that the host can run, because it has their plugins. */
  readonly all: ReadonlySet<string>;
  /** The names of those that it runs, and counts as its share. */
  readonly held: ReadonlySet<string>;
}

/** The hosts of a deployment that have handlers of which each runs on one host at a time. */
export interface HostGroup {
  /** Identifies this host. */
  readonly host: string;
  /** The handlers of each of the other hosts, by host. */
  readonly others: ReadonlyMap<string, ExclusiveHandlers>;
  /** Makes this host one of the group: the other hosts notice it at once. */
  join(member: GroupMember): void;
  /** Takes this host out of the group: the other hosts notice it at once. */
  leave(): void;
}

/** This host, as a member of the group. */
export interface GroupMember {
  /** The handlers of this host. */
  readonly handlers: ExclusiveHandlers;
  /** Called when a host joins or leaves, or when the handlers that another host can run change. */
  changed(): void;
}
