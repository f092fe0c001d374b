/**
 * The documents of `jetplug docs` by AsyncAPI's official parser. It takes seconds to load, so `npm test` has only the
 * check by AsyncAPI's JSON Schema.
 */
import { Parser } from '@asyncapi/parser';
import { asyncApiOf } from '../../host/cli/async-api';
import { catalogueOf } from '../../host/ops/event-catalogue';
import { jetplug } from '../support/cli';
import { contractRecord } from '../support/contract-record';
import { STORY_PLUGINS } from '../support/host';
import { STRANGE } from '../support/strange-contracts';

async function parsed(text: string) {
  const { document, diagnostics } = await new Parser().parse(text);
  expect(diagnostics).toEqual([]);
  return document!;
}

test('the official parser finds no fault in the document of the story, in YAML and in JSON', async () => {
  for (const flags of [[], ['--json']]) {
    const { stdout } = await jetplug(['docs', '--plugins', STORY_PLUGINS, ...flags]);
    const document = await parsed(stdout);
    expect(document.version()).toBe('3.1.0');
    const operations = document.operations().all();
    expect(operations.filter((one) => one.isReceive())).toHaveLength(8);
    expect(operations.filter((one) => one.isSend())).toHaveLength(6);
    expect(document.messages().all()).toHaveLength(9);
  }
}, 60_000);

test('the official parser finds no fault in the document of strange contracts', async () => {
  const record = contractRecord('strange', { handles: STRANGE, publishes: { any: 's.*.>', odd: 'a.{b}.ü' } });
  await parsed(JSON.stringify(asyncApiOf(catalogueOf([record]), 'Events of test')));
}, 60_000);
