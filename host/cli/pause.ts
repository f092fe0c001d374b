import type { Command } from 'commander';
import { durationMs, JetplugError } from '../../sdk/internal';
import { pauseText, UNTIL_RESUMED } from '../base/pause-text';
import { changePauses, type HandlerPause } from '../ops/pause';
import { auditedCommand } from './audited-command';
import { reachesBroker, withBroker, type CommonFlags } from './common';
import { paint, print, printJson, table } from './output';

interface PauseFlags extends CommonFlags {
  for?: string;
  until?: string;
}

export function pauseCommand(program: Command): void {
  named(reachesBroker(program.command('pause')))
    .option('--for <duration>', 'for this long, such as 30m or 1h')
    .option('--until <time>', 'until this time, such as 2026-05-12T19:00:00Z')
    .description('stop the deliveries to a plugin or one of its handlers; their events wait in the stream')
    .addHelpText(
      'after',
      `
The server keeps the pause, so it applies to all hosts, and lasts over their restarts and deploys. It needs no
running host. Without --for and --until it lasts until \`jetplug resume\`. The retries of the handler wait too.
Events that are delivered already are still handled. A handler that is deployed later is not paused.

Examples:
  $ jetplug pause badge
  $ jetplug pause badge.award --for 1h
  $ jetplug pause badge --until 2030-05-12T19:00:00Z --json`,
    )
    .action((target: string, flags: PauseFlags) => run(target, endOf(flags, Date.now()), flags));
}

export function resumeCommand(program: Command): void {
  named(reachesBroker(program.command('resume')))
    .description('end the pause of a plugin or one of its handlers')
    .addHelpText(
      'after',
      `
It needs no running host. A running host continues within 5 s.

Examples:
  $ jetplug resume badge
  $ jetplug resume badge.award --json`,
    )
    .action((target: string, flags: CommonFlags) => run(target, undefined, flags));
}

function named(command: Command): Command {
  return command.argument('<plugin[.handler]>', 'a plugin, or one of its handlers');
}

/** The end of the pause that the flags ask for. @throws JetplugError `JP_USAGE` or `JP_DURATION_INVALID` */
function endOf(flags: Pick<PauseFlags, 'for' | 'until'>, nowMs: number): Date {
  if (flags.for !== undefined && flags.until !== undefined) {
    throw new JetplugError('JP_USAGE', '--for and --until do not go together');
  }
  if (flags.for === undefined && flags.until === undefined) return UNTIL_RESUMED;
  const ms = flags.until === undefined ? nowMs + durationMs(flags.for, '--for') : Date.parse(flags.until);
  if (Number.isNaN(ms)) {
    throw new JetplugError('JP_USAGE', `--until ${JSON.stringify(flags.until)} is not a time`, {
      hint: 'Write a time such as 2026-05-12T19:00:00Z, or give a length of time with --for.',
    });
  }
  if (ms <= nowMs) {
    throw new JetplugError('JP_USAGE', 'the pause would end before it begins', {
      hint: '`npx jetplug resume` ends a pause now.',
    });
  }
  return new Date(Math.min(ms, UNTIL_RESUMED.getTime()));
}

async function run(target: string, until: Date | undefined, flags: CommonFlags): Promise<void> {
  const change = {
    action: until ? 'pause' : 'resume',
    target,
    ...(until && { detail: { until: until.toISOString() } }),
  };
  const { done, failures } = await withBroker(flags, (connection, { config }) =>
    auditedCommand(connection, config, change, () => changePauses(connection, config.deploy.name, target, until)),
  );
  if (flags.json) printJson(done);
  else printPauses(done);
  if (failures.length > 0) throw new AggregateError(failures);
}

function printPauses(pauses: readonly HandlerPause[]): void {
  const rows = pauses.map((pause) => [
    paint('bold', `${pause.plugin}.${pause.handler}`),
    pauseState(pause),
    paint('dim', figures(pause)),
  ]);
  for (const line of table(rows)) print(line);
  if (pauses.some(({ paused, inFlight }) => paused && inFlight > 0)) {
    print(paint('dim', 'Hosts that run still handle the events in flight that they hold.'));
  }
}

function pauseState({ paused, changed, pausedUntil, pausedBefore }: HandlerPause): string {
  if (!paused) return changed ? paint('green', 'resumed') : 'is not paused';
  const end = pauseText(new Date(pausedUntil!));
  if (!changed) return paint('yellow', `is paused already, ${end}`);
  const before = pausedBefore === undefined ? '' : ` (it was paused ${pauseText(new Date(pausedBefore))})`;
  return paint('yellow', `paused ${end}${before}`);
}

function figures({ pending, inFlight, deferred }: HandlerPause): string {
  const waiting = [`${pending} pending`, `${inFlight} in flight`];
  return [...waiting, ...(deferred > 0 ? [`${deferred} in the retry queue`] : [])].join(', ');
}
