import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Builds and packs the npm package into a folder that has no other tarball, and returns the tarball's path. */
export function pack(folder) {
  execFileSync('npm', ['run', 'package', '--', '--pack-destination', folder], { cwd: root, stdio: ['ignore', 2, 2] });
  return join(
    folder,
    readdirSync(folder).find((name) => name.endsWith('.tgz')),
  );
}
