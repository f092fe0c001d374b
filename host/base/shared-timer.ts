import { machineTime, type Time, type Timer } from './time';

/** One timer that checks all members at once, because a timer for each member would wake the process more often. */
export class SharedTimer<T> {
  private readonly members = new Set<T>();
  private timer: Timer | undefined;

  constructor(
    private readonly periodMs: number,
    private readonly check: (member: T, nowMs: number) => void,
    private readonly time: Time = machineTime,
  ) {}

  add(member: T): void {
    this.members.add(member);
    this.timer ??= this.time.every(this.periodMs, () => this.checkAll());
  }

  remove(member: T): void {
    this.members.delete(member);
    if (this.members.size > 0) return;
    this.timer?.cancel();
    this.timer = undefined;
  }

  private checkAll(): void {
    const nowMs = this.time.nowMs();
    for (const member of this.members) this.check(member, nowMs);
  }
}
