/** Providers that the plugins of a test share. */
import { Logger, Plugin, Subscribe, type EventContext } from 'jetplug/sdk';
import { inject, injectable } from 'tsyringe';
import { onBoth, Placed } from '../support/conformance';

@injectable()
class Pool {
  used = 0;
  constructor(private readonly log: Logger) {}
  onStart(): void {
    this.log.info('pool starts');
  }
  onStop(): void {
    this.log.info('pool stops', { used: this.used });
  }
}

@Plugin({ name: 'first' })
class FirstPlugin {
  constructor(
    private readonly pool: Pool,
    @inject('region') private readonly region: string,
  ) {}

  @Subscribe(Placed)
  take(_event: Placed, { log }: EventContext): void {
    this.pool.used++;
    log.info('taken', { region: this.region });
  }
}

@Plugin({ name: 'second' })
class SecondPlugin {
  constructor(private readonly pool: Pool) {}

  @Subscribe(Placed)
  take(): void {
    this.pool.used++;
  }
}

onBoth('plugins share the providers, which stop after them and start anew with the host', async (start) => {
  const providers = [Pool, { token: 'region', useValue: 'eu' }];
  const host = await start([FirstPlugin, SecondPlugin], { providers });
  await host.publish(Placed, { user: 'u1', n: 1 });
  await host.settled();
  await host.restart();
  const lines = host.logged.filter(({ message }) => message.startsWith('pool'));
  expect(lines).toMatchObject([
    { message: 'pool starts' },
    { message: 'pool stops', fields: { used: 2 } },
    { message: 'pool starts' },
  ]);
  expect(host.logged.find(({ message }) => message === 'taken')).toMatchObject({ fields: { region: 'eu' } });
});
