import type { Command } from 'commander';
import { JetplugError } from '../../sdk/internal';
import type { Config } from '../config/config';
import { adoptDurable, durableAdoption } from '../nats/adopt-durable';
import type { Connection } from '../nats/connection';
import { contents } from '../nats/foreign-stream';
import { lossText } from '../nats/data-loss';
import type { Ownership } from '../nats/ownership';
import { changeText } from '../nats/stream-changes';
import { compareStream, markStream } from '../nats/stream-comparison';
import { decideOwn, hostAction } from '../nats/stream-decision';
import { bucketStream, type WantedStream } from '../nats/wanted-streams';
import { adoptableStreams, durableNamed, unwanted, wantedOfPlugins } from './adopt-wanted';
import { auditedCommand } from './audited-command';
import { pluginsFolders, reachesBroker, withBroker, type CommonFlags } from './common';
import { paint, print, printJson } from './output';

interface AdoptFlags extends CommonFlags {
  yes?: boolean;
  stream?: string;
}

/** The changes that `adopt` has made to an existing stream, bucket or durable, or would make with `--yes`. */
interface Adoption {
  readonly kind: 'stream' | 'bucket' | 'durable';
  readonly name: string;
  /** The stream of a durable. */
  readonly stream?: string;
  readonly description: string;
  /** The deployment that the mark names; null without a mark. */
  readonly markedBy: string | null;
  /**
   * The changes of the asset. The adoption makes the first one, the new mark; the next start of a host makes the
   * others.
   */
  readonly changes: readonly string[];
  readonly adopted: boolean;
}

export function adoptCommand(program: Command): void {
  const adopt = program
    .command('adopt')
    .description('mark a stream, bucket or durable on the server as this deployment’s, so that hosts may change it');
  adoptable(
    adopt.command('stream'),
    'a stream of the config, that of the dead letters or the retries, or the commit log of a plugin',
  )
    .addHelpText('after', examples('stream EVENTS', 'stream EVENTS --yes'))
    .action((name: string, flags: AdoptFlags) => run(`stream ${name}`, flags, (...args) => adoptStream(name, ...args)));
  adoptable(adopt.command('bucket'), 'jetplug, or jetplug-<plugin>')
    .addHelpText('after', examples('bucket jetplug-badge', 'bucket jetplug-badge --yes'))
    .action((name: string, flags: AdoptFlags) => run(`bucket ${name}`, flags, (...args) => adoptBucket(name, ...args)));
  adoptable(adopt.command('durable'), 'the durable consumer of a handler')
    .option('--stream <name>', 'the stream that it is on (default: the one that its handler reads)')
    .addHelpText('after', examples('durable badge-award', 'durable badge--award --stream RETRY --yes'))
    .action((name: string, flags: AdoptFlags) =>
      run(`durable ${name}`, flags, (...args) => adoptOfHandler(name, flags.stream, ...args)),
    );
}

function adoptable(command: Command, what: string): Command {
  return pluginsFolders(reachesBroker(command))
    .argument('<name>', what)
    .option('--yes', 'do it; without it, only show what would change')
    .description(`adopt ${what}`);
}

function examples(...lines: string[]): string {
  const shown = lines.map((line) => `  $ jetplug adopt ${line}`).join('\n');
  return `\nShows what would change, and exits with 1 unless --yes is given.\n\nExamples:\n${shown}`;
}

type Adopt = (config: Config, connection: Connection, yes: boolean) => Promise<Adoption>;

async function run(target: string, flags: AdoptFlags, adopt: Adopt): Promise<void> {
  await withBroker(flags, async (connection, { config }) => {
    const adoption = flags.yes
      ? await auditedCommand(connection, config, { action: 'adopt', target }, () => adopt(config, connection, true))
      : await adopt(config, connection, false);
    if (flags.json) printJson(adoption);
    else printAdoption(adoption);
    if (!adoption.adopted) process.exitCode = 1;
  });
}

export async function adoptStream(
  name: string,
  config: Config,
  connection: Connection,
  yes: boolean,
): Promise<Adoption> {
  const wanted = adoptableStreams(config).find(({ settings }) => settings.name === name) ?? logNamed(name, config);
  if (!wanted.managed) {
    throw new JetplugError('JP_ADOPT_UNWANTED', `the config says manage: false for stream ${name}`, {
      hint: 'Remove manage: false first, or leave the stream to whoever manages it.',
    });
  }
  return adoptWanted('stream', name, wanted, config, connection, yes);
}

function logNamed(name: string, config: Config): WantedStream {
  const { logs, unread } = wantedOfPlugins(config);
  const log = logs.find(({ settings }) => settings.name === name);
  if (log) return log;
  const all = [...adoptableStreams(config), ...logs].map(({ settings }) => settings.name);
  throw unwanted(`stream ${name}`, all, unread);
}

async function adoptBucket(name: string, config: Config, connection: Connection, yes: boolean): Promise<Adoption> {
  const { buckets, unread } = wantedOfPlugins(config);
  if (!buckets.includes(name)) throw unwanted(`bucket ${name}`, buckets, unread);
  return adoptWanted('bucket', name, bucketStream(name, config), config, connection, yes);
}

async function adoptWanted(
  kind: 'stream' | 'bucket',
  name: string,
  wanted: WantedStream,
  config: Config,
  connection: Connection,
  yes: boolean,
): Promise<Adoption> {
  const { deploy } = config;
  const found = await compareStream(connection, wanted, deploy.name);
  if (!found) {
    throw new JetplugError('JP_NOT_FOUND', `there is no ${kind} ${name}`, {
      hint: 'There is nothing to adopt: a host that starts creates it.',
    });
  }
  const { info, ownership } = found;
  const { messages } = info.state;
  const about = {
    kind,
    name,
    description: `${contents(info)}, ${messages} ${messages === 1 ? 'message' : 'messages'}`,
    markedBy: markedBy(ownership, deploy.name),
  };
  if (ownership.kind === 'ours') return { ...about, changes: [], adopted: true };
  // An adoption is refused if the next start of a host would refuse the changes.
  const action = hostAction(connection, wanted, await decideOwn(connection, wanted, found), deploy);
  if (action.action === 'refuse') throw action.refusal;
  const later = action.action === 'update' ? [...action.changes.map(changeText), ...action.losses.map(lossText)] : [];
  if (yes) await markStream(connection, info, deploy.name);
  return { ...about, changes: [markChange(about.markedBy, deploy.name), ...later], adopted: yes };
}

async function adoptOfHandler(
  durable: string,
  onStream: string | undefined,
  config: Config,
  connection: Connection,
  yes: boolean,
): Promise<Adoption> {
  const { durables, unread } = wantedOfPlugins(config);
  const stream = durableNamed(durable, onStream, durables, unread);
  const { deploy } = config;
  const adoption = await durableAdoption(connection, stream, durable, deploy.name);
  const by = markedBy(adoption.owner, deploy.name);
  const about = { kind: 'durable' as const, name: durable, stream, description: adoption.description, markedBy: by };
  if (adoption.owner.kind === 'ours') return { ...about, changes: [], adopted: true };
  if (yes) await adoptDurable(connection, stream, durable, deploy.name);
  return { ...about, changes: [markChange(by, deploy.name), ...adoption.changes], adopted: yes };
}

function markedBy(owner: Ownership, deployment: string): string | null {
  if (owner.kind === 'unmarked') return null;
  return owner.kind === 'ours' ? deployment : owner.deployment;
}

function markChange(before: string | null, deployment: string): string {
  return `mark ${before ?? 'none'} → ${deployment}`;
}

function printAdoption({ kind, name, stream, description, changes, adopted }: Adoption): void {
  print(`${kind} ${paint('bold', name)}${stream === undefined ? '' : ` on stream ${stream}`}: ${description}`);
  const [mark, ...later] = changes;
  if (mark === undefined) return print('It is this deployment’s already; nothing is changed.');
  print(`  ${mark}`);
  for (const change of later) print(`  ${change}  ${paint('dim', 'at the next start of a host')}`);
  print(adopted ? 'It is adopted.' : 'Nothing is changed. Add --yes to adopt it.');
}
