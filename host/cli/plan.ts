import { writeFileSync } from 'node:fs';
import type { Command } from 'commander';
import { JetplugError } from '../../sdk/internal';
import { makePlan } from '../plan/make-plan';
import { planFile } from '../plan/plan-file';
import { pluginsFolders, reachesBroker, withBroker, type CommonFlags } from './common';
import { printErrors, printJson } from './output';
import { planPlugins } from './plan-plugins';
import { printPlan } from './plan-screen';

interface PlanFlags extends CommonFlags {
  out?: string;
}

export function planCommand(program: Command): void {
  pluginsFolders(reachesBroker(program.command('plan')))
    .option('--out <file>', 'write the plan to a file, for `jetplug apply FILE`')
    .description('show what the config and the plugins would change on the server: streams, buckets and durables')
    .addHelpText(
      'after',
      `
It changes nothing.

  + create     ~ update in place     ! delete and create again
  - orphan: it is this deployment's, and neither the config nor a plugin needs it
  ? not ours: it is needed, and another program or another deployment owns it

Exits with 0 if nothing is to be changed, with 2 if something is, and with 1 on an error. If a plugin cannot be read,
the rest is shown, no asset of a plugin is called an orphan, and it exits with 1.

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
  const { steps, problems, deployment } = await withBroker(flags, async (connection, { config }) => {
    const read = await planPlugins(config);
    const made = await makePlan(connection, config, read);
    return { steps: made, problems: read.problems, deployment: config.deploy.name };
  });
  const changes = steps.map(({ change }) => change);
  if (flags.json) printJson(changes);
  else printPlan(changes);
  printErrors(problems, flags.json === true);
  if (problems.length > 0) process.exitCode = 1;
  else if (changes.length > 0) process.exitCode = CHANGES;
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
