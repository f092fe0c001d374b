import { join } from 'node:path';
import * as ts from 'typescript';

test('the SDK’s types take what is right and refuse what is wrong, as sdk.types.ts has it', () => {
  const root = join(__dirname, '..', '..');
  const config = ts.getParsedCommandLineOfConfigFile(
    join(root, 'tsconfig.json'),
    {},
    { ...ts.sys, onUnRecoverableConfigFileDiagnostic: fail },
  )!;
  const program = ts.createProgram([join(__dirname, 'sdk.types.ts')], { ...config.options, types: ['node'] });
  const wrong = ts.getPreEmitDiagnostics(program).map(({ file, start, messageText }) => {
    const line = file === undefined ? '' : `${file.fileName}:${file.getLineAndCharacterOfPosition(start!).line + 1}: `;
    return `${line}${ts.flattenDiagnosticMessageText(messageText, ' ')}`;
  });
  expect(wrong).toEqual([]);
});

function fail(diagnostic: ts.Diagnostic): never {
  throw new Error(ts.flattenDiagnosticMessageText(diagnostic.messageText, ' '));
}
