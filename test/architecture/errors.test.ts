import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, sep } from 'node:path';
import { ERROR_SECTIONS, ERRORS } from '../../sdk/errors';

const ROOT = join(__dirname, '..', '..');
const CATALOGUE = join('sdk', 'catalogue') + sep;

test('docs/errors.md lists each code with the texts and in the order of the catalogue; else run: npm run docs:errors', () => {
  expect(documented()).toEqual(Object.entries(ERRORS).map(([code, [meaning, hint]]) => ({ code, meaning, hint })));
});

test('docs/errors.md has the sections of the catalogue, and each code is in one of them', () => {
  const headings = [...read(join('docs', 'errors.md')).matchAll(/^## (.+)$/gm)].map(([, heading]) =>
    heading!.toLowerCase(),
  );
  expect(headings).toEqual(Object.keys(ERROR_SECTIONS));
  expect(Object.values(ERROR_SECTIONS).flatMap((section) => Object.keys(section))).toEqual(Object.keys(ERRORS));
});

test('each code that appears anywhere is in the catalogue', () => {
  const written = files(['sdk', 'host', 'plugins', 'examples', 'bench', 'docs']).flatMap((file) =>
    [...read(file).matchAll(/\bJP_[A-Z_]*[A-Z]\b/g)].map(([code]) => `${code} in ${file}`),
  );
  expect(written.filter((mention) => !Object.hasOwn(ERRORS, mention.split(' ')[0]!))).toEqual([]);
});

test('each code of the catalogue is used', () => {
  const sources = files(['sdk', 'host']).filter((file) => !file.startsWith(CATALOGUE));
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
