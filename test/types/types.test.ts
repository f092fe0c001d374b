import { join } from 'node:path';
import * as ts from 'typescript';

const FILES = ['sdk.types.ts', 'message-life.types.ts'];
let program: ts.Program;

beforeAll(() => {
  const root = join(__dirname, '..', '..');
  const config = ts.getParsedCommandLineOfConfigFile(
    join(root, 'tsconfig.json'),
    {},
    { ...ts.sys, onUnRecoverableConfigFileDiagnostic: fail },
  )!;
  const files = FILES.map((file) => join(__dirname, file));
  program = ts.createProgram(files, { ...config.options, types: ['node'] });
});

test.each([
  ['the SDK’s types take what is right and refuse what is wrong', 'sdk.types.ts'],
  ['the steps of a message’s life compile only in their order', 'message-life.types.ts'],
])('%s, as %s has it', (_what, name) => {
  const file = program.getSourceFile(join(__dirname, name));
  const wrong = ts.getPreEmitDiagnostics(program, file).map(({ file, start, messageText }) => {
    const line = file === undefined ? '' : `${file.fileName}:${file.getLineAndCharacterOfPosition(start!).line + 1}: `;
    return `${line}${ts.flattenDiagnosticMessageText(messageText, ' ')}`;
  });
  expect(wrong).toEqual([]);
});

function fail(diagnostic: ts.Diagnostic): never {
  throw new Error(ts.flattenDiagnosticMessageText(diagnostic.messageText, ' '));
}
