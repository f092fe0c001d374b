import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ERRORS } from '../../sdk/errors';

const ROOT = join(__dirname, '..', '..');
const CATALOGUE = join('sdk', 'errors.ts');

test('docs/errors.md says of each code what the catalogue says, in its order; else run: npm run docs:errors', () => {
  expect(documented()).toEqual(Object.entries(ERRORS).map(([code, [meaning, hint]]) => ({ code, meaning, hint })));
});

test('each code that is written anywhere is one of the catalogue', () => {
  const written = files(['sdk', 'host', 'plugins', 'examples', 'bench', 'docs']).flatMap((file) =>
    [...read(file).matchAll(/\bJP_[A-Z_]*[A-Z]\b/g)].map(([code]) => `${code} in ${file}`),
  );
  expect(written.filter((mention) => !Object.hasOwn(ERRORS, mention.split(' ')[0]!))).toEqual([]);
});

test('each code of the catalogue is used', () => {
  const sources = files(['sdk', 'host']).filter((file) => file !== CATALOGUE);
  const used = new Set(sources.flatMap((file) => read(file).match(/(?<=')JP_[A-Z_]+(?=')/g) ?? []));
  expect(Object.keys(ERRORS).filter((code) => !used.has(code))).toEqual([]);
});

/** Each heading of the third level is a code, its first paragraph the meaning, its second the hint. */
function documented(): object[] {
  const [, ...entries] = read(join('docs', 'errors.md')).replaceAll('\\<', '<').split(/^### /m);
  return entries.map((entry) => {
    const [code, meaning, hint] = entry.trim().split('\n\n');
    return { code, meaning, hint: hint?.replace(/^Hint: /, '') };
  });
}

function files(folders: string[]): string[] {
  return folders
    .filter((folder) => existsSync(join(ROOT, folder)))
    .flatMap((folder) =>
      readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name)),
    )
    .filter((file) => /\.(ts|js|md)$/.test(file));
}

function read(file: string): string {
  return readFileSync(join(ROOT, file), 'utf8');
}
