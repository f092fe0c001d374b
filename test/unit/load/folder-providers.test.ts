import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Logger, Store, type Providers } from 'jetplug/sdk';
import { injectable } from 'tsyringe';
import { systemClock } from '../../../host/base/time';
import { compile } from '../../../host/load/compile';
import { injectedOf, inspectDependencies } from '../../../host/load/dependencies';
import { FolderProviders, providersFileIn, providersFor } from '../../../host/load/folder-providers';
import { createPluginContainer } from '../../../host/load/plugin-container';
import { RecordingLog } from '../../../host/testing/recording-log';

let folder: string;
let steps: string[];
let log: RecordingLog;
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'jetplug-providers-')));
  steps = [];
  log = new RecordingLog();
});
afterEach(() => rmSync(folder, { recursive: true }));

const file = (name: string) => join(folder, name);
const services = () => ({ logger: log, clock: systemClock });

@injectable()
class Database {
  constructor(readonly log: Logger) {
    steps.push('database is built');
  }
  async onStart() {
    steps.push('database starts');
  }
  async onStop() {
    steps.push('database stops');
  }
}
@injectable()
class Client {
  constructor(readonly database: Database) {}
  onStart() {
    steps.push('client starts');
  }
  onStop() {
    steps.push('client stops');
  }
}

test('providers are built once, start in their order and stop in the opposite order', async () => {
  const providers = FolderProviders.of([Database, Client, { token: 'region', useValue: 'eu' }]);
  await providers.start(services());
  const [one, other] = [createPluginContainer(providers.provided), createPluginContainer(providers.provided)];
  expect(one.resolve(Client)).toBe(other.resolve(Client));
  expect(one.resolve(Client).database).toBe(other.resolve(Database));
  expect(one.resolve('region')).toBe('eu');
  expect(one.resolve(Database).log).toBe(log);
  await providers.stop(log);
  expect(steps).toEqual(['database is built', 'database starts', 'client starts', 'client stops', 'database stops']);
});

test('a class may stand under another token', async () => {
  const providers = FolderProviders.of([{ token: 'db', useClass: Database }]);
  await providers.start(services());
  expect(createPluginContainer(providers.provided).resolve('db')).toBeInstanceOf(Database);
  await providers.stop(log);
});

test('a registration of the plugin’s own comes before a provider', async () => {
  const providers = FolderProviders.of([{ token: 'region', useValue: 'eu' }]);
  await providers.start(services());
  const container = createPluginContainer(providers.provided);
  container.register('region', { useValue: 'us' });
  expect(container.resolve('region')).toBe('us');
  await providers.stop(log);
});

test('if a provider fails to start, those before it are stopped, and the error has its cause', async () => {
  class Broken {
    onStart() {
      throw new RangeError('no route to the database');
    }
  }
  const providers = FolderProviders.of([Database, Broken, Client]);
  await expect(providers.start(services())).rejects.toMatchObject({
    code: 'JP_PROVIDERS_START_FAILED',
    message: 'the provider Broken does not start: RangeError: no route to the database',
    cause: expect.objectContaining({ name: 'RangeError' }) as unknown,
  });
  expect(steps).toEqual(['database is built', 'database starts', 'database stops']);
});

test('a provider that does not stop is logged, and the others stop', async () => {
  class Stuck {
    onStop() {
      throw new Error('still in use');
    }
  }
  const providers = FolderProviders.of([Database, Stuck]);
  await providers.start(services());
  await providers.stop(log);
  expect(steps.at(-1)).toBe('database stops');
  expect(log.lines).toMatchObject([{ level: 'error', message: 'a provider did not stop cleanly' }]);
});

test('a plugin’s parameter of a provided class is explained', () => {
  class Taker {
    constructor(readonly database: Database) {}
  }
  Reflect.defineMetadata('design:paramtypes', [Database], Taker);
  const container = createPluginContainer(FolderProviders.of([Database]).provided);
  expect(injectedOf(Taker as never, container)).toMatchObject([{ type: 'Database', own: 'shared by the folder' }]);
  expect(inspectDependencies(Taker as never, container)).toEqual([]);
});

class AsksForStore {
  constructor(readonly store: Store) {}
}
Reflect.defineMetadata('design:paramtypes', [Store], AsksForStore);
class Undecorated {
  constructor(readonly database: Database) {}
}

test.each<[string, Providers, RegExp]>([
  ['no list', 5 as never, /^the default export is 5, which is no list of providers$/],
  ['no provider', [{ useValue: 1 } as never], /^entry 0 of the default export is no provider/],
  ['a token twice', [Database, { token: Database, useValue: 1 }], /^two providers have the token Database$/],
  ['a service of one plugin', [AsksForStore], /asks for the store, which belongs to one plugin$/],
  ['a class that cannot be built', [Undecorated], /^Undecorated has constructor parameters but no @injectable\(\)$/],
])('%s is refused', (_what, list, message) => {
  expect(() => FolderProviders.of(list)).toThrow(
    expect.objectContaining({ code: 'JP_PROVIDERS_NOT_LOADED', message: expect.stringMatching(message) as string }),
  );
});

describe('of a file', () => {
  const write = (name: string, text: string) => writeFileSync(file(name), text);
  beforeEach(() => {
    write('pool.ts', `export class Pool { onStart() {} }`);
    write('providers.ts', `import { Pool } from './pool';\nexport default [Pool];`);
    write(
      'a.plugin.ts',
      `import { Plugin, Subscribe } from 'jetplug/sdk';
       import { Pool } from './pool';
       @Plugin() export class A { @Subscribe('a.b') take() { return Pool; } }`,
    );
  });

  test('a plugin gets the class that the providers have, and their sources are part of its version', async () => {
    const providers = providersFor(file('a.plugin.ts'), [folder])!;
    const compiled = compile({ file: file('a.plugin.ts') }, { shared: providers });
    const { Pool } = providers.modules.get(file('pool.ts'))!.exports as { Pool: new () => object };
    expect([...compiled.sources.keys()].sort()).toEqual(['a.plugin.ts', 'pool.ts', 'providers.ts'].map(file));
    expect(compiled.version).not.toBe(compile({ file: file('a.plugin.ts') }).version);
    await providers.start(services());
    expect(compiled.container!.resolve(Pool)).toBe(createPluginContainer(providers.provided).resolve(Pool));
    await providers.stop(log);
  });

  test.each([
    ['\nthrow new RangeError("no limit");', 2, 'the providers cannot be loaded: RangeError: no limit'],
    ['export const database = 5;', 1, 'the default export is undefined, which is no list of providers'],
  ])('%j is refused with its file and line', (source, line, message) => {
    write('providers.ts', source);
    expect(() => FolderProviders.load(file('providers.ts'))).toThrow(
      expect.objectContaining({ code: 'JP_PROVIDERS_NOT_LOADED', file: file('providers.ts'), line, message }),
    );
  });

  test('a folder without the file has no providers', () => {
    rmSync(file('providers.ts'));
    expect(providersFileIn(folder)).toBeUndefined();
    expect(providersFor(file('a.plugin.ts'), [folder])).toBeUndefined();
  });
});
