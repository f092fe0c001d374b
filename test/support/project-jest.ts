import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import preset from '../../jest-preset.json';
import { ROOT } from './markdown';

/** Runs the tests of a project with the package's preset and the packages of this repository. */
export function runJest(cwd: string): void {
  const transform = Object.entries(preset.transform).map(([files, [transformer, options]]) => [
    files,
    [join(ROOT, 'node_modules', transformer as string), options],
  ]);
  const config = {
    rootDir: cwd,
    modulePaths: [join(ROOT, 'node_modules')],
    transform: Object.fromEntries(transform) as object,
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
