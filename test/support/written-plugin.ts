/** Checks the files that `jetplug new` has written, with the packages of this repository. */
import { join } from 'node:path';
import ts from 'typescript';
import { ROOT } from './markdown';

/** The type errors of these files, by the compiler options of this repository. */
export function typeErrorsOf(files: readonly string[]): string[] {
  const { config } = ts.readConfigFile(join(ROOT, 'tsconfig.json'), ts.sys.readFile) as { config: object };
  const { options } = ts.parseJsonConfigFileContent({ ...config, files: [], include: [] }, ts.sys, ROOT);
  const paths = { ...options.paths, zod: [join(ROOT, 'node_modules/zod')] };
  const typeRoots = [join(ROOT, 'node_modules/@types')];
  const program = ts.createProgram([...files], { ...options, paths, typeRoots });
  return ts
    .getPreEmitDiagnostics(program)
    .map(({ file, messageText }) => `${file?.fileName}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`);
}
