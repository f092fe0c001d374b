import { execFile } from 'node:child_process';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { ROOT } from './markdown';
import type { TestServer } from './nats-server';
import type { Scene } from './scene';

const run = promisify(execFile);

const OPERATOR = 'TEST';
const ACCOUNT = 'APP';
const UNLIMITED_JETSTREAM = ['mem-storage', 'disk-storage', 'streams', 'consumer'].flatMap((one) => [
  `--js-${one}`,
  '-1',
]);

/** A real nsc in a folder of its own, with an operator and an account, which is the current one. */
export class Nsc {
  /** The part of a config of nats-server that knows the operator. The accounts come by `push`. */
  readonly serverConfig: string;

  private constructor(
    private readonly env: NodeJS.ProcessEnv,
    private readonly folder: string,
    generatedConfig: string,
  ) {
    this.serverConfig = generatedConfig.replace('./jwt', join(folder, 'jwt'));
  }

  /** @throws Error if nsc is neither installed nor can be built */
  static async start(scene: Scene): Promise<Nsc> {
    const { stdout: program } = await run(join(ROOT, '.ci/nsc'));
    const folder = scene.folder();
    const env = {
      ...process.env,
      ...{ HOME: folder, NSC_HOME: folder, XDG_CONFIG_HOME: folder, XDG_DATA_HOME: folder, NKEYS_PATH: folder },
      PATH: `${dirname(program)}:${process.env['PATH']}`,
    };
    const nsc = async (...args: string[]): Promise<string> => (await run('nsc', args, { env })).stdout;
    await nsc('add', 'operator', '--name', OPERATOR, '--sys');
    await nsc('add', 'account', '--name', ACCOUNT);
    await nsc('edit', 'account', '--name', ACCOUNT, ...UNLIMITED_JETSTREAM);
    return new Nsc(env, folder, await nsc('generate', 'config', '--nats-resolver'));
  }

  /** Runs these commands in a shell. Throws if one of them fails. */
  async run(commands: string): Promise<void> {
    await run('sh', ['-euc', commands], { env: this.env });
  }

  /** Makes the account, as it is now, known to the server. nsc waits the whole timeout, for answers of further servers. */
  async push(server: TestServer): Promise<void> {
    await this.run(`nsc push --account ${ACCOUNT} --account-jwt-server-url ${server.url} --timeout 5`);
  }

  /** The file with the credentials of a user. */
  credsFile(user: string): string {
    return join(this.folder, 'creds', OPERATOR, ACCOUNT, `${user}.creds`);
  }
}
