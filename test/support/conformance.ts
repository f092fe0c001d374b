/** Checks of behaviours that the testing kit shares with a real server, run on both. */
import { testHost, type TestHost, type TestHostOptions } from 'jetplug/testing';
import { z } from 'zod';
import { defineEvent } from '../../sdk';

type Start = (plugins: Parameters<typeof testHost>[0], options?: Omit<TestHostOptions, 'server'>) => Promise<TestHost>;

/** Runs the check twice: in memory, and on a server. The hosts that it starts are stopped. */
export function onBoth(behaviour: string, check: (start: Start) => Promise<void>): void {
  for (const server of [false, true]) {
    test(`${behaviour} (${server ? 'server' : 'memory'})`, async () => {
      const hosts: TestHost[] = [];
      try {
        await check(async (plugins, options) => {
          const host = await testHost(plugins, { ...options, server });
          hosts.push(host);
          return host;
        });
      } catch (error) {
        for (const { logged } of hosts) process.stderr.write(`${behaviour}: ${JSON.stringify(logged.slice(-30))}\n`);
        throw error;
      } finally {
        for (const host of hosts) await host.stop();
      }
    });
  }
}

/** A short ack wait, so that redeliveries come soon in real time, too. */
export const SOON = { delivery: { ackWait: '1s' } } as const;

export class Placed extends defineEvent('orders.placed', z.object({ user: z.string().min(1), n: z.number() })) {}
export class Counted extends defineEvent('orders.counted', z.object({ user: z.string(), total: z.number() })) {}
