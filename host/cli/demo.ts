import { spawn } from 'node:child_process';
import { join } from 'node:path';
import type { Command } from 'commander';
import { packageRoot } from '../base/package-version';

export function demoCommand(program: Command): void {
  program
    .command('demo')
    .description(
      'the streaming platform’s story, live: the synchronous chain beside publish-and-return, with measured figures',
    )
    .option('--json', 'print the figures as JSON')
    .option('--quick', 'the services at a quarter of their times')
    .option('--requests <n>', 'requests for each measurement', '40')
    .addHelpText(
      'after',
      `
Examples:
  $ jetplug demo
  $ jetplug demo --requests 100 --json`,
    )
    .action(demo);
}

/** Runs the demonstration as a separate program, because it is an example and not part of the host. */
async function demo(flags: { json?: boolean; quick?: boolean; requests: string }): Promise<void> {
  const script = join(packageRoot(), 'dist', 'examples', 'demo.js');
  const args = [
    script,
    '--requests',
    flags.requests,
    ...(flags.quick ? ['--quick'] : []),
    ...(flags.json ? ['--json'] : []),
  ];
  const child = spawn(process.execPath, args, { stdio: 'inherit' });
  // A terminal sends Ctrl-C to both processes. This one waits until the demonstration has cleaned up.
  process.on('SIGINT', () => undefined);
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  process.exitCode = await new Promise<number>((resolve) => child.on('exit', (code) => resolve(code ?? 1)));
}
