import { machineTime, type Time, type Timer } from './time';

/** One timer for all that are to be looked at now and then: one for each would wake the process for each. */
export class SharedTimer<T> {
  private readonly members = new Set<T>();
  private timer: Timer | undefined;

  constructor(
    private readonly periodMs: number,
    private readonly look: (member: T, nowMs: number) => void,
    private readonly time: Time = machineTime,
  ) {}

  add(member: T): void {
    this.members.add(member);
    this.timer ??= this.time.every(this.periodMs, () => this.lookAtAll());
  }

  remove(member: T): void {
    this.members.delete(member);
    if (this.members.size > 0) return;
    this.timer?.cancel();
    this.timer = undefined;
  }

  private lookAtAll(): void {
    const nowMs = this.time.nowMs();
    for (const member of this.members) this.look(member, nowMs);
  }
}
