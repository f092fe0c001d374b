/** Who changed what, when, and from where. */
export interface AuditEntry {
  readonly at: string;
  /** The token's name, or the user of a command as `user@machine`. */
  readonly who: string;
  /** `page`, or the command. */
  readonly via: string;
  /** The address of the browser; absent for a command. */
  readonly from?: string;
  /** Such as `pause`, `redrive`, `drop`, `publish`, `store.set`. */
  readonly action: string;
  /** The thing that was changed, such as `badge.award`. */
  readonly target: string;
  readonly detail?: Readonly<Record<string, unknown>>;
  /** `started`: a change of many steps begins, and its `detail` is the plan. Without a later entry, it was killed. */
  readonly outcome: 'started' | 'done' | 'failed';
  readonly error?: string;
}
