import { defineEvent, Plugin, Subscribe, type EventContext } from 'jetplug/sdk';
import { z } from 'zod';
import { handlerMarks, parameterTypes, pluginMark, type PluginClass } from '../../../sdk/internal';

class Happened extends defineEvent('a.b', z.object({ n: z.number() })) {}

@Plugin({ name: 'tried', description: 'A trial' })
class TriedPlugin {
  constructor(readonly map: Map<string, string>) {}

  @Subscribe()
  byParameter(_event: Happened, _context: EventContext): void {}

  @Subscribe({ from: 'beginning', concurrency: 1 })
  withOptions(_event: Happened): void {}

  @Subscribe(Happened)
  byContract(_event: Happened): void {}

  @Subscribe('a.>', { durable: 'all' })
  bySubject(): void {}

  plain(): void {}
}

const asPlugin = (cls: unknown): PluginClass => cls as PluginClass;

test('@Plugin marks the class with its options', () => {
  expect(pluginMark(TriedPlugin)).toEqual({ options: { name: 'tried', description: 'A trial' } });
  expect(parameterTypes(asPlugin(TriedPlugin))).toEqual([Map]);
});

test('only a class that is decorated itself is a plugin', () => {
  class Sub extends TriedPlugin {}
  expect([Sub, class {}, TriedPlugin.prototype, undefined, null, 'x'].map(pluginMark)).toEqual(
    Array(6).fill(undefined),
  );
});

test('@Subscribe records method, target and options, in the order of the methods', () => {
  expect(handlerMarks(asPlugin(TriedPlugin))).toEqual([
    { method: 'byParameter', target: { kind: 'parameter' }, options: {} },
    { method: 'withOptions', target: { kind: 'parameter' }, options: { from: 'beginning', concurrency: 1 } },
    { method: 'byContract', target: { kind: 'contract', contract: Happened }, options: {} },
    { method: 'bySubject', target: { kind: 'subject', subject: 'a.>' }, options: { durable: 'all' } },
  ]);
  expect(parameterTypes(asPlugin(TriedPlugin), 'byParameter')![0]).toBe(Happened);
});

test('a class without handlers has none', () => {
  expect(handlerMarks(asPlugin(class {}))).toEqual([]);
});

test('a subclass has its parent’s handlers and its own, and adds nothing to the parent', () => {
  class Parent {
    @Subscribe('a')
    one(): void {}
  }
  class Child extends Parent {
    @Subscribe('b')
    two(): void {}
  }
  class Quiet extends Parent {}
  const methods = (cls: unknown) => handlerMarks(asPlugin(cls)).map(({ method }) => method);
  expect([Parent, Child, Quiet].map(methods)).toEqual([['one'], ['one', 'two'], ['one']]);
});

test('a subclass that decorates inherited methods again replaces its parent’s handlers', () => {
  class Parent {
    @Subscribe('a')
    one(): void {}
    @Subscribe('a')
    two(): void {}
    @Subscribe('a')
    three(): void {}
  }
  class Child extends Parent {
    @Subscribe('b')
    override one(): void {}
    @Subscribe('b')
    override two(): void {}
    override three(): void {}
  }
  const subjects = (cls: unknown) =>
    handlerMarks(asPlugin(cls)).map(({ method, target }) => [method, (target as { subject: string }).subject]);
  expect(subjects(Child)).toEqual([
    ['three', 'a'],
    ['one', 'b'],
    ['two', 'b'],
  ]);
  expect(subjects(Parent)).toEqual([
    ['one', 'a'],
    ['two', 'a'],
    ['three', 'a'],
  ]);
});

test('a method that is decorated twice is two handlers', () => {
  class Twice {
    @Subscribe('a', { durable: 'x' })
    @Subscribe('b', { durable: 'y' })
    one(): void {}
  }
  expect(handlerMarks(asPlugin(Twice)).map(({ options }) => options.durable)).toEqual(['y', 'x']);
});

test('the decorators work without compiler metadata, as in plain JavaScript', () => {
  class Plain {
    handle(): void {}
  }
  Subscribe(Happened, { from: 'beginning' })(
    Plain.prototype,
    'handle',
    Object.getOwnPropertyDescriptor(Plain.prototype, 'handle')!,
  );
  Plugin()(Plain);
  expect(pluginMark(Plain)).toEqual({ options: {} });
  expect(handlerMarks(asPlugin(Plain))).toMatchObject([{ method: 'handle', target: { contract: Happened } }]);
  expect(parameterTypes(asPlugin(Plain), 'handle')).toBeUndefined();
});
