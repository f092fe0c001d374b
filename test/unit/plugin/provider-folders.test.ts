import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../../host/base/time';
import { ProviderFolders } from '../../../host/plugin/provider-folders';
import { RecordingLog } from '../../../host/testing/recording-log';
import { eventually } from '../../support/eventually';

let root: string;
let log: RecordingLog;
let folders: ProviderFolders;
beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'jetplug-folders-')));
  log = new RecordingLog();
  folders = new ProviderFolders(log, systemClock, 200, 50);
});
afterEach(async () => {
  await folders.stop();
  rmSync(root, { recursive: true });
});

/** Writes providers that note their start and their stop in a file. */
function write(name: string, start = ''): void {
  writeFileSync(
    join(root, 'providers.ts'),
    `import { appendFileSync } from 'node:fs';
     class Pool {
       async onStart() { ${start}; appendFileSync('${notes()}', '${name} starts\\n'); }
       onStop() { appendFileSync('${notes()}', '${name} stops\\n'); }
     }
     export default [Pool];`,
  );
}
const notes = (): string => join(root, 'notes.txt');
const said = (): string[] => readFileSync(notes(), 'utf8').trim().split('\n');

test('all plugins of a folder share the providers, which stop with the host', async () => {
  write('v1');
  const [one, other] = await Promise.all([folders.take(root), folders.take(root)]);
  const third = await folders.take(root);
  expect(new Set([one!.shared, other!.shared, third!.shared]).size).toBe(1);
  for (const lease of [one, other, third]) lease!.release();
  expect(said()).toEqual(['v1 starts']);
  await folders.stop();
  expect(said()).toEqual(['v1 starts', 'v1 stops']);
});

test('after an edit a plugin gets new providers, and the earlier ones stop when nobody uses them', async () => {
  write('v1');
  const before = await folders.take(root);
  write('v2');
  const after = await folders.take(root);
  expect(after!.shared).not.toBe(before!.shared);
  expect(said()).toEqual(['v1 starts', 'v2 starts']);
  before!.release();
  before!.release();
  await eventually(() => said().includes('v1 stops'));
  after!.release();
  expect(said()).toEqual(['v1 starts', 'v2 starts', 'v1 stops']);
});

test('a version that fails leaves the earlier one in use, and is tried again', async () => {
  write('v1');
  const before = await folders.take(root);
  write('v2', `throw new Error('no route')`);
  await expect(folders.take(root)).rejects.toMatchObject({ code: 'JP_PROVIDERS_START_FAILED' });
  expect(said()).toEqual(['v1 starts']);
  write('v3');
  const after = await folders.take(root);
  before!.release();
  after!.release();
  await eventually(() => said().includes('v1 stops'));
});

test('a start that takes too long fails, and the providers stop when it ends', async () => {
  write('slow', `await new Promise((resolve) => setTimeout(resolve, 400))`);
  await expect(folders.take(root)).rejects.toMatchObject({
    code: 'JP_PROVIDERS_START_FAILED',
    message: 'the providers did not start within 200 ms',
  });
  await eventually(() => said().includes('slow stops'));
});

test('without the file there are no providers; when it is removed, they stop', async () => {
  expect(await folders.take(root)).toBeUndefined();
  write('v1');
  const lease = await folders.take(root);
  rmSync(join(root, 'providers.ts'));
  expect(await folders.take(root)).toBeUndefined();
  lease!.release();
  await eventually(() => said().includes('v1 stops'));
});

test('providers whose onStop does not end are reported, and keep neither the host nor the others from stopping', async () => {
  writeFileSync(
    join(root, 'providers.ts'),
    `class Pool { onStop() { return new Promise(() => undefined); } }
     export default [Pool];`,
  );
  (await folders.take(root))!.release();
  await folders.stop();
  expect(log.lines.filter(({ level }) => level === 'error')).toMatchObject([
    {
      message: 'a provider did not stop cleanly',
      fields: {
        file: join(root, 'providers.ts'),
        err: { message: 'it has not ended after 50 ms and is not waited for any longer' },
      },
    },
  ]);
});
