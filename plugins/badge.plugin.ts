import { EventBus, Plugin, Settings, Store, Subscribe } from 'jetplug/sdk';
import { z } from 'zod';
import { BadgeAwarded, VideoWatchStarted } from './contracts/streaming';

const schema = z.object({
  /** The numbers of watches at which a viewer gets a badge. */
  milestones: z.array(z.int().positive()).default([1, 10, 100, 1_000]),
});

@Plugin({ description: 'Awards viewing badges', settings: schema })
export class BadgePlugin {
  constructor(
    private readonly watches: Store<number>,
    private readonly events: EventBus,
    private readonly settings: Settings<z.infer<typeof schema>>,
  ) {}

  @Subscribe({ from: 'beginning' })
  async award(event: VideoWatchStarted) {
    const { user_id } = event;
    const count = await this.watches.update(user_id, (n = 0) => n + 1);
    if (!this.settings.value.milestones.includes(count)) return;
    await this.events.publish(BadgeAwarded, { user_id, badge: badgeName(count), count });
  }
}

export function badgeName(count: number): string {
  return count === 1 ? 'first-watch' : `${count}-watches`;
}
