// This import comes first, so that it reads the parent's process id before other modules take time to load.
import { watchNpm } from './npm-parent';
import { Command, CommanderError } from 'commander';
import { JetplugError } from '../../sdk/internal';
import { packageVersion } from '../base/package-version';
import { adoptCommand } from './adopt';
import { auditCommand } from './audit';
import { blameCommand } from './blame';
import { checkCommand } from './check';
import { deadCommand } from './dead';
import { demoCommand } from './demo';
import { docsCommand } from './docs';
import { fateCommand } from './fate';
import { newCommand } from './new';
import { errorsOf, printErrors, surviveLostOutput } from './output';
import { pageCommand } from './page';
import { pauseCommand, resumeCommand } from './pause';
import { pluginsCommand } from './plugins';
import { publishCommand } from './publish';
import { routesCommand } from './routes';
import { startCommand } from './start';
import { storeCommand } from './store';
import { tailCommand } from './tail';
import { traceCommand } from './trace';

/** The `jetplug` command. Each subcommand has a file; a new one is added to the list below. */
async function main(): Promise<void> {
  surviveLostOutput();
  const program = new Command('jetplug')
    .description('An event host on NATS JetStream: drop a subscriber plugin into a folder and it consumes.')
    .version(packageVersion())
    .showHelpAfterError('(see --help)')
    .addHelpText(
      'after',
      `
Examples:
  $ jetplug start
  $ jetplug publish video.watch_started '{"user_id":"u1","video_id":"v1"}'
  $ jetplug plugins`,
    )
    .exitOverride();
  for (const add of [
    startCommand,
    checkCommand,
    publishCommand,
    pluginsCommand,
    routesCommand,
    docsCommand,
    storeCommand,
    blameCommand,
    pauseCommand,
    resumeCommand,
    tailCommand,
    traceCommand,
    deadCommand,
    fateCommand,
    adoptCommand,
    auditCommand,
    pageCommand,
    newCommand,
    demoCommand,
  ]) {
    add(program);
  }
  // `start` handles the end of npm itself, to stop gracefully.
  program.hook('preAction', (_, command) => {
    if (command.name() !== 'start') watchNpm(() => process.kill(process.pid, 'SIGTERM'));
  });
  await run(program);
  // Commands other than `start` exit here, because a timer or socket of a plugin that was loaded must not keep them
  // alive.
  const runsOn = program.args[0] === 'start' && !process.exitCode;
  if (!runsOn) process.stdout.write('', () => process.exit());
}

async function run(program: Command): Promise<void> {
  try {
    assertFolder();
    await program.parseAsync();
  } catch (failure) {
    // Commander has printed its message already. It throws for `--help` too, with exit code 0.
    if (failure instanceof CommanderError) {
      process.exitCode = failure.exitCode;
      return;
    }
    printErrors(errorsOf(failure), process.argv.includes('--json'));
    process.exitCode = 1;
  }
}

/** All paths count from the current folder, which may have been deleted. @throws JetplugError `JP_USAGE` */
function assertFolder(): void {
  try {
    process.cwd();
  } catch (cause) {
    const hint = 'Change to a folder that exists, then run the command again.';
    throw new JetplugError('JP_USAGE', 'the current folder does not exist any more', { hint, cause });
  }
}

void main();
