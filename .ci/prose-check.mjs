// Finds sentence forms that stop a reader, and words that only this project uses for things that have a common name.
// Reads comments, messages (literals of three words or more in the sources), test names, identifiers and docs.
//
//   node .ci/prose-check.mjs                everything that git tracks or would
//   node .ci/prose-check.mjs host/nats docs  some folders or files
//   node .ci/prose-check.mjs --count        findings by folder and rule
//
// Each rule has examples that it must find and examples that it must leave alone. They are tried before each run, so
// a rule that has stopped working fails the check.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

/** Sentences that may stay, each with a part of it. An entry that allows nothing is reported. */
const ALLOWED = [
  // { file: 'docs/story.md', text: 'a part of the sentence' },
];

const RULES = [
  {
    name: 'clause as a name',
    say: 'name the thing: "Events that wait", not "What waits"',
    pattern: /^(?:(?:of|for|in|to|from|with|by|beside) )?(?:what|whatever|whoever)\b(?!.*\?$)/i,
    titles: false,
    finds: ['What follows a return is late.', 'Whatever it was, it ended.', 'Of what is not plain, a line is written.'],
    leaves: ['What is it?', 'Says what it is.', 'Whether it fits.', '[What it does not measure].'],
  },
  {
    name: 'told',
    say: 'report, log, notify or configure',
    pattern: /\btold\b/i,
    finds: ['The server is told that it is in work.', 'Somebody was told.'],
    leaves: ['Tells two errors apart.', 'Notifies the server.'],
  },
  {
    name: 'given back',
    say: 'release, nack, redrive or restore',
    pattern: /\b(?:gives?|given|giving|gave)(?: \w+)? back\b/i,
    finds: ['It is given back at once.', 'It gives them back.'],
    leaves: ['It is given to the handler.', 'It falls back.'],
  },
  {
    name: 'goes on',
    say: 'continue or resume',
    pattern: /\b(?:goes|go|went) on\b(?! (?:an?|the|to)\b)/i,
    finds: ['The handler goes on.', 'All others go on.'],
    leaves: ['The handler continues.', 'It runs on the server.', 'Where lines go on a terminal.'],
  },
  {
    name: 'comes again',
    say: 'is redelivered, or is retried',
    pattern: /\b(?:comes?|came|coming) again\b/i,
    finds: ['It comes again after 5 s.'],
    leaves: ['It is redelivered after 5 s.'],
  },
  {
    name: 'private word',
    say: 'use the word of the field',
    pattern:
      /\b(?:roads?|lanes?|slots?|probation|on trial|park(?:s|ed|ing)?|excused?|misfits?)\b|\bpass(?:es|ed)? over\b|\blook(?:s|ed)? after\b|\bse(?:es|e|en) to it\b|\bsays otherwise\b/i,
    finds: [
      'The retry road.',
      'A lane of a pull.',
      'It is passed over.',
      'It looks after the durable.',
      'It sees to it.',
    ],
    leaves: ['The retry queue.', 'It is skipped.', 'It passes it to the handler.'],
  },
];

const PRIVATE_NAME = /^(?:roads?|lanes?|slots?|wakes|probation|trial|told|excuse|hope|parked)$/i;

/** Written by a program from sources that are checked themselves, or wrong on purpose. */
const SKIPPED = /^(?:docs\/errors\.md|test\/fixtures\/|\.ci\/prose-check\.mjs|package(?:-lock)?\.json)/;

const [flags, paths] = partition(process.argv.slice(2), (arg) => arg.startsWith('--'));
const broken = brokenRules();
const findings = tracked()
  .filter((file) => paths.length === 0 || paths.some((path) => file === path || file.startsWith(`${path}/`)))
  .flatMap((file) => findIn(file, readFileSync(join(root, file), 'utf8')));
const used = new Set();
const reported = findings.filter((finding) => !isAllowed(finding));
const unused = paths.length > 0 ? [] : ALLOWED.filter((entry) => !used.has(entry));

for (const line of broken) console.log(line);
if (flags.includes('--count')) count(reported);
else
  for (const { file, line, rule, text } of reported) console.log(`${file}:${line}  ${rule.name}: ${shown(text, rule)}`);
for (const { file, text } of unused)
  console.log(`.ci/prose-check.mjs allows what is no longer there: ${file}: ${text}`);
if (reported.length > 0) {
  console.log(`\n${reported.length} found. Say instead:`);
  for (const rule of RULES) {
    const found = reported.filter((finding) => finding.rule.name === rule.name).length;
    if (found > 0) console.log(`  ${rule.name} (${found}): ${rule.say}`);
  }
}
process.exitCode = broken.length + reported.length + unused.length > 0 ? 1 : 0;

/** Plants each example as a comment, a log message, an error, a test name and a line of docs. */
function brokenRules() {
  const plant = (text) => [
    ['host/planted.ts', `/** ${text} */\nexport const a = 1;\n`],
    ['host/planted.ts', `const a = 1; // ${text}\n`],
    ['host/planted.ts', `log.warn(${JSON.stringify(text)}, { a });\n`],
    ['host/planted.ts', `throw new JetplugError('JP_A', \`\${a}: b. ${text}\`);\n`],
    ['test/planted.test.ts', `test(${JSON.stringify(text)}, () => {});\n`],
    ['docs/planted.md', `# A page\n\nA sentence before. ${text}\n`],
    ['docs/planted.md', `| a | b |\n| - | - |\n| c | ${text} |\n`],
  ];
  const named = [
    ['identifier', 'host/planted.ts', 'export class RetryRoad {}\n', 1],
    ['identifier', 'host/planted.ts', 'const roadmap = 1;\n', 0],
  ];
  return [
    ...RULES.flatMap(({ name, finds, leaves }) => [
      ...finds.flatMap((text) => plant(text).map((planted) => [name, ...planted, 1])),
      ...leaves.flatMap((text) => plant(text).map((planted) => [name, ...planted, 0])),
    ]),
    ...named,
  ]
    .filter(([name, file, text, times]) => findIn(file, text).filter(({ rule }) => rule.name === name).length !== times)
    .map(([name, , text, times]) => `the rule "${name}" should find ${times} in: ${text.trim()}`);
}

function findIn(file, text) {
  if (file.endsWith('.md')) return passagesOfMarkdown(text).flatMap((passage) => findInPassage(file, passage));
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const passages = [...commentsOf(source), ...messagesOf(source, file.startsWith('test/'))];
  return [...passages.flatMap((passage) => findInPassage(file, passage)), ...privateNamesIn(file, source)].sort(
    (a, b) => a.line - b.line,
  );
}

/** A passage is a list of lines of prose, which may be one sentence or many. */
function findInPassage(file, { lines, heading = false }) {
  const text = lines.map((line) => line.text).join('\n');
  const starts = [0, ...[...text.matchAll(/[.!?]["')\]*_]*\s+(?=[A-Z("'`*_[])/g)].map((m) => m.index + m[0].length)];
  return starts.flatMap((start, i) => {
    const sentence = text.slice(start, starts[i + 1]);
    const plain = sentence.replace(/\s+/g, ' ').trim();
    const line = lines[text.slice(0, start).split('\n').length - 1].line;
    const isTitle = heading || /^\[[^\]]*\]\W*$/.test(plain);
    return RULES.filter((rule) => !(isTitle && rule.titles === false))
      .filter((rule) => rule.pattern.test(plain.replace(/^[("'*_[]+/, '')))
      .map((rule) => ({ file, line, rule, text: plain }));
  });
}

/** Comments, with adjacent lines of `//` as one passage. */
function commentsOf(source) {
  const { text } = source;
  const found = new Map();
  const visit = (node) => {
    for (const range of ts.getLeadingCommentRanges(text, node.pos) ?? []) found.set(range.pos, range);
    for (const range of ts.getTrailingCommentRanges(text, node.end) ?? []) found.set(range.pos, range);
    for (const child of node.getChildren(source)) visit(child);
  };
  visit(source);
  const passages = [];
  for (const { pos, end } of [...found.values()].sort((a, b) => a.pos - b.pos)) {
    const first = lineAt(source, pos);
    const bare = text.slice(pos, end).replace(/^\/\*+|\*+\/$/g, '');
    const lines = bare.split('\n').map((line, i) => ({
      text: withoutCode(line.replace(/^\s*(?:\/\/+|\*)?\s?(?:@\w+ )?/, '')),
      line: first + i,
    }));
    const last = passages.at(-1);
    const continues = text.startsWith('//', pos) && last?.slashes && last.lines.at(-1).line === first - 1;
    if (continues) last.lines.push(...lines);
    else passages.push({ lines, slashes: text.startsWith('//', pos) });
  }
  return passages;
}

/** Literals that people read: those of several words, and in tests the names of the tests. */
function messagesOf(source, isTest) {
  const passages = [];
  const visit = (node) => {
    const text = textOf(node);
    if (text !== undefined && (isTest ? isTestName(node) : text.trim().split(/\s+/).length >= 3)) {
      passages.push({
        lines: [{ text: withoutCode(text.replace(/\s+/g, ' ').trim()), line: lineAt(source, node.getStart()) }],
      });
      return;
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return passages;
}

function textOf(node) {
  if (ts.isStringLiteralLike(node) || ts.isJsxText(node)) return node.text;
  if (!ts.isTemplateExpression(node)) return undefined;
  return [node.head.text, ...node.templateSpans.map((span) => span.literal.text)].join('…');
}

/** `test('…')`, `describe.each(…)('…')`. */
function isTestName(node) {
  const call = node.parent;
  if (!ts.isCallExpression(call) || call.arguments[0] !== node) return false;
  return /^(?:test|it|describe)\b/.test(call.expression.getText());
}

function privateNamesIn(file, source) {
  const rule = { name: 'identifier', say: 'use the word of the field' };
  const found = [];
  const visit = (node) => {
    const { name } = node;
    if (name && ts.isIdentifier(name) && isDeclared(node) && wordsOf(name.text).some((word) => PRIVATE_NAME.test(word)))
      found.push({ file, line: lineAt(source, name.getStart()), rule, text: name.text });
    ts.forEachChild(node, visit);
  };
  visit(source);
  const inFileName = basename(file)
    .split(/[.-]/)
    .some((word) => PRIVATE_NAME.test(word));
  return inFileName ? [{ file, line: 1, rule, text: basename(file) }, ...found] : found;
}

/** Not where something is only used: `a.road`, or an import, whose name is somebody else's to choose. */
function isDeclared(node) {
  return !ts.isPropertyAccessExpression(node) && !ts.isImportSpecifier(node) && !ts.isExportSpecifier(node);
}

function wordsOf(name) {
  return name.split(/(?=[A-Z])|_/);
}

/** Paragraphs, list items, headings and the cells of tables; no blocks of code. */
function passagesOfMarkdown(text) {
  const passages = [];
  let fenced = false;
  let open;
  text.split('\n').forEach((raw, i) => {
    if (/^\s*```/.test(raw)) fenced = !fenced;
    const line = i + 1;
    const prose = withoutCode(raw.replace(/\]\([^)]*\)/g, ']'));
    if (fenced || /^\s*(?:```|$|\|? *[-:]+ *\|)/.test(raw)) open = undefined;
    else if (/^\s*\|/.test(raw)) {
      open = undefined;
      for (const cell of prose.split('|')) passages.push({ lines: [{ text: cell.trim(), line }] });
    } else if (/^#+ /.test(raw)) {
      open = undefined;
      passages.push({ lines: [{ text: prose.replace(/^#+ /, ''), line }], heading: true });
    } else if (/^\s*(?:[-*>]|\d+\.) /.test(raw) || !open) {
      open = { lines: [{ text: prose.replace(/^\s*(?:[-*>]|\d+\.)? /, ''), line }] };
      passages.push(open);
    } else open.lines.push({ text: prose.trim(), line });
  });
  return passages;
}

/** What stands in backquotes is a name, whatever its words. */
function withoutCode(line) {
  return line.replace(/`[^`]*`/g, '`…`');
}

function isAllowed({ file, text }) {
  const entry = ALLOWED.find((each) => each.file === file && text.includes(each.text));
  if (entry) used.add(entry);
  return entry !== undefined;
}

function count(list) {
  const columns = [...new Set(list.map(({ rule }) => rule.name))];
  const folders = new Map();
  for (const each of list) {
    const folder = folderOf(each.file);
    folders.set(folder, [...(folders.get(folder) ?? []), each]);
  }
  console.log(['', ...columns].join('\t'));
  for (const [folder, found] of [...folders].sort(([a], [b]) => (a < b ? -1 : 1)))
    console.log([folder, ...columns.map((name) => found.filter(({ rule }) => rule.name === name).length)].join('\t'));
}

function folderOf(file) {
  return file.split('/').slice(0, -1).slice(0, 2).join('/') || '.';
}

function shown(text, { pattern }) {
  const at = Math.max(0, (pattern?.exec(text)?.index ?? 0) - 60);
  return `${at > 0 ? '…' : ''}${text.slice(at, at + 140)}${text.length > at + 140 ? '…' : ''}`;
}

function tracked() {
  const list = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], { cwd: root });
  return list
    .toString()
    .split('\n')
    .filter(
      (file) => /\.(?:tsx?|mts|js|mjs|cjs|md)$/.test(file) && !SKIPPED.test(file) && existsSync(join(root, file)),
    );
}

function lineAt(source, position) {
  return source.getLineAndCharacterOfPosition(position).line + 1;
}

function partition(list, matches) {
  return [list.filter(matches), list.filter((each) => !matches(each))];
}
