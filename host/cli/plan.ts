import { writeFileSync } from 'node:fs';
import type { Command } from 'commander';
import { JetplugError } from '../../sdk/internal';
import { makePlan } from '../plan/make-plan';
import { planFile } from '../plan/plan-file';
import { pluginsFolders, reachesBroker, withBroker, type CommonFlags } from './common';
import type { JudgeFlags } from './judged-contracts';
import { printErrors, printJson } from './output';
import { planPlugins } from './plan-plugins';
import { findNotes, mayRefuse, noteEntries } from './plan-notes';
import { printPlan } from './plan-screen';

interface PlanFlags extends CommonFlags, JudgeFlags {
  out?: string;
}

export function planCommand(program: Command): void {
  pluginsFolders(reachesBroker(program.command('plan')))
    .option('--out <file>', 'write the plan to a file, for `jetplug apply FILE`')
    .option('--all', 'test changed contracts on all stored events, not on the last 100,000 of each subject')
    .description('show what the config and the plugins would change on the server: streams, buckets and durables')
    .addHelpText(
      'after',
      `
It changes nothing.

  + create     ~ update in place     ! delete and create again
  - orphan: it is this deployment's, and neither the config nor a plugin needs it
  ? not ours: it is needed, and another program or another deployment owns it
  # a contract would refuse stored events, or convert them by its upcast. The plan tests the contracts of the plugins
    whose files differ from those that a host has run last.
  i a handler asks for another start (from) than its durable has had. This has no effect.

Exits with 0 if nothing is to be changed, with 2 if something is or if a contract would refuse events, and with 1 on an
error. Converted events, and a start that has no effect, do not count. If a plugin cannot be read, the rest is shown, no
asset of a plugin is called an orphan, and it exits with 1.

Examples:
  $ jetplug plan
  $ jetplug plan --config production.yaml --out plan.json
  $ jetplug plan --json`,
    )
    .action(plan);
}

/** The exit code if something is to be changed. */
const CHANGES = 2;

async function plan({ out, ...flags }: PlanFlags): Promise<void> {
  const { steps, notes, problems, deployment } = await withBroker(flags, async (connection, { config }) => {
    const read = await planPlugins(config);
    const made = await makePlan(connection, config, read);
    const found = await findNotes(connection, config, read.checked, flags);
    return { steps: made, notes: found, problems: read.problems, deployment: config.deploy.name };
  });
  const changes = steps.map(({ change }) => change);
  if (flags.json) printJson([...changes, ...noteEntries(notes)]);
  else printPlan(changes, notes);
  printErrors(problems, flags.json === true);
  if (problems.length > 0) process.exitCode = 1;
  else if (changes.length > 0 || notes.contracts.some(mayRefuse)) process.exitCode = CHANGES;
  // A plan without the assets of some plugins is not written.
  if (out === undefined || problems.length > 0) return;
  write(out, JSON.stringify(planFile(deployment, steps), null, 2));
}

/** @throws JetplugError `JP_USAGE` */
function write(file: string, text: string): void {
  try {
    writeFileSync(file, `${text}\n`);
  } catch (cause) {
    throw new JetplugError('JP_USAGE', `the plan cannot be written: ${(cause as Error).message}`, { cause });
  }
}
