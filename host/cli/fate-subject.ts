import { covers, isPublishSubject, JetplugError } from '../../sdk/internal';
import type { Config } from '../config/config';
import { DiscardPolicy, type StreamInfo } from '../nats/client';
import type { Connection } from '../nats/connection';
import { handlerPositions } from '../nats/handler-positions';
import { tracePath, type TraceStep } from '../nats/path-trace';
import { subjectsOf } from '../nats/stream-changes';
import { streamInfo } from '../nats/streams';
import { eventStreams } from '../ops/event-streams';
import { nearestSubject } from '../ops/nearest-subject';
import { firstLine } from '../base/utf8';
import { paint } from './output';

/** Where an event of a subject would go now, as `jetplug fate --subject --json` shows it. */
export interface SubjectFate {
  readonly subject: string;
  /**
   * `stored`: a stream would store it. `no-stream`: no stream takes the subject. `refused`: the server refuses the
   * message. `stream-refuses`: the stream that takes the subject refuses it. `unknown`: no server traced the message.
   */
  readonly state: 'stored' | 'no-stream' | 'refused' | 'stream-refuses' | 'unknown';
  /** The state in words. */
  readonly why: string;
  readonly stream?: string;
  /** The subjects that mappings and imports of the account change it to, in order. */
  readonly changedTo: readonly string[];
  /** The handlers whose durables on the stream would deliver it, as `plugin.handler`. */
  readonly handlers: readonly string[];
  /** The known subject that was probably meant. */
  readonly meant?: string;
  /** The subjects that the streams take, by stream; empty if a stream takes this one. */
  readonly streams: Readonly<Record<string, readonly string[]>>;
}

/**
 * Says where an event of a subject would go, and why it would not reach a stream. The servers trace a message that
 * nobody receives.
 * @throws JetplugError `JP_SUBJECT_INVALID`
 */
export async function subjectFate(connection: Connection, config: Config, subject: string): Promise<SubjectFate> {
  if (!isPublishSubject(subject)) {
    throw new JetplugError('JP_SUBJECT_INVALID', `${JSON.stringify(subject)} is not the subject of an event`);
  }
  const { steps, refused } = await tracePath(connection, subject);
  const changedTo = steps.flatMap(({ type, to }) => (to !== undefined && CHANGES.has(type) ? [to] : []));
  const about = { subject, changedTo, handlers: [], streams: {} };
  const refusal = refused ?? steps.find(({ type, error }) => type === 'in' && error !== undefined)?.error;
  if (refusal !== undefined) return { ...about, state: 'refused', why: `the server refuses the message: ${refusal}` };
  if (steps.length === 0) return { ...about, state: 'unknown', why: 'no server traced the message within a second' };
  const step = steps.find(({ type }) => type === 'js');
  if (step?.stream !== undefined) return inStream(connection, about, step.stream, step);
  return { ...about, ...(await untaken(connection, config, changedTo.at(-1) ?? subject)) };
}

/** The steps that change the subject: mappings, imports and exports. */
const CHANGES: ReadonlySet<string> = new Set(['sm', 'si', 'se']);

async function inStream(
  connection: Connection,
  about: Omit<SubjectFate, 'state' | 'why'>,
  stream: string,
  { error }: TraceStep,
): Promise<SubjectFate> {
  const refusal = error ?? fullness(await streamInfo(connection, stream));
  if (refusal !== undefined)
    return { ...about, stream, state: 'stream-refuses', why: `stream ${stream} refuses it: ${refusal}` };
  const subject = about.changedTo.at(-1) ?? about.subject;
  const takers = (await handlerPositions(connection, stream)).filter(({ filters }) =>
    filters.some((filter) => covers(filter, subject)),
  );
  const handlers = takers.map(({ plugin, handler }) => `${plugin}.${handler}`).sort();
  return { ...about, stream, handlers, state: 'stored', why: `stream ${stream} would store it` };
}

/** Says which limit makes a stream refuse new events. The servers' trace does not say it. */
function fullness({ config, state }: StreamInfo): string | undefined {
  const { discard, max_msgs: maxMessages, max_bytes: maxBytes } = config;
  if (discard !== DiscardPolicy.New) return undefined;
  const full = 'it is full, and its `discard` is new';
  if (maxMessages > 0 && state.messages >= maxMessages) return `${full} (${maxMessages} messages)`;
  return maxBytes > 0 && state.bytes >= maxBytes ? `${full} (${maxBytes} bytes)` : undefined;
}

async function untaken(
  connection: Connection,
  config: Config,
  subject: string,
): Promise<Pick<SubjectFate, 'state' | 'why' | 'meant' | 'streams'>> {
  const names = await eventStreams(connection, config);
  const infos = await Promise.all(names.map((name) => streamInfo(connection, name)));
  const streams = Object.fromEntries(infos.map((info) => [info.config.name, subjectsOf(info.config)]));
  const durables = await Promise.all(names.map((name) => handlerPositions(connection, name)));
  const known = [...Object.values(streams).flat(), ...durables.flat().flatMap(({ filters }) => filters)];
  const meant = nearestSubject(subject, known);
  return { state: 'no-stream', why: `no stream takes ${subject}`, streams, ...(meant !== undefined && { meant }) };
}

/** Returns the lines of `jetplug fate --subject`. */
export function subjectScreen({ subject, state, why, changedTo, handlers, meant, streams }: SubjectFate): string[] {
  const [sign, colour] = state === 'stored' ? (['✔', 'green'] as const) : (['✖', 'red'] as const);
  const way = [subject, ...changedTo].join(' → ');
  const would = handlers.length === 0 ? 'no handler has a durable that takes it' : `for ${handlers.join(', ')}`;
  return [
    paint('bold', firstLine(way, 1_000)),
    ...(changedTo.length === 0
      ? []
      : [`  ${paint('yellow', 'a mapping or an import of the account changes the subject')}`]),
    `  ${paint(colour, sign)} ${firstLine(why, 1_000)}`,
    ...(meant === undefined ? [] : [`  ${paint('yellow', `did you mean ${meant}?`)}`]),
    ...(state === 'stored' ? [`  ${would}`] : []),
    ...Object.entries(streams).map(
      ([stream, subjects]) => `  ${paint('dim', `${stream} takes ${subjects.join(', ')}`)}`,
    ),
  ];
}
