/** docs/api.md describes the endpoints of a running host: each request that it shows is sent, and each answer compared. */
import { STORY_PLUGINS } from '../support/host';
import { blocksOf, rowsIn, textOf } from '../support/markdown';
import { pluginSource } from '../support/plugin-source';
import { Scene } from '../support/scene';
import { eventually } from '../support/eventually';

const PAGE = 'docs/api.md';
/** It runs the first event of the stream, which `fate` asks for, until the host stops. */
const ENDLESS = pluginSource(
  'EndlessPlugin',
  `  @Subscribe('video.endless')
  handle(_event: any, { signal }: EventContext) {
    return new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
  }`,
);

interface Info {
  readonly endpoints: { readonly name: string; readonly subject: string; readonly metadata: object }[];
  readonly metadata: Readonly<Record<string, string>>;
}

const scene = new Scene();
let nats: Awaited<ReturnType<Scene['client']>>;
let info: Info;

beforeAll(async () => {
  const server = await scene.server();
  nats = await scene.client(server.url);
  await scene.host({ server, plugins: [STORY_PLUGINS, scene.folder({ 'endless.plugin.ts': ENDLESS })] });
  await nats.jetstream().publish('video.endless', '{}');
  await nats.jetstream().publish('video.nobody', '{}');
  await eventually(async () => JSON.stringify(await ask('jetplug.fate', 'EVENTS 1')).includes('running'));
  info = (await ask('$SRV.INFO.jetplug', '')) as Info;
});
afterAll(() => scene.end());

const SECTIONS = [...textOf(PAGE).matchAll(/^## ([a-z]+)$/gm)].map(([, name]) => name!);

test('the page has a section for each endpoint, and each endpoint describes itself', () => {
  expect(info.endpoints.map(({ name }) => name)).toEqual(SECTIONS);
  for (const { name, subject, metadata } of info.endpoints) {
    expect(subject).toBe(`jetplug.${name}`);
    const text = expect.stringMatching(/./);
    expect(metadata).toEqual({ description: text, request: text, response: text });
  }
});

test('the page has the metadata of the service', async () => {
  const listed = rowsIn(sectionOf('Information and statistics')).map(([name]) => name!);
  expect(Object.keys(info.metadata).sort()).toEqual(listed.sort());
  expect(textOf(PAGE)).toContain(`now \`${info.metadata['api']}\``);
  const ping = (await ask('$SRV.PING.jetplug', '')) as Info;
  expect(Object.keys(ping.metadata).sort()).toEqual(['api', 'host']);
});

test.each(SECTIONS)('the answer of %s has the fields that the page describes, and no others', async (name) => {
  const { subject, payload } = requestIn(name);
  expect(subject).toBe(`jetplug.${name}`);
  const answer = name === 'tail' ? await firstRuns(payload) : await ask(subject, payload);
  const { all, always } = fieldsOf(name);
  const present = pathsIn(answer);
  expect(always.filter((path) => !present.has(path))).toEqual([]);
  expect([...present].filter((path) => !isDescribed(path, all))).toEqual([]);
});

test.each(SECTIONS)('the example of %s has the fields of its answer', (name) => {
  const { all } = fieldsOf(name);
  for (const example of examplesIn(name)) {
    expect([...pathsIn(example)].filter((path) => !isDescribed(path, all))).toEqual([]);
  }
});

test('a request that is not valid has the error that the page shows', async () => {
  const answer = await nats.request('jetplug.routes', 'a b');
  expect(answer.json()).toEqual(examplesIn('Ask a host')[0]);
  const headers = rowsIn(sectionOf('Ask a host')).map(([header]) => answer.headers!.get(header!));
  expect(headers).toEqual(['400', answer.json<Error>().message, 'JP_REQUEST_INVALID']);
});

async function ask(subject: string, payload: string): Promise<unknown> {
  return (await nats.request(subject, payload)).json();
}

/** Watches, makes the watched handler run, and returns the first message with runs. */
async function firstRuns(filter: string): Promise<unknown> {
  const messages: object[] = [];
  const inbox = nats.subscribe('_INBOX.tail', { callback: (_error, message) => void messages.push(message.json()) });
  nats.publish('jetplug.tail', filter, { reply: '_INBOX.tail' });
  await eventually(() => messages.length > 0);
  expect(messages[0]).toEqual({ watches: true });
  await nats.jetstream().publish('video.watch_started', '{"user_id":"u1","video_id":"v1"}');
  const runs = await eventually(() => messages[1]);
  inbox.unsubscribe();
  return runs;
}

/** The text below a heading, up to the next heading of its level. */
function sectionOf(name: string): string {
  return textOf(PAGE).split(`\n## ${name}\n`)[1]!.split('\n## ')[0]!;
}

/** The request in the section's first command. */
function requestIn(name: string): { subject: string; payload: string } {
  const [, subject = '', payload = ''] = /^nats req (\S+) ('[^']*'|\S+)/m.exec(sectionOf(name))!;
  return { subject, payload: payload.replace(/^'(.*)'$/, '$1') };
}

function examplesIn(name: string): unknown[] {
  const section = sectionOf(name);
  return blocksOf(PAGE)
    .filter(({ language, text }) => language === 'json' && section.includes(text))
    .map(({ text }) => JSON.parse(text) as unknown);
}

/** The fields in the section's table. The fields of `explain` are those of `plugins` and further ones. */
function fieldsOf(name: string): { readonly all: ReadonlySet<string>; readonly always: readonly string[] } {
  const sections = name === 'explain' ? ['plugins', 'explain'] : [name];
  const rows = sections
    .flatMap((section) => rowsIn(sectionOf(section)))
    .filter((row) => row.length === 3)
    .flatMap(([fields, present]) => fields!.split(', ').map((field) => ({ field, present })));
  return {
    all: new Set(rows.map(({ field }) => field)),
    always: rows.filter(({ present }) => present === 'always').map(({ field }) => field),
  };
}

/** The paths of all fields in a value, such as `[].handlers[].pending`. */
function pathsIn(value: unknown, path = ''): Set<string> {
  if (Array.isArray(value)) return new Set(value.flatMap((item) => [...pathsIn(item, `${path}[]`)]));
  if (typeof value !== 'object' || value === null) return new Set();
  return new Set(
    Object.entries(value).flatMap(([name, member]) => {
      const own = path === '' ? name : `${path}.${name}`;
      return [own, ...pathsIn(member, own)];
    }),
  );
}

/** Whether the page describes the field, or a field within it, or describes a field around it as a whole. */
function isDescribed(path: string, described: ReadonlySet<string>): boolean {
  const all = [...described];
  const isWithin = (inner: string, outer: string): boolean =>
    inner.startsWith(`${outer}.`) || inner.startsWith(`${outer}[]`);
  if (described.has(path) || all.some((field) => isWithin(field, path))) return true;
  return all.some((field) => isWithin(path, field) && !all.some((other) => isWithin(other, field)));
}
