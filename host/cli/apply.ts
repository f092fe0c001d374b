import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { JetplugError } from '../../sdk/internal';
import type { Config } from '../config/config';
import { Bucket } from '../nats/bucket';
import { applyConfig, fingerprintOf } from '../nats/generation-record';
import type { Connection } from '../nats/connection';
import { asBrokerError } from '../nats/failures';
import { RECORDS_BUCKET } from '../nats/wanted-streams';
import { makeStep, selectSteps, type ApplyOptions, type Selected } from '../plan/apply-plan';
import { assetKey, type PlannedChange, type Step } from '../plan/change';
import { makePlan } from '../plan/make-plan';
import { assertCurrent, parsePlanFile, type PlanFile } from '../plan/plan-file';
import { ask, canAsk } from './ask';
import { auditedCommand, commandUser } from './audited-command';
import { pluginsFolders, reachesBroker, withBroker, type CommonFlags } from './common';
import { paint, print, printJson } from './output';
import { findNotes } from './plan-notes';
import { planPlugins, type PlannedPlugins } from './plan-plugins';
import { changeTitle, printPlan } from './plan-screen';

interface ApplyFlags extends CommonFlags {
  yes?: boolean;
  prune?: boolean;
  allowDataLoss?: boolean;
}

export function applyCommand(program: Command): void {
  pluginsFolders(reachesBroker(program.command('apply')))
    .argument('[plan]', 'a file that `jetplug plan --out` has written (default: a plan that is made now)')
    .option('--yes', 'do not ask')
    .option('--prune', 'delete the orphans too: what neither the config nor a plugin needs')
    .option('--allow-data-loss', 'make changes that lose stored events or values too')
    .description('make the changes that `jetplug plan` shows')
    .addHelpText(
      'after',
      `
It makes one change after the other, stops at the first that fails, and says what was done and what was not. Run it
again to continue: a change that is done is not made twice. Hosts may run meanwhile.

A plan file is applied without a question. It is refused if the server, the config or the plugins have changed since.
Without a file, the plan is shown and you are asked; in a script, --yes is the answer.

Examples:
  $ jetplug apply
  $ jetplug apply plan.json
  $ jetplug apply --prune --allow-data-loss --yes --json`,
    )
    .action(apply);
}

/** The outcome of an `apply`. */
interface Applied {
  readonly done: readonly PlannedChange[];
  /** The change at which it has stopped. */
  readonly failed?: PlannedChange;
  /** The changes behind that one. */
  readonly notDone: readonly PlannedChange[];
  /** Orphans, and foreign assets without which a host works. They stay as they are. */
  readonly left: readonly PlannedChange[];
}

async function apply(file: string | undefined, flags: ApplyFlags): Promise<void> {
  await withBroker(flags, async (connection, { config }) => {
    const { deploy } = config;
    const options: ApplyOptions = {
      deployment: deploy.name,
      prune: flags.prune === true,
      allowDataLoss: flags.allowDataLoss === true || deploy.allowDataLoss,
      by: commandUser(),
    };
    const { steps, checked } = await currentPlan(connection, config, file);
    if (file === undefined && !flags.json)
      printPlan(steps.map(changeOf), await findNotes(connection, config, checked, {}));
    const selected = selectSteps(steps, options);
    if (file === undefined && !flags.yes && selected.made.length > 0) await confirm(flags);
    await makeAll(connection, config, selected, options, flags);
  });
}

function changeOf({ change }: Step): PlannedChange {
  return change;
}

/**
 * Makes the plan.
 * @throws JetplugError, or an AggregateError of several, if a plugin cannot be read or the file is out of date
 */
async function currentPlan(
  connection: Connection,
  config: Config,
  file: string | undefined,
): Promise<Pick<PlannedPlugins, 'checked'> & { readonly steps: Step[] }> {
  const earlier = file === undefined ? undefined : readPlan(file);
  const read = await planPlugins(config);
  if (read.problems.length > 0) throw new AggregateError(read.problems, 'nothing is changed');
  const steps = await makePlan(connection, config, read);
  if (earlier) assertCurrent(earlier, config.deploy.name, steps);
  return { steps, checked: read.checked };
}

function readPlan(file: string): PlanFile {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new JetplugError('JP_PLAN_FILE_INVALID', `the plan cannot be read: ${(cause as Error).message}`, { cause });
  }
  return parsePlanFile(text, file);
}

/** @throws JetplugError `JP_PLAN_NOT_CONFIRMED` */
async function confirm({ json }: ApplyFlags): Promise<void> {
  if (json || !canAsk()) throw new JetplugError('JP_PLAN_NOT_CONFIRMED', 'nothing is changed without a confirmation');
  if (/^y(es)?$/i.test(await ask('Make these changes? [y/N] '))) return;
  throw new JetplugError('JP_PLAN_NOT_CONFIRMED', 'you did not confirm, so nothing is changed', {
    hint: 'Answer y to make the changes, or give --yes.',
  });
}

/** Makes the selected steps, reports what was done and what was not, and throws the error of the one that failed. */
async function makeAll(
  connection: Connection,
  config: Config,
  { made, left }: Selected,
  options: ApplyOptions,
  { json }: ApplyFlags,
): Promise<void> {
  const done: PlannedChange[] = [];
  const report = (failed?: PlannedChange): void => {
    const notDone = made.slice(done.length + (failed ? 1 : 0)).map(changeOf);
    const applied: Applied = { done, ...(failed && { failed }), notDone, left: left.map(changeOf) };
    if (json) printJson(applied);
    else printApplied(applied);
  };
  if (made.length === 0) {
    await claim(connection, config);
    if (!json) print('Nothing is to be changed.');
    return report();
  }
  // The last entry of the audit has the changes that are done by then.
  const changes: string[] = [];
  const plan = { changes: made.map(stepText) };
  const change = { action: 'apply', target: config.deploy.name, detail: { changes } };
  // The operator creates the stream of the audit, even where hosts create nothing.
  const audited = { ...config, deploy: { ...config.deploy, bindOnly: false } };
  const makeSteps = async (): Promise<void> => {
    await claim(connection, config);
    for (const step of made) {
      try {
        await makeStep(connection, step, options);
      } catch (error) {
        report(step.change);
        throw error;
      }
      done.push(step.change);
      changes.push(stepText(step));
      if (!json) print(`${paint('green', '✔')} ${changeTitle(step.change)}`);
    }
  };
  await auditedCommand(connection, audited, change, makeSteps, plan);
  report();
}

function stepText({ change }: Step): string {
  return `${change.change} ${assetKey(change)}`;
}

/**
 * Makes the config the newest of the deployment, so that no host puts back its own.
 * @throws JetplugError `JP_BROKER_*`
 */
async function claim(connection: Connection, config: Config): Promise<void> {
  const records = await Bucket.find(connection, RECORDS_BUCKET);
  if (!records) return;
  await applyConfig(records, fingerprintOf(config), commandUser()).catch((error: unknown) => {
    const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
    throw asBrokerError(cause, 'making this config the newest; nothing is changed');
  });
}

function printApplied({ done, failed, notDone, left }: Applied): void {
  if (failed) {
    print(`${paint('red', '✖')} ${changeTitle(failed)}`);
    for (const change of notDone) print(`  not done: ${changeTitle(change)}`);
    print('Run it again when the cause is mended: the changes that are done are not made twice.');
  } else if (done.length > 0) print(done.length === 1 ? '1 change is made.' : `${done.length} changes are made.`);
  for (const change of left) print(`  left as it is: ${changeTitle(change)}`);
}
