/** The mistakes that `check` reads in the source are proved in check-mistakes.test.ts; here are programs without one. */
import { checkSource } from '../../../host/cli/check-source';
import type { DescribedPlugin } from '../../../host/load/describe';

const FILE = '/plugins/x.plugin.ts';

/** The findings about a class with a store `counts` and a bus `events`, and a handler of batches, `handle`. */
function findings(body: string, batch: object | null = { size: 2 }): string[] {
  const source = `import { Store } from 'jetplug/sdk';
@Plugin()
export class XPlugin {
  constructor(private readonly counts: Store<number>, readonly events: EventBus, private readonly other: Other) {}
  ${body}
}`;
  const plugin = {
    name: 'x',
    className: 'XPlugin',
    sources: new Map([[FILE, source]]),
    handlers: [{ method: 'handle', batch }],
    injected: [{ index: 0, service: 'store' }, { index: 1, service: 'bus' }, { index: 2 }],
  } as unknown as DescribedPlugin;
  const { problems, warnings } = checkSource(plugin);
  return [...problems, ...warnings].map(({ code, message, line }) => `${line} ${code}: ${message}`);
}

test.each([
  ['names the event', 'await this.counts.update("n", (n = 0) => n + 1, { for: events[0] });'],
  ['passes options that are not known here', 'await this.counts.update("n", (n = 0) => n + 1, options);'],
  ['spreads options', 'await this.events.publish("a.b", {}, { ...options });'],
  ['spreads its arguments', 'await this.counts.delete(...args);'],
  ['reads', 'await this.counts.get("n"); await this.counts.keys();'],
  ['changes the store after the commit', 'context.of(e).afterCommit(() => this.counts.delete("n"));'],
  ['calls another service', 'await this.other.update("n");'],
  ['publishes on a subject that is not known here', 'await this.events.publish(`a.${b}`, {}, { for: e });'],
])('a handler of batches is right if it %s', (_what, statements) => {
  expect(findings(`async handle(events) { ${statements} }`)).toEqual([]);
});

test.each([
  ['marks a call as not awaited', 'void this.counts.delete("n");'],
  ['handles the promise', 'this.counts.delete("n").catch(() => undefined);'],
  ['collects promises', 'await Promise.all(keys.map((key) => this.counts.delete(key)));'],
  ['throws an outcome', 'throw new RetryLater("5s");'],
  ['throws an outcome that a function returns', 'const no = () => { return new Reject("no"); }; throw no();'],
  ['delays by a computed time', 'throw new RetryLater(`${seconds}s`);'],
])('a handler is right if it %s', (_what, statements) => {
  expect(findings(`async handle(event) { ${statements} }`, null)).toEqual([]);
});

test('a method that is no handler may return an outcome', () => {
  expect(findings('refusal() { return new Reject("no"); }')).toEqual([]);
});

test('the lines are right behind letters of several bytes, and in scopes', () => {
  const body = `// naïve — “quoted”
  async handle(events) {
    this.counts.scope('é').update('n', (n = 0) => n + 1);
  }`;
  expect(findings(body)).toEqual([
    '7 JP_BATCH_EVENT: XPlugin.handle calls counts.update without { for: event }',
    '7 JP_CALL_NOT_AWAITED: XPlugin.handle does not await counts.update',
  ]);
});

test('a class that is not in the sources has no findings', () => {
  const plugin = { className: 'Missing', sources: new Map([[FILE, 'export class X {']]) };
  expect(checkSource(plugin as unknown as DescribedPlugin)).toEqual({ problems: [], warnings: [] });
});
