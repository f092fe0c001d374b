import { natsServerBinary } from './nats-server';

/** Finds, or fetches, the nats-server once for all test files, which take it from the variable. */
export default async function setUp(): Promise<void> {
  process.env['JETPLUG_NATS_SERVER'] = await natsServerBinary();
}
