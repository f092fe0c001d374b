/** Tables in the docs that repeat facts of the code are compared with the code. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import type { Leaf } from '../../host/config/key';
import { leaves, pluginSchema, schema } from '../../host/config/schema';
import { streamSchema } from '../../host/config/stream-keys';
import { deadLetterOf } from '../../host/message/dead-letter';
import type { Connection } from '../../host/nats/connection';
import { OLDEST_VERSION, PINNED_VERSION } from '../../host/nats-server/version';
import { HandlerLags } from '../../host/ops/handler-lags';
import { metricsText } from '../../host/ops/metrics-text';
import { HostConcurrency } from '../../host/message/intake/host-concurrency';
import { HostMemory } from '../../host/message/intake/host-memory';
import type { Plugins } from '../../host/plugin/plugins';
import { ROOT, rowsOf, textOf } from '../support/markdown';
import { MessageBench } from '../support/message-bench';

test('docs/operating.md has every key of the config, with its default and variable', () => {
  const keys = [
    ...leaves(schema),
    ...leaves(streamSchema, 'streams[].'),
    ...leaves(pluginSchema, 'plugins.<name>.').filter(([key]) => /\.(enabled|settings)$/.test(key)),
  ];
  const expected = keys.map(([key, leaf]) => [key, shown(leaf), leaf.env ?? '']);
  const actual = rowsOf('docs/operating.md').filter(([key]) => /^(\w+\.[\w<]|streams)/.test(key!));
  expect(sorted(actual.map((row) => row.slice(0, 3)))).toEqual(sorted(expected));
});

test('docs/monitoring.md has every metric, with its kind', async () => {
  const none = {
    ...{ entries: [], reloads: { counts: [] }, faults: { counts: new Map() } },
    limits: { calls: new HostConcurrency(1), memory: new HostMemory(1) },
  } as unknown as Plugins;
  const connection = { connected: true, version: '', reconnects: 0, traffic: { receivedBytes: 0, sentBytes: 0 } };
  const { text } = await metricsText({
    plugins: none,
    connection: connection as Connection,
    lags: new HandlerLags(),
    streams: [],
    driftedStreams: [],
    newerConfig: undefined,
  });
  const expected = [...text.matchAll(/^# TYPE (\w+) (\w+)$/gm)].map(([, name, kind]) => [name!, kind!]);
  const actual = rowsOf('docs/monitoring.md').filter(([name]) => /^(jetplug|process|nodejs)_\w+$/.test(name!));
  expect(sorted(actual.map((row) => row.slice(0, 2)))).toEqual(sorted(expected));
});

test('docs/monitoring.md has every alert', () => {
  const { groups } = parse(readFileSync(join(ROOT, 'deploy/prometheus/alerts.yml'), 'utf8')) as {
    groups: { rules: { alert: string }[] }[];
  };
  const expected = groups.flatMap(({ rules }) => rules.map(({ alert }) => alert));
  const listed = rowsOf('docs/monitoring.md').map(([name]) => name!);
  expect(listed.filter((name) => name.startsWith('Jetplug'))).toEqual(expected);
});

test('every reason for a dead letter is in docs/dead-letters.md, and in docs/events.md where no handler saw the event', () => {
  const source = readFileSync(join(ROOT, 'host/message/outcome.ts'), 'utf8');
  const union = /type DeadLetterReason =([^;]+);/.exec(source)![1]!;
  const reasons = [...union.matchAll(/'([a-z-]+)'/g)].map(([, reason]) => reason!);
  const listed = (page: string): string[] =>
    rowsOf(page).flatMap(([cell]) => cell!.split(', ').filter((reason) => reasons.includes(reason)));
  expect(listed('docs/dead-letters.md').sort()).toEqual([...reasons].sort());
  const ofHandlers = ['rejected', 'attempts-exhausted', 'timeout', 'crashed-host'];
  expect(listed('docs/events.md').sort()).toEqual(reasons.filter((reason) => !ofHandlers.includes(reason)).sort());
});

test('docs/dead-letters.md has every header that is added', () => {
  const bench = new MessageBench();
  const failure = { reason: 'timeout', error: new Error('late'), attempts: 1 } as const;
  const delivery = bench.delivery({}, { headers: { 'Nats-Msg-Id': 'm1' } });
  const letter = deadLetterOf(bench.handler, delivery, failure, new Date(0));
  const listed = rowsOf('docs/dead-letters.md').filter(([name]) => name!.startsWith('x-'));
  expect(listed.map(([name]) => name).sort()).toEqual(Object.keys(letter.headers).sort());
});

test('each message that docs/operating.md recommends for an alert is logged', () => {
  const [, table = ''] = /\n\| `msg`[^\n]*\n\|[^\n]*\n((?:\|.*\n)+)/.exec(textOf('docs/operating.md'))!;
  const messages = table.split('\n').flatMap((row) => row.split('|')[1]?.match(/(?<=`)[^`]{9,}(?=`)/g) ?? []);
  const sources = readdirSync(join(ROOT, 'host'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => readFileSync(join(ROOT, 'host', name), 'utf8'))
    .join('');
  expect(messages.length).toBeGreaterThan(8);
  const isLogged = (message: string): boolean => message.split('; ').every((part) => sources.includes(part));
  expect(messages.filter((message) => !isLogged(message))).toEqual([]);
});

test('docs/broker.md names the versions of nats-server that the code does', () => {
  expect(textOf('docs/broker.md')).toContain(`version ${PINNED_VERSION}`);
  expect(textOf('docs/broker.md')).toContain(`The oldest server is NATS ${OLDEST_VERSION.replace(/\.0$/, '')}.`);
});

function shown({ default: value }: Leaf): string {
  if (value === null) return '';
  if (!Array.isArray(value)) return `${value as string | number | boolean}`;
  return typeof value[0] === 'object' ? 'one stream, EVENTS' : `[${value.join(', ')}]`;
}

function sorted(rows: string[][]): string[][] {
  return [...rows].sort((a, b) => (a[0]! < b[0]! ? -1 : 1));
}
