// Fails for each source file of more than 300 lines and each class of more than 200. Tests are not counted.
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const ts = createRequire(import.meta.url)('typescript');
const root = fileURLToPath(new URL('..', import.meta.url));

const FOLDERS = ['sdk', 'host', 'page', 'plugins', 'examples', 'bench', 'docs'];
const MAX_FILE_LINES = 300;
const MAX_CLASS_LINES = 200;

const files = FOLDERS.flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.[cm]?[jt]sx?$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name)),
);
if (files.length === 0) throw new Error(`there are no source files in ${FOLDERS.join(', ')}`);
const tooLong = files.flatMap(offendersIn);
for (const offender of tooLong) console.log(offender);
process.exitCode = tooLong.length > 0 ? 1 : 0;

function offendersIn(file) {
  const name = relative(root, file);
  const text = readFileSync(file, 'utf8');
  const lines = text.trimEnd().split('\n').length;
  return [
    ...(lines > MAX_FILE_LINES ? [`${name}: ${lines} lines, at most ${MAX_FILE_LINES}`] : []),
    ...longClassesIn(ts.createSourceFile(file, text, ts.ScriptTarget.Latest), name),
  ];
}

function longClassesIn(source, name) {
  const found = [];
  const lineOf = (position) => source.getLineAndCharacterOfPosition(position).line + 1;
  const visit = (node) => {
    if (ts.isClassLike(node)) {
      // The comment and the decorators before the class are not counted.
      const first = lineOf((node.name ?? node).getStart(source));
      const lines = lineOf(node.end) - first + 1;
      const className = node.name?.text ?? 'a class without a name';
      if (lines > MAX_CLASS_LINES) {
        found.push(`${name}:${first}: ${className} has ${lines} lines, at most ${MAX_CLASS_LINES}`);
      }
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}
