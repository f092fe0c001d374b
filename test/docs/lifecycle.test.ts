/** docs/lifecycle.md draws the layers and both lives as the code has them. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { blocksOf, ROOT, rowsOf } from '../support/markdown';

const PAGE = 'docs/lifecycle.md';

test('the steps of a message are those of LIFE in process-message.ts, in their order', () => {
  const steps = calls(bodyOf('host/message/process-message.ts', 'LIFE'))
    .filter(({ callee }) => /\.(step|joint|conclude)$/.test(callee))
    .map(({ args }) => args[0]!.text);
  expect(steps.length).toBeGreaterThan(5);
  expect(rowsOfDiagram(steps[0]!)).toEqual(steps);
});

test('the steps of a plugin are those of runPlugin, after discover and before drain and close', () => {
  const file = 'host/plugin/run-plugin.ts';
  const declared = sourceOf(file)
    .statements.filter(ts.isFunctionDeclaration)
    .map(({ name }) => name!.text);
  const named = identifiers(bodyOf(file, 'runPlugin')).filter(
    (name) => declared.includes(name) && name !== 'runPlugin',
  );
  const steps = [...new Set(named)];
  expect(steps.length).toBeGreaterThan(4);
  expect(rowsOfDiagram('discover')).toEqual(['discover', ...steps, 'drain', 'close']);
});

test('the layers are the folders of host, each above those that it may import', () => {
  const layers = rowsOf(PAGE).map(([layer]) => layer!.replace(/^host\//, ''));
  const folders = readdirSync(join(ROOT, 'host'), { withFileTypes: true }).filter((entry) => entry.isDirectory());
  expect(layers).toEqual(expect.arrayContaining(folders.map(({ name }) => name)));
  const upwards = rowsOf(PAGE).flatMap(([layer, , imports], at) =>
    imports!
      .split(/[,;]| \(.*?\)/)
      .map((name) => name.trim())
      .filter((name) => layers.includes(name) && !imports!.startsWith('every') && layers.indexOf(name) <= at)
      .map((name) => `${layer!} → ${name}`),
  );
  expect(upwards).toEqual([]);
});

/** The first words of the rows of the diagram that begins with this one. */
function rowsOfDiagram(first: string): string[] {
  const diagrams = blocksOf(PAGE).map(({ text }) => [...text.matchAll(/^ ([a-z]\w*) /gim)].map(([, name]) => name!));
  return diagrams.find(([name]) => name === first) ?? [];
}

function sourceOf(file: string): ts.SourceFile {
  return ts.createSourceFile(file, readFileSync(join(ROOT, file), 'utf8'), ts.ScriptTarget.Latest, true);
}

/** The function or constant of that name. */
function bodyOf(file: string, name: string): ts.Node {
  const declarations = sourceOf(file).statements.flatMap(
    (statement): (ts.FunctionDeclaration | ts.VariableDeclaration)[] =>
      ts.isFunctionDeclaration(statement)
        ? [statement]
        : ts.isVariableStatement(statement)
          ? [...statement.declarationList.declarations]
          : [],
  );
  return declarations.find((each) => each.name?.getText() === name)!;
}

/** The calls in a chain, in the order of the text. */
function calls(node: ts.Node): { callee: string; args: { text: string }[] }[] {
  const found: { callee: string; args: { text: string }[]; at: number }[] = [];
  const visit = (each: ts.Node): void => {
    if (ts.isCallExpression(each)) {
      const args = each.arguments.map((arg) => ({ text: arg.getText() }));
      found.push({ callee: each.expression.getText(), args, at: each.end });
    }
    ts.forEachChild(each, visit);
  };
  visit(node);
  return found.sort((a, b) => a.at - b.at);
}

function identifiers(node: ts.Node): string[] {
  const found: string[] = [];
  const visit = (each: ts.Node): void => {
    if (ts.isIdentifier(each)) found.push(each.text);
    ts.forEachChild(each, visit);
  };
  visit(node);
  return found;
}
