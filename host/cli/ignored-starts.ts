import type { Start } from '../../sdk/internal';
import type { IgnoredFrom } from '../broker/durable';
import type { Connection } from '../nats/connection';
import { ignoredFrom } from '../nats/created-from';
import { findDurable } from '../nats/find-durable';
import { isStreamNotFound } from '../nats/streams';
import type { Claimant } from '../plugin/name-registry';
import type { CheckedPlugin } from './check-plugins';

/** A handler whose option `from` has no effect, because its durable exists and has started elsewhere. */
export interface IgnoredStart {
  readonly plugin: string;
  readonly handler: Claimant['handlers'][number];
  readonly stream: string;
  readonly ignored: IgnoredFrom;
}

/** Finds the handlers that ask for another start than their durables have had. */
export async function ignoredStarts(
  connection: Connection,
  checked: readonly CheckedPlugin[],
): Promise<IgnoredStart[]> {
  const handlers = checked.flatMap(({ plugin, contracts: record }) =>
    (plugin?.handlers ?? []).map((handler) => ({
      ...{ handler, plugin: plugin!.name },
      recorded: record?.handlers.find(({ name }) => name === handler.name),
    })),
  );
  const found = handlers.map(async ({ handler, plugin, recorded }) => {
    if (typeof recorded?.stream !== 'string') return [];
    const { stream, options } = recorded;
    const info = await findDurable(connection, stream, handler.durable).catch(noStream);
    const ignored = info && ignoredFrom(options.from as Start, info);
    return ignored ? [{ plugin, handler, stream, ignored }] : [];
  });
  return (await Promise.all(found)).flat();
}

function noStream(error: unknown): undefined {
  if (!isStreamNotFound(error)) throw error;
}
