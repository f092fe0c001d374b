import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import setUpHosts from '../global-setup';

/** Runs once before all tests in a browser: as before other tests, and builds the page. */
export default async function setUp(): Promise<void> {
  await setUpHosts();
  execFileSync(process.execPath, [join(__dirname, '..', '..', '..', 'page', 'build.mjs')]);
}
