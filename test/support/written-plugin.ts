/** Checks the files that `jetplug new` has written, with the packages of this repository. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import ts from 'typescript';
import { ROOT } from './markdown';

/** Runs all tests below the folder. Fails with jest's output. */
export function runJest(cwd: string): void {
  const config = {
    rootDir: cwd,
    modulePaths: [join(ROOT, 'node_modules')],
    transform: {
      '^.+\\.ts$': [
        join(ROOT, 'node_modules/@swc/jest'),
        {
          jsc: {
            parser: { syntax: 'typescript', decorators: true },
            transform: { legacyDecorator: true, decoratorMetadata: true },
          },
          module: { type: 'commonjs' },
        },
      ],
    },
    moduleNameMapper: {
      '^jetplug/sdk$': join(ROOT, 'dist/sdk/index.js'),
      '^jetplug/testing$': join(ROOT, 'dist/host/testing/index.js'),
    },
  };
  const jest = join(ROOT, 'node_modules/jest/bin/jest.js');
  const args = [jest, '--config', JSON.stringify(config), '--maxWorkers=1', '--detectOpenHandles'];
  const { status, stderr } = spawnSync(process.execPath, args, { cwd, encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
}

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
