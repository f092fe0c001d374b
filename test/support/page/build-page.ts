import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

/** Builds the page once before all of its tests. */
export default function setUp(): void {
  execFileSync(process.execPath, [join(__dirname, '..', '..', '..', 'page', 'build.mjs')]);
}
