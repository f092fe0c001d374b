import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The version of this package, from its package.json. */
export function packageVersion(): string {
  return (JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as { version: string }).version;
}

/** The root folder of this package, also when it runs from `dist`. */
export function packageRoot(): string {
  const here = join(__dirname, '../..');
  return here.endsWith('dist') ? dirname(here) : here;
}
