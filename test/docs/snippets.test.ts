/** Each block of code in the docs is valid in the language that it names. */
import { cpSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { parse } from 'yaml';
import { loadConfig } from '../../host/config/load';
import { jetplug } from '../support/cli';
import { blocksOf, fileOf, PAGES, ROOT, type Block } from '../support/markdown';
import { Scene } from '../support/scene';

const scene = new Scene();
afterAll(() => scene.end());

test('every block names its language, or is a picture', () => {
  // `typescript` and `python` are examples of other libraries. They are not compiled.
  const known = ['ts', 'js', 'yaml', 'json', 'sh', 'dockerfile', 'typescript', 'python', ''];
  expect(PAGES.flatMap(blocksOf).filter(({ language }) => !known.includes(language))).toEqual([]);
});

test('every excerpt of a file is a part of that file, word for word', () => {
  const excerpts = blocks('ts').filter(fileOf);
  const isPart = (block: Block): boolean => {
    const [, ...lines] = block.text.split('\n');
    return readFileSync(join(ROOT, fileOf(block)!), 'utf8').includes(`\n${lines.join('\n')}`);
  };
  expect(excerpts.length).toBeGreaterThan(3);
  expect(excerpts.filter((block) => !isPart(block))).toEqual([]);
});

test('every other ts block is a whole file that type-checks in the plugins folder', () => {
  const whole = blocks('ts').filter((block) => !fileOf(block));
  const files = new Map(whole.map((block) => [join(ROOT, 'plugins', `${idOf(block)}.ts`), block]));
  expect(files.size).toBeGreaterThan(10);
  const program = ts.createProgram([...files.keys()], compilerOptions(), withFiles(files));
  const problems = [...files].flatMap(([file, block]) =>
    ts.getPreEmitDiagnostics(program, program.getSourceFile(file)).map((diagnostic) => toText(diagnostic, block)),
  );
  expect(problems).toEqual([]);
});

test('the host accepts every plugin that the docs show', async () => {
  const plugins = PAGES.flatMap(blocksOf).filter((block) => block.text.includes('@Plugin(') && !fileOf(block));
  const folder = scene.folder(
    Object.fromEntries(plugins.map((block) => [`${idOf(block)}.plugin.${block.language}`, block.text])),
  );
  cpSync(join(ROOT, 'plugins', 'contracts'), join(folder, 'contracts'), { recursive: true });
  const result = await jetplug(['check', '--plugins', folder, '--json']);
  expect(result.json()).toEqual([]);
  expect(result.code).toBe(0);
});

test.each(blocks('yaml').map((block) => [idOf(block), block] as const))(
  '%s is a config that is accepted',
  (_id, { text }) => {
    const cwd = scene.folder({ 'config/local.yaml': text, ...secretsOf(parse(text)) });
    expect(() => loadConfig({ cwd, env: {} })).not.toThrow();
  },
);

test.each(blocks('json').map((block) => [idOf(block), block] as const))('%s is JSON', (_id, { text }) => {
  expect(() => JSON.parse(text) as unknown).not.toThrow();
});

function blocks(language: string): Block[] {
  return PAGES.flatMap(blocksOf).filter((block) => block.language === language);
}

/** `plugins-57` is the block in docs/plugins.md, line 57. */
function idOf({ page, line }: Block): string {
  return `${page.replace(/^docs\//, '').replace(/\.md$/, '')}-${line}`;
}

function compilerOptions(): ts.CompilerOptions {
  const file = join(ROOT, 'tsconfig.json');
  const { config } = ts.readConfigFile(file, ts.sys.readFile) as { config: unknown };
  return ts.parseJsonConfigFileContent(config, ts.sys, ROOT).options;
}

/** A compiler host with the files of the disk and these files. */
function withFiles(files: ReadonlyMap<string, Block>): ts.CompilerHost {
  const host = ts.createCompilerHost(compilerOptions());
  const readFile = host.readFile.bind(host);
  const fileExists = host.fileExists.bind(host);
  const getSourceFile = host.getSourceFile.bind(host);
  host.readFile = (file) => files.get(file)?.text ?? readFile(file);
  host.fileExists = (file) => files.has(file) || fileExists(file);
  host.getSourceFile = (file, options, ...rest) => {
    const block = files.get(file);
    return block ? ts.createSourceFile(file, block.text, options) : getSourceFile(file, options, ...rest);
  };
  return host;
}

function toText({ file, start, messageText }: ts.Diagnostic, { page, line }: Block): string {
  const at = file && start !== undefined ? file.getLineAndCharacterOfPosition(start).line : 0;
  return `${page}:${line + 1 + at} ${ts.flattenDiagnosticMessageText(messageText, ' ')}`;
}

/** Creates each file that the config names, because a missing file is an error. */
function secretsOf(config: unknown): Record<string, string> {
  const names = [...JSON.stringify(config).matchAll(/"\w+File":"([^"]+)"/g)].map(([, name]) => name!);
  return Object.fromEntries(names.map((name) => [name, 'secret']));
}
