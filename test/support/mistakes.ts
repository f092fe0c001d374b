/**
 * Mistakes of plugin authors, and who finds each: the compiler by the SDK's types, or `jetplug check`. The tests in
 * test/types/mistakes.test.ts and test/integration/check-mistakes.test.ts prove the list, and the table in
 * docs/mistakes.md has their messages. The faulty line of a source has the word HERE; or TYPES and CHECK, if the two
 * name different lines.
 */
import { join } from 'node:path';
import { STORY_PLUGINS } from './host';
import { rowsOf } from './markdown';
import { lineOf, pluginSource } from './plugin-source';

export interface Mistake {
  readonly what: string;
  readonly source: string;
  /** More files, by their paths beside the plugin. */
  readonly files?: Readonly<Record<string, string>>;
  /** A text in the line that the compiler names, if it has no mark. */
  readonly typesAt?: string;
  /** A text in the line that `check` names, if it has no mark. */
  readonly checkAt?: string;
}

const CONTRACTS = join(STORY_PLUGINS, 'contracts/streaming');
const HANDLER = '  @Subscribe() handle(_: VideoWatchStarted) {}';

/** A plugin with these lines in its class. */
function plugin(lines: string, before = '', options = ''): string {
  return pluginSource('WrongPlugin', lines, { before, options });
}

/** A plugin with a handler that has this decorator and these parameters. */
function handler(decorator: string, parameters: string, body = ''): string {
  return plugin(`  ${decorator} // TYPES\n  async handle(${parameters}) {${body}} // CHECK`);
}

/** A plugin whose handler has this body, and a store and an event bus. */
function body(lines: string, decorator = '@Subscribe()', parameters = 'event: VideoWatchStarted'): string {
  return plugin(
    `  constructor(private readonly counts: Store<number>, private readonly events: EventBus) {}\n` +
      `  ${decorator}\n  async handle(${parameters}, context: any) {\n    ${lines} // HERE\n  }`,
  );
}

const BATCH = ['@Subscribe(VideoWatchStarted, { batch: { size: 10 } })', 'events: VideoWatchStarted[]'] as const;

export const MISTAKES: readonly Mistake[] = [
  // The event of a handler.
  {
    what: 'the parameter is of another event than the decorator names',
    source: handler('@Subscribe(VideoWatchStarted)', 'event: VideoPublished'),
  },
  { what: 'the parameter is any', source: handler('@Subscribe()', 'event: any') },
  { what: 'the parameter is unknown', source: handler('@Subscribe()', 'event: unknown') },
  { what: 'the parameter is a string', source: handler('@Subscribe()', 'event: string') },
  { what: 'the parameter is an object type', source: handler('@Subscribe()', 'event: { user_id: string }') },
  {
    what: 'the parameter is Envelope',
    source: plugin(
      '  @Subscribe()\n  handle(event: Envelope) {} // HERE',
      "import type { Envelope } from 'jetplug/sdk';",
    ),
  },
  { what: 'the parameter is a union', source: handler('@Subscribe()', 'event: VideoWatchStarted | VideoPublished') },
  { what: 'a handler without a parameter', source: handler('@Subscribe()', '') },
  {
    what: 'the context is the first parameter',
    source: handler('@Subscribe()', 'context: EventContext, event: VideoWatchStarted'),
  },
  { what: 'a class that is no contract', source: handler('@Subscribe(Logger)', 'event: Logger') },
  {
    what: 'a contract imported with import type',
    source: plugin(
      '  @Subscribe()\n  handle(event: BadgeAwarded) {} // HERE',
      `import type { BadgeAwarded } from '${CONTRACTS}';`,
    ),
  },
  {
    what: 'a contract imported with { type }',
    source: plugin(
      '  @Subscribe()\n  handle(event: BadgeAwarded) {} // HERE',
      `import { type BadgeAwarded } from '${CONTRACTS}';`,
    ),
  },
  {
    what: 'an interface as the parameter',
    source: plugin(
      '  @Subscribe()\n  handle(event: Watched) {} // HERE',
      'interface Watched { event_type: string; event_id: string; timestamp: string; user_id: string }',
    ),
  },
  { what: 'a subject with white space', source: handler("@Subscribe('video started')", 'event: any') },
  { what: 'a subject with > in the middle', source: handler("@Subscribe('video.>.x')", 'event: any') },
  { what: 'a subject in no stream', source: handler("@Subscribe('payment.made')", 'event: any') },
  {
    what: 'a contract as the type of a raw subject’s event',
    source: handler("@Subscribe('video.>')", 'event: VideoWatchStarted'),
  },
  // The form of a handler.
  {
    what: 'a static handler',
    source: plugin('  @Subscribe() // TYPES\n  static handle(_: VideoWatchStarted) {} // CHECK'),
  },
  {
    what: 'a property as a handler',
    source: plugin('  @Subscribe() // TYPES\n  handle = (_: VideoWatchStarted) => undefined; // CHECK'),
  },
  { what: 'a getter as a handler', source: plugin('  @Subscribe() // TYPES\n  get handle() { return 1; } // CHECK') },
  {
    what: 'a generator as a handler',
    source: plugin('  @Subscribe() // TYPES\n  *handle(_: VideoWatchStarted) { yield 1; } // CHECK'),
  },
  {
    what: 'a handler that returns a function',
    source: handler('@Subscribe()', '_: VideoWatchStarted', ' return () => 1; '),
  },
  {
    what: '@Subscribe without parentheses',
    source: plugin('  @Subscribe // TYPES\n  handle(_: VideoWatchStarted) {} // CHECK'),
  },
  {
    what: 'a handler that returns Reject',
    source: plugin(
      "  @Subscribe() // TYPES\n  handle(_: VideoWatchStarted) {\n    return new Reject('no'); // CHECK\n  }",
    ),
  },
  { what: 'Reject that is constructed and not thrown', source: body("new Reject('no');") },
  // Options of a handler.
  {
    what: 'a key that is no field of the contract',
    source: handler("@Subscribe(VideoWatchStarted, { key: 'userId' })", '_: VideoWatchStarted'),
  },
  {
    what: 'a key that is no field of the parameter',
    source: handler("@Subscribe({ key: 'userId' })", '_: VideoWatchStarted'),
  },
  {
    what: 'a key of a nested field',
    source: handler("@Subscribe(VideoWatchStarted, { key: 'user.id' })", '_: VideoWatchStarted'),
  },
  { what: 'a timeout without a unit', source: handler('@Subscribe({ timeout: 5 })', '_: VideoWatchStarted') },
  {
    what: 'a wait without a unit',
    source: handler("@Subscribe({ retry: { backoff: ['1s', 5] } })", '_: VideoWatchStarted'),
  },
  {
    what: 'a timeout that is no length of time',
    source: handler("@Subscribe({ timeout: '5 minutes' })", '_: VideoWatchStarted'),
  },
  { what: 'a negative timeout', source: handler("@Subscribe({ timeout: '-5s' })", '_: VideoWatchStarted') },
  { what: 'a timeout of 0', source: handler("@Subscribe({ timeout: '0s' })", '_: VideoWatchStarted') },
  { what: 'an option that does not exist', source: handler('@Subscribe({ retries: 3 })', '_: VideoWatchStarted') },
  {
    what: 'an option that does not exist, beside a contract',
    source: handler('@Subscribe(VideoWatchStarted, { concurency: 3 })', '_: VideoWatchStarted'),
  },
  {
    what: 'an option of retry that does not exist',
    source: handler('@Subscribe({ retry: { attempt: 3 } })', '_: VideoWatchStarted'),
  },
  {
    what: 'waits that are no list',
    source: handler("@Subscribe({ retry: { backoff: '1s' } })", '_: VideoWatchStarted'),
  },
  { what: 'no attempts', source: handler('@Subscribe({ retry: { attempts: 0 } })', '_: VideoWatchStarted') },
  { what: 'a concurrency of 0', source: handler('@Subscribe({ concurrency: 0 })', '_: VideoWatchStarted') },
  { what: 'a start that does not exist', source: handler("@Subscribe({ from: 'yesterday' })", '_: VideoWatchStarted') },
  {
    what: 'a rate that is a number',
    source: handler('@Subscribe({ rate: 100 })', '_: VideoWatchStarted'),
  },
  {
    what: 'a rate without its length of time',
    source: handler('@Subscribe({ rate: { events: 100 } })', '_: VideoWatchStarted'),
  },
  {
    what: 'a rate without a unit',
    source: handler('@Subscribe({ rate: { events: 100, per: 1000 } })', '_: VideoWatchStarted'),
  },
  {
    what: 'a rate in 0 s',
    source: handler("@Subscribe({ rate: { events: 100, per: '0s' } })", '_: VideoWatchStarted'),
  },
  {
    what: 'a rate in more than an hour',
    source: handler("@Subscribe({ rate: { events: 100, per: '2h' } })", '_: VideoWatchStarted'),
  },
  {
    what: 'a rate of no events',
    source: handler("@Subscribe({ rate: { events: 0, per: '1s' } })", '_: VideoWatchStarted'),
  },
  {
    what: 'a rate of too many events',
    source: handler("@Subscribe({ rate: { events: 2_000_000, per: '1s' } })", '_: VideoWatchStarted'),
  },
  {
    what: 'an option of rate that does not exist',
    source: handler("@Subscribe({ rate: { events: 100, every: '1s' } })", '_: VideoWatchStarted'),
  },
  {
    what: 'two handlers with one durable',
    source: plugin(
      "  @Subscribe({ durable: 'd' }) one(_: VideoWatchStarted) {}\n  @Subscribe({ durable: 'd' }) two(_: VideoWatchStarted) {} // HERE",
    ),
  },
  { what: 'a durable with a dot', source: handler("@Subscribe({ durable: 'a.b' })", '_: VideoWatchStarted') },
  // Batches.
  {
    what: 'a batch whose contract is not named',
    source: handler('@Subscribe({ batch: { size: 10 } })', 'events: VideoWatchStarted[]'),
  },
  {
    what: 'a batch without a size',
    source: handler("@Subscribe(VideoWatchStarted, { batch: { wait: '1s' } })", 'events: VideoWatchStarted[]'),
  },
  {
    what: 'a batch larger than the rate',
    source: handler(
      "@Subscribe(VideoWatchStarted, { batch: { size: 10 }, rate: { events: 5, per: '1s' } })",
      'events: VideoWatchStarted[]',
    ),
  },
  { what: 'a handler of batches that takes one event', source: handler(BATCH[0], 'event: VideoWatchStarted') },
  {
    what: 'a list without the option batch',
    source: handler('@Subscribe(VideoWatchStarted)', 'events: VideoWatchStarted[]'),
  },
  {
    what: 'a key and a batch',
    source: handler(
      "@Subscribe(VideoWatchStarted, { key: 'user_id', batch: { size: 10 } })",
      'events: VideoWatchStarted[]',
    ),
  },
  {
    what: 'a store update of a batch without its event',
    source: body("await this.counts.update('n', (n = 0) => n + 1);", ...BATCH),
  },
  {
    what: 'an event published by a batch without its event',
    source: body(
      "for (const { user_id } of events) await this.events.publish('video.seen', { user_id }, { id: user_id });",
      ...BATCH,
    ),
  },
  { what: 'Store.commit in a batch', source: body('await this.counts.commit();', ...BATCH) },
  // The store and the event bus.
  {
    what: 'a store of dates',
    source: plugin(`  constructor(readonly last: Store<Date>) {}\n${HANDLER}`),
    typesAt: '@Plugin',
  },
  {
    what: 'a store of maps',
    source: plugin(`  constructor(readonly genres: Store<Map<string, number>>) {}\n${HANDLER}`),
    typesAt: '@Plugin',
  },
  {
    what: 'a store of objects with a date',
    source: plugin(`  constructor(readonly last: Store<{ video: string; at: Date }>) {}\n${HANDLER}`),
    typesAt: '@Plugin',
  },
  {
    what: 'a store of undefined',
    source: plugin(`  constructor(readonly last: Store<string | undefined>) {}\n${HANDLER}`),
    typesAt: '@Plugin',
  },
  { what: 'an update that returns nothing', source: body("await this.counts.update('n', (n = 0) => { n + 1; });") },
  { what: 'an asynchronous update', source: body("await this.counts.update('n', async (n = 0) => n + 1);") },
  { what: 'an update that forgets the first time', source: body("await this.counts.update('n', (n) => n + 1);") },
  { what: 'an update that is not awaited', source: body("this.counts.update('n', (n = 0) => n + 1);") },
  {
    what: 'a published event without a field',
    source: body('await this.events.publish(VideoPublished, { genres: [] });'),
  },
  {
    what: 'a published event with a field too many',
    source: body("await this.events.publish(VideoWatchStarted, { user_id: 'u', video_id: 'v', at: 1 });"),
  },
  { what: 'a publish on a wildcard', source: body("await this.events.publish('video.*', { n: 1 });") },
  { what: 'a publish on a reserved subject', source: body("await this.events.publish('dead.video', { n: 1 });") },
  { what: 'a RetryLater without a unit', source: body('throw new RetryLater(5);') },
  // Contracts.
  {
    what: 'a contract with a date',
    source: plugin(HANDLER, "class Seen extends defineEvent('video.seen', z.object({ at: z.date() })) {} // HERE"),
  },
  {
    what: 'a contract on a wildcard',
    source: plugin(HANDLER, "class Seen extends defineEvent('video.*', z.object({ n: z.number() })) {} // HERE"),
  },
  {
    what: 'a contract without a schema',
    source: plugin(HANDLER, "class Seen extends defineEvent('video.seen', { n: z.number() }) {} // HERE"),
  },
  {
    what: 'a contract with a field of the envelope',
    source: plugin(
      '  @Subscribe()\n  handle(_: Seen) {} // HERE',
      "class Seen extends defineEvent('video.seen', z.object({ timestamp: z.string() })) {}",
    ),
  },
  // Injection.
  {
    what: 'an injected class imported with import type',
    source: plugin(
      `  constructor(clock: Clock2) {} // HERE\n${HANDLER}`,
      "import type { Clock as Clock2 } from 'jetplug/sdk';",
    ),
  },
  {
    what: 'an injected interface',
    source: plugin(`  constructor(mailer: Mailer) {} // HERE\n${HANDLER}`, 'interface Mailer { send(): void }'),
  },
  { what: 'an injected number', source: plugin(`  constructor(limit: number) {} // HERE\n${HANDLER}`) },
  {
    what: 'a token that nobody provides',
    source: plugin(
      `  constructor(@inject('REGION') region: string) {}\n${HANDLER}`,
      "import { inject } from 'tsyringe';",
    ),
    checkAt: 'class Wrong',
  },
  {
    what: 'a shared class',
    source: plugin(
      `  constructor(shared: Shared) {}\n${HANDLER}`,
      "import { singleton } from 'tsyringe';\n@singleton()\nclass Shared {}",
    ),
    checkAt: 'class Wrong',
  },
  {
    what: 'a class without @injectable',
    source: plugin(`  constructor(helper: Helper) {}\n${HANDLER}`, 'class Helper { constructor(log: Logger) {} }'),
    checkAt: 'class Wrong',
  },
  {
    what: 'other settings than the schema’s',
    source: plugin(
      `  constructor(settings: Settings<{ limit: number }>) {}\n${HANDLER}`,
      '',
      '{ settings: z.object({ limit: z.string().default("x") }) }',
    ),
    typesAt: '@Plugin',
  },
  {
    what: 'settings without a schema',
    source: plugin(HANDLER, '', '{ settings: { limit: z.number() } }'),
    typesAt: '@Plugin',
    checkAt: 'class Wrong',
  },
  // Middleware.
  {
    what: 'a middleware of another event',
    source: plugin(
      `  @Use(async (event: VideoPublished, context: EventContext, next: Next) => next()) // HERE\n${HANDLER}`,
      "import { Use, type Next } from 'jetplug/sdk';",
    ),
  },
  {
    what: 'a middleware without handle',
    source: plugin(`  @Use(Gate) // HERE\n${HANDLER}`, "import { Use } from 'jetplug/sdk';\nclass Gate { run() {} }"),
    checkAt: 'handle(_',
  },
  // The class and its file.
  {
    what: '@Plugin without parentheses',
    source: plugin(HANDLER).replace('@Plugin()', '@Plugin'),
    typesAt: '@Plugin',
    checkAt: 'class Wrong',
  },
  {
    what: 'an option that @Plugin does not have',
    source: plugin(HANDLER, '', "{ nam: 'x' }"),
    typesAt: '@Plugin',
    checkAt: 'class Wrong',
  },
  {
    what: 'a name with capitals',
    source: plugin("  @Subscribe({ durable: 'd' }) handle(_: VideoWatchStarted) {}", '', "{ name: 'My Plugin' }"),
    checkAt: 'class Wrong',
  },
  { what: 'a plugin without a handler', source: plugin(''), checkAt: 'class Wrong' },
  {
    what: 'a class that is not exported',
    source: plugin(HANDLER).replace('export class', 'class'),
    checkAt: 'class Wrong',
  },
  { what: 'a class without @Plugin', source: plugin(HANDLER).replace('@Plugin()\n', ''), checkAt: 'class Wrong' },
  {
    what: 'two plugins in a file',
    source: `${plugin(HANDLER)}@Plugin()\nexport class OtherPlugin {\n${HANDLER}\n}\n`,
    checkAt: 'import { Clock',
  },
  {
    what: 'a package that does not exist',
    source: plugin(HANDLER, "import { helper } from 'jetplug'; // HERE\nhelper();"),
  },
  {
    what: 'a name that the SDK does not export',
    source: plugin(HANDLER, "import { define } from 'jetplug/sdk'; // TYPES\ndefine('video.seen'); // CHECK"),
  },
  {
    what: 'a circular import',
    source: plugin(
      '  @Subscribe()\n  handle(_: Seen) {} // HERE',
      "import { Seen } from './circle';\nexport const SUBJECT = 'video.seen';",
    ),
    files: {
      'circle.ts':
        "import { defineEvent } from 'jetplug/sdk';\nimport { z } from 'zod';\nimport { SUBJECT } from './PLUGIN';\nexport class Seen extends defineEvent(SUBJECT, z.object({})) {} // HERE\n",
    },
  },
  { what: 'a syntax error', source: plugin(`${HANDLER}\n  const x = ; // HERE`) },
];

/** The line that the compiler, or `check`, names. */
export function lineNamed({ source, typesAt, checkAt }: Mistake, by: 'TYPES' | 'CHECK'): number {
  return lineOf(source, (by === 'TYPES' ? typesAt : checkAt) ?? (source.includes(by) ? by : 'HERE'));
}

/** The files of a mistake: the path and text of the plugin, then of the others. Each plugin has its own name. */
export function filesOf({ source, files = {} }: Mistake, index: number, folder: string): [string, string][] {
  const name = `mistake-${index}.plugin`;
  const others = Object.entries(files).map(([file, text]): [string, string] => [
    join(folder, file),
    text.replaceAll('PLUGIN', name),
  ]);
  return [[join(folder, `${name}.ts`), source.replaceAll('WrongPlugin', `Wrong${index}Plugin`)], ...others];
}

/** The rows of docs/mistakes.md: the messages of the compiler and of `check`, each empty where there is none. */
export const MISTAKE_ROWS = rowsOf('docs/mistakes.md').map(([what = '', types = '', check = '']) => ({
  what,
  types,
  check: check.replaceAll(/ +/g, ' ').trim(),
}));

/**
 * A message as the page shows it: of the compiler's sentence about a type that is a message, the message alone; of
 * several lines the first one; without the number of the plugin and without backticks.
 */
export function messageIn(text: string): string {
  const [line = ''] = text.split('\n');
  const own = /(?:of type|to type|^Type) '"((?:[^"\\|]|\\.)*)"'(?:\.| is not a constructor)/.exec(line)?.[1];
  return (own?.replaceAll('\\"', '"') ?? line)
    .replace(/(?<=[Ww]rong)\d+/g, '')
    .replaceAll('`', '')
    .replaceAll('|', '\\|');
}
