import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FailedTries } from '../../../host/page/security/failed-tries';
import { Tokens } from '../../../host/page/security/tokens';
import { RecordingLog } from '../../../host/testing/recording-log';

const FIRST = 'first-token-0123456789';
const SECOND = 'second-token-0123456789';

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'jetplug-tokens-'))));
afterEach(() => rmSync(folder, { recursive: true }));

test('a token in a file is replaced while the host runs, and stays while the file cannot be read', () => {
  const file = join(folder, 'token');
  writeFileSync(file, `${FIRST}\n`);
  let nowMs = 0;
  const log = new RecordingLog();
  const tokens = new Tokens({ listen: '', allowedHosts: [], readerTokenFile: file }, log, () => nowMs);
  expect(tokens.ownerOf(FIRST)).toEqual({ role: 'reader', name: 'reader' });

  writeFileSync(file, '');
  nowMs = 1_000;
  expect(tokens.ownerOf(FIRST)).toBeDefined();
  expect(log.lines).toMatchObject([{ level: 'warn', fields: { file } }]);

  writeFileSync(file, SECOND);
  nowMs = 2_000;
  expect(tokens.ownerOf(FIRST)).toBeUndefined();
  expect(tokens.ownerOf(SECOND)).toBeDefined();
});

test('an address may try again after a minute, and others are not affected', () => {
  let nowMs = 0;
  const tries = new FailedTries(() => nowMs);
  for (let i = 0; i < 9; i++) tries.note('a');
  expect(tries.waitS('a')).toBeUndefined();
  tries.note('a');
  nowMs = 10_000;
  expect(tries.waitS('a')).toBe(50);
  expect(tries.waitS('b')).toBeUndefined();
  nowMs = 60_000;
  expect(tries.waitS('a')).toBeUndefined();
});
