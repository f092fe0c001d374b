import { covers, JetplugError } from '../../../sdk/internal';
import { nearest } from '../../config/suggest';
import type { Connection } from '../../nats/connection';
import { readContracts } from '../contract-records';
import type { DeadLetterSummary } from '../dead-letter-summary';
import type { HandlerName } from './redrive';

/**
 * Reads a handler, written as `plugin.handler`.
 * @throws JetplugError `JP_USAGE`
 */
export function readTarget(text: string): HandlerName {
  const [, plugin, handler] = /^([^.]+)\.([^.]+)$/.exec(text) ?? [];
  if (plugin !== undefined && handler !== undefined) return { plugin, handler };
  throw new JetplugError('JP_USAGE', `${JSON.stringify(text)} is not a handler`, {
    hint: 'Write the plugin and the handler, such as badge.award. `npx jetplug plugins` shows them.',
  });
}

/**
 * Checks that a handler exists and takes the events of the letters, by the records that hosts have published.
 * @throws JetplugError `JP_NOT_FOUND`, or `JP_USAGE` if the handler has another subject
 */
export async function assertTarget(
  { plugin, handler }: HandlerName,
  letters: readonly Pick<DeadLetterSummary, 'subject'>[],
  connection: Connection,
): Promise<void> {
  const { records } = await readContracts(connection);
  const known = records.flatMap((record) => record.handlers.map((one) => ({ ...one, plugin: record.plugin })));
  const target = known.find((one) => one.plugin === plugin && one.name === handler);
  const name = `${plugin}.${handler}`;
  if (!target)
    throw noHandler(
      name,
      known.map((one) => `${one.plugin}.${one.name}`),
    );
  const other = letters.find(({ subject }) => !covers(target.subject, subject));
  if (!other) return;
  throw new JetplugError('JP_USAGE', `${name} takes ${target.subject}, and not ${other.subject}`, {
    hint: 'Choose a handler of the same subject, or only letters of its subject.',
  });
}

function noHandler(name: string, known: readonly string[]): JetplugError {
  const meant = nearest(name, [...known]);
  const mean = meant === undefined ? '' : `; did you mean ${meant}?`;
  const list = known.length === 0 ? 'No host has published its plugins yet' : `The handlers are ${known.join(', ')}`;
  return new JetplugError('JP_NOT_FOUND', `there is no handler ${name}${mean}`, { hint: `${list}.` });
}
