/** Each word in the name of an exported type is a common word, or is explained in the glossary. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { ROOT, textOf } from '../support/markdown';

const GLOSSARY = 'docs/glossary.md';

/** Words that programmers know, from TypeScript, Node.js, NATS or plain English. */
const COMMON = `
  added all already answer any api ask backend backlog bar batches before binary block bounded bounds bus call called
  candidate change charged check checked circular class clock cloud code codec common comparison compiled concurrency
  condition config conflict connect connected connection consuming consumption container context control count
  counted counters credentials data decoded deferred delay deletion deploy described details differences discovery doubt
  download draft duration ending entry env error explainable explained fact factory failed failure field fifo filter
  find flags folder for format found from header help helper holder http identity idle import incoming index
  inexact info injectable injected injection instantiated internals invalid isolation jet jetplug json key known kv
  launch launched layer leaf level lifecycle limiter limits line link list load loaded loader loading local
  location lock log logger login long loop loss lost map maybe memory message method missing module nats not notifier
  number of open option order outgoing own owner ownership package parsed part payload place policy position process
  progress promise provider publish publishable published publisher pull raw read reader readiness reason
  received reconciled reconnect record recording redelivery ref registration reject repair repeated report
  request required retries route runner running schema section selection server service session set setting
  shared sizes skipped source spec state status step store stored subscribe summary target terminal test
  callback crash admission execution histogram metric late patience turn unreached up work
  end opened send arrived buffer chosen claimed closable ended fact grouping layered marked plan returned stopping work
  access audited by changed health indexed leveled listed paused problem program query reading recent try tries
  arrived buffer chosen claimed closable ended fact grouping layered marked plan returned stopping work
  last waiting receiver silence sent id start stop worker heartbeat forked cancel queue size result response throttle thrown timer tls token turn type unknown up update upgrade use user validated value verdict view wait waiter watch
  changed file indexed job jobs listed manifest new page query secrets table try wave
  watched watcher wrapped write writer written yaml
  apply decision filed needed overlap planned selected
  address finding is leveled member network node parameter syntax
  function newer planned table
`.match(/[a-z]+/g)!;

const known = withPlurals([...COMMON, ...wordsOfGlossary()]);
const used = wordsOfTypes();

test('every word in the name of an exported type is common or in the glossary', () => {
  const unknown = [...used].filter(([word]) => !known.has(word));
  expect(unknown.map(([word, names]) => `${word}: ${names.join(', ')}`)).toEqual([]);
});

test('the types of all layers are read', () => {
  expect([...used.values()].flat()).toEqual(
    expect.arrayContaining(['EventContext', 'Delivery', 'Outcome', 'PluginDefinition', 'Host', 'TestHost']),
  );
});

/** `ManagedPlugin` in host/ or sdk/ yields `managed` and `plugin`. */
function wordsOfTypes(): Map<string, string[]> {
  const words = new Map<string, string[]>();
  for (const name of ['sdk', 'host'].flatMap(sourcesIn).flatMap(exportedTypesIn))
    for (const word of name.split(/(?=[A-Z][a-z])/).map((each) => each.toLowerCase()))
      words.set(word, [...(words.get(word) ?? []), name]);
  return words;
}

/** The bold words of the page. */
function wordsOfGlossary(): string[] {
  const terms = [...textOf(GLOSSARY).matchAll(/\*\*([^*]+)\*\*(?: \(([^)]+)\))?/g)];
  return terms.flatMap(([, term = '', other = '']) => `${term} ${other}`.toLowerCase().match(/[a-z]+/g) ?? []);
}

function withPlurals(words: readonly string[]): Set<string> {
  return new Set(words.flatMap((word) => [word, `${word}s`, word.replace(/s$/, '')]));
}

function sourcesIn(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(folder, name));
}

function exportedTypesIn(file: string): string[] {
  const source = ts.createSourceFile(file, readFileSync(join(ROOT, file), 'utf8'), ts.ScriptTarget.Latest);
  return source.statements.flatMap((statement) => {
    const isType =
      ts.isClassDeclaration(statement) || ts.isInterfaceDeclaration(statement) || ts.isTypeAliasDeclaration(statement);
    if (!isType || !statement.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword)) return [];
    return statement.name ? [statement.name.text] : [];
  });
}
