// This import comes first, so that it reads the parent's process id before other modules take time to load.
import { watchNpm } from './npm-parent';
import { Command, CommanderError } from 'commander';
import { JetplugError } from '../../sdk/internal';
import { packageVersion } from '../base/package-version';
import { addCommands } from './commands';
import { errorsOf, printErrors, surviveLostOutput } from './output';

/** The commands that run a host until a signal stops it. They handle the end of npm themselves, to stop gracefully. */
const RUN_A_HOST = ['start', 'dev'];

/** The `jetplug` command. */
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
  await addCommands(program, process.argv.slice(2));
  program.hook('preAction', (_, command) => {
    if (!RUN_A_HOST.includes(command.name())) watchNpm(() => process.kill(process.pid, 'SIGTERM'));
  });
  await run(program);
  // Other commands exit here, because a timer or socket of a plugin that was loaded must not keep them
  // alive.
  const runsOn = RUN_A_HOST.includes(program.args[0] ?? '') && !process.exitCode;
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
