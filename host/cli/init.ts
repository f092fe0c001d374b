import { spawn } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import type { Command } from 'commander';
import { JetplugError } from '../../sdk/internal';
import { ask, canAsk } from './ask';
import { PNPM_FILES, PROJECT_FILES } from './init-files';
import { completeManifest, scriptsIn } from './init-package';
import { FIRST_EVENT, FIRST_PLUGIN } from './init-plugin';
import { paint, place, print, printJson } from './output';
import { writeNew } from './write-new';

interface InitFlags {
  yes?: boolean;
  json?: boolean;
}

/** The paths of the files, absolute. */
interface Written {
  readonly written: string[];
  /** Files that existed, and got what was missing: package.json only. */
  readonly completed: string[];
  /** Files that existed and stay as they are. */
  readonly kept: string[];
}

export function initCommand(program: Command): void {
  program
    .command('init')
    .argument('[folder]', 'the project’s folder, which is created if it is missing', '.')
    .option('--yes', 'ask nothing, and install the packages')
    .option('--json', 'print JSON')
    .description('write a project of your own: config, a first plugin with its test, scripts, container files')
    .addHelpText(
      'after',
      `
Writes config/default.yaml, plugins/ with a contract, a plugin and its test, package.json, tsconfig.json, .gitignore,
Dockerfile and docker-compose.yml. In a project of pnpm it also writes pnpm-workspace.yaml. No file is overwritten: the command names those that it left as they are. It adds
the missing scripts and packages to an existing package.json, and changes none that are there.
On a terminal the command asks whether to install the packages. Without a terminal it installs them only with --yes.

Examples:
  $ jetplug init
  $ jetplug init my-platform --yes
  $ jetplug init my-platform --json`,
    )
    .action(init);
}

async function init(folderName: string, flags: InitFlags): Promise<void> {
  const folder = resolve(folderName);
  const json = flags.json === true;
  makeFolder(folder);
  const manager = managerOf(folder);
  const files = writeProject(folder, manager);
  if (!json) reportFiles(files);
  const installs = flags.yes === true || (!json && (await asksToInstall(manager)));
  if (installs) await install(folder, manager, json);
  const next = nextSteps(folder, manager, installs);
  if (json) return printJson({ folder, ...files, installed: installs, next });
  print();
  print('Next:');
  next.forEach((step, i) => print(`  ${i + 1}. ${step}`));
}

/** @throws JetplugError `JP_FILE_UNWRITABLE` */
function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true });
  } catch (cause) {
    throw new JetplugError('JP_FILE_UNWRITABLE', `the folder ${place(folder)} cannot be created`, {
      file: folder,
      cause,
    });
  }
}

function writeProject(folder: string, manager: string): Written {
  // An invalid package.json is reported before anything is written.
  const manifest = completeManifest(folder);
  const result: Written = { written: [], completed: [], kept: [] };
  result[manifest].push(join(folder, 'package.json'));
  for (const { file: name, text } of [...PROJECT_FILES, ...(manager === 'pnpm' ? PNPM_FILES : [])]) {
    const file = join(folder, name);
    result[writeNew({ file, text }) ? 'written' : 'kept'].push(file);
  }
  return result;
}

function reportFiles({ written, completed, kept }: Written): void {
  for (const file of written) print(`${paint('green', '✔')} ${place(file)}`);
  for (const file of completed) print(`${paint('green', '✔')} ${place(file)}  missing scripts and packages added`);
  for (const file of kept) print(`${paint('yellow', '•')} ${place(file)}  exists, left as it is`);
}

/** pnpm, if it runs this command or has installed packages in the folder. An install by npm would break its layout. */
function managerOf(folder: string): 'npm' | 'pnpm' {
  const isRunByPnpm = process.env['npm_config_user_agent']?.startsWith('pnpm/') === true;
  return isRunByPnpm || existsSync(join(folder, 'pnpm-lock.yaml')) ? 'pnpm' : 'npm';
}

async function asksToInstall(manager: string): Promise<boolean> {
  if (!canAsk()) return false;
  return /^(y|yes|)$/i.test(await ask(`\nInstall the packages now, with ${manager} install? [Y/n] `));
}

/** @throws JetplugError `JP_INSTALL_FAILED` */
async function install(folder: string, manager: string, json: boolean): Promise<void> {
  // With --json standard output has the JSON only, so the package manager writes to standard error.
  const child = spawn(manager, ['install'], {
    cwd: folder,
    stdio: ['ignore', json ? 2 : 'inherit', 'inherit'],
    // On Windows npm and pnpm are scripts, which only a shell can start.
    shell: process.platform === 'win32',
  });
  const ending = await new Promise<string | number | Error>((done) => {
    child.once('error', done);
    child.once('close', (code, signal) => done(code ?? signal ?? 'an unknown signal'));
  });
  if (ending === 0) return;
  const failed = `\`${manager} install\` in ${place(folder) || '.'}`;
  if (ending instanceof Error)
    throw new JetplugError('JP_INSTALL_FAILED', `${failed} did not start`, { cause: ending });
  throw new JetplugError('JP_INSTALL_FAILED', `${failed} ended with ${ending}`);
}

function nextSteps(folder: string, manager: string, isInstalled: boolean): string[] {
  const path = relative(process.cwd(), folder);
  const isOwn = (script: string, command: string): boolean => scriptsIn(folder)[script] === command;
  return [
    ...(path === '' ? [] : [`go to the project: cd ${path}`]),
    ...(isInstalled ? [] : [`install the packages: ${manager} install`]),
    `run the tests: ${isOwn('test', 'jest') ? 'npm test' : 'npx jest'}`,
    `run the host: ${isOwn('start', 'jetplug start') ? 'npm start' : 'npx jetplug start'}`,
    `publish an event: npx jetplug publish ${FIRST_EVENT.subject} '${JSON.stringify(FIRST_EVENT.fields)}'`,
    `read the plugin’s store: npx jetplug store ${FIRST_PLUGIN}`,
    'write your own plugin: npx jetplug new NAME --on EVENT',
  ];
}
