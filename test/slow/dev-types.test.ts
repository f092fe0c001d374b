/** `jetplug dev` with the real TypeScript compiler, which ends also when the host is killed. */
import { spawn, type ChildProcess } from 'node:child_process';
import { readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from '../support/eventually';
import { MAIN, plainEnv, STORY_CONFIG } from '../support/host';
import { isAlive } from '../support/is-alive';
import { ROOT } from '../support/markdown';
import { Scene } from '../support/scene';

const PATIENCE_MS = 60_000;

const scene = new Scene();
let child: ChildProcess | undefined;
afterAll(async () => {
  child?.kill('SIGKILL');
  await scene.end();
});

test('the type errors of a file that is saved are logged, until it is corrected', async () => {
  const server = await scene.server();
  const folder = scene.folder({
    ...STORY_CONFIG,
    'plugins/helper.ts': 'export const price: number = 1;\n',
    'tsconfig.json': JSON.stringify({ compilerOptions: { strict: true, types: [] }, files: ['plugins/helper.ts'] }),
    'node_modules/.keep': '',
  });
  symlinkSync(join(ROOT, 'node_modules/typescript'), join(folder, 'node_modules/typescript'));
  const args = ['dev', '--servers', server.url, '--http', '', '--plugins', 'plugins'];
  const dev = spawn(process.execPath, [MAIN, ...args], { cwd: folder, env: plainEnv() });
  child = dev;
  let output = '';
  dev.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const compiler = await eventually(() => childrenOf(dev.pid!)[0], PATIENCE_MS);
  const helper = join(folder, 'plugins/helper.ts');
  const warning =
    /WARN {2}type error: Type 'string' is not assignable to type 'number'\. at plugins\/helper\.ts:1 TS2322$/m;
  writeFileSync(helper, "export const price: number = 'one';\n");
  await eventually(() => warning.test(output), PATIENCE_MS);
  writeFileSync(helper, 'export const price: number = 2;\n');
  await eventually(() => output.includes('the type errors are corrected'), PATIENCE_MS);
  dev.kill('SIGKILL');
  await eventually(() => !isAlive(compiler));
}, 200_000);

/** The processes whose parent is this one, on Linux. */
function childrenOf(parent: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => parentOf(pid) === parent);
}

function parentOf(pid: number): number | undefined {
  try {
    return Number(/\) \S (\d+) /.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.[1]);
  } catch {
    return undefined; // It has ended.
  }
}
