import { join } from 'node:path';
import ts from 'typescript';
import { ROOT } from './markdown';

/** An error of the compiler. */
export interface CompilerError {
  readonly line: number;
  /** The message, from the general line to the special one. */
  readonly lines: readonly string[];
}

/** Compiles source texts in one program, with the project's options, and returns the errors of each. */
export function compileSources(sources: ReadonlyMap<string, string>): Map<string, CompilerError[]> {
  const { config } = ts.readConfigFile(join(ROOT, 'tsconfig.json'), ts.sys.readFile) as { config: unknown };
  const { options: own } = ts.parseJsonConfigFileContent(config, ts.sys, ROOT);
  const options = { ...own, types: ['node'], noUnusedLocals: false, noUnusedParameters: false };
  const host = ts.createCompilerHost(options);
  const { readFile, fileExists, getSourceFile } = host;
  host.readFile = (file) => sources.get(file) ?? readFile.call(host, file);
  host.fileExists = (file) => sources.has(file) || fileExists.call(host, file);
  host.getSourceFile = (file, ...rest) => {
    const text = sources.get(file);
    return text === undefined ? getSourceFile.call(host, file, ...rest) : ts.createSourceFile(file, text, rest[0]);
  };
  const program = ts.createProgram([...sources.keys()], options, host);
  return new Map(
    [...sources.keys()].map((file) => [
      file,
      ts.getPreEmitDiagnostics(program, program.getSourceFile(file)).map(errorOf),
    ]),
  );
}

function errorOf({ file, start, messageText }: ts.Diagnostic): CompilerError {
  const line = file && start !== undefined ? file.getLineAndCharacterOfPosition(start).line + 1 : 0;
  const text = ts.flattenDiagnosticMessageText(messageText, '\n');
  return { line, lines: text.split('\n').map((one) => one.trim()) };
}
