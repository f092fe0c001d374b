import type { StreamInfo } from './client';
import { covers, formatDuration, JetplugError } from '../../sdk/internal';
import { newerAsset, type Ownership } from './ownership';
import { changeText, coversAll, fixedChanges, subjectsOf, type StreamChange } from './stream-changes';
import { RECORDS_BUCKET, type StreamUse, type WantedStream } from './wanted-streams';

/** The facts that an error states about a stream that this deployment does not manage. */
export interface ForeignStream {
  readonly info: StreamInfo;
  readonly ownership: Ownership;
  readonly changes: readonly StreamChange[];
  /** Whether `jetplug adopt` would be refused unless the loss of events is allowed. */
  readonly adoption: 'free' | 'loses-events';
}

/**
 * Returns the error for a stream that is not this deployment's, when the host would change it or write to it. The
 * error's hint lists the ways out.
 */
export function foreignStream(wanted: WantedStream, foreign: ForeignStream, deployment: string): JetplugError {
  const { use, settings } = wanted;
  const what = use === 'bucket' ? `bucket ${bucketName(settings.name)}` : `stream ${settings.name}`;
  const { ownership } = foreign;
  if (ownership.kind === 'newer') return newerAsset(what, ownership.format);
  const message = `${what} is not managed by the deployment ${deployment}: ${describe(foreign)}. ${wouldChange(use, foreign)}`;
  return new JetplugError(use === 'bucket' ? 'JP_BUCKET_FOREIGN' : 'JP_STREAM_FOREIGN', message, {
    hint: `Choose one: ${waysOut(wanted, foreign).join('; or ')}.`,
  });
}

/**
 * Returns a text such as `it holds shop.> (3 messages, kept for 365d), was created on 2026-05-12, and has no mark of a
 * deployment`.
 */
function describe({ info, ownership }: ForeignStream): string {
  const { config, state, created } = info;
  const retention =
    config.max_age > 0 ? `kept for ${formatDuration(Math.round(config.max_age / 1e6))}` : 'kept for ever';
  const mark =
    ownership.kind === 'other-deployment'
      ? `is marked by the deployment ${ownership.deployment}`
      : 'has no mark of a deployment';
  return `it ${contents(info)} (${state.messages} messages, ${retention}), was created on ${created.slice(0, 10)}, and ${mark}`;
}

/**
 * Describes the subjects of a stream and the source of its events. A mirror, and a stream with sources, receives its
 * events from other streams.
 */
export function contents({ config }: StreamInfo): string {
  if (config.mirror) return `is a mirror of ${config.mirror.name}`;
  const from = config.sources?.length ? `, with events from ${config.sources.map(({ name }) => name).join(', ')}` : '';
  return `holds ${subjectsOf(config).join(' ') || 'no subjects'}${from}`;
}

function wouldChange(use: StreamUse, { changes }: ForeignStream): string {
  if (changes.length > 0) return `The config would change ${changes.map(changeText).join(', ')}`;
  return use === 'events'
    ? 'Two deployments would change it in turn'
    : 'The host stores its own records there, and those of another program would be among them';
}

function waysOut(wanted: WantedStream, foreign: ForeignStream): string[] {
  const { use, settings } = wanted;
  const { info, ownership, changes, adoption } = foreign;
  const subjects = subjectsOf(info.config);
  const ways: string[] = [];
  if (use === 'events') {
    const overlaps = subjects.some((theirs) =>
      settings.subjects.some((own) => covers(theirs, own) || covers(own, theirs)),
    );
    ways.push(
      overlaps
        ? 'give your stream another name and other subjects (streams[].name, streams[].subjects)'
        : 'give your stream another name (streams[].name)',
    );
    if (coversAll(subjects, settings.subjects))
      ways.push('use it as it is, without changing it (streams[].manage: false)');
  }
  if (use === 'dead-letters' && !coversAll(subjects, settings.subjects)) {
    ways.push('give the dead letters another stream (deadLetters.stream)');
  }
  // The names of a plugin's bucket and of its commit log have the plugin's name in them.
  if (use === 'log' || (use === 'bucket' && bucketName(settings.name) !== RECORDS_BUCKET))
    ways.push('give the plugin another name with @Plugin({ name })');
  if (use !== 'events') ways.push(`use another NATS account, where these names are free`);
  if (ownership.kind === 'other-deployment')
    ways.push(`set deploy.name to ${ownership.deployment}, if the hosts are one deployment`);
  // The server would refuse the update of the next start.
  if (fixedChanges(changes).length === 0 && !info.config.mirror)
    ways.push(
      adoption === 'free'
        ? `take it over: \`${adoptCommand(wanted)}\` shows what would change`
        : `set deploy.allowDataLoss: true and take it over: \`${adoptCommand(wanted)}\` then shows which events would be lost`,
    );
  return ways;
}

function adoptCommand({ use, settings: { name } }: WantedStream): string {
  return use === 'bucket' ? `jetplug adopt bucket ${bucketName(name)}` : `jetplug adopt stream ${name}`;
}

function bucketName(stream: string): string {
  return stream.replace(/^KV_/, '');
}
