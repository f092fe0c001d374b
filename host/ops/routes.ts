import { covers } from '../../sdk/internal';
import { lastSequence, streamsHolding } from '../nats/streams';
import type { HandlerDefinition } from '../load/describe';
import { nameByFile } from '../load/discover';
import type { PluginEntry } from '../plugin/plugins';
import { disabledIn, type Explainable } from './explain';
import { filesNotLoaded } from './files-not-loaded';
import { positionOf } from './status';
import { whyNot, type NotReceived } from './why-not-received';
import { streamFor, streamsText } from '../broker/stream-state';

/** The handlers that would receive an event of a subject, as `jetplug routes --json` shows them. */
export interface Routes {
  readonly subject: string;
  /** The stream that holds the subject and that handlers can subscribe to; absent where there is none. */
  readonly stream?: string;
  /** The advice on how a stream could hold the subject; absent where a stream holds it. */
  readonly advice?: string;
  readonly receives: readonly Route[];
  readonly others: readonly Unreached[];
}

/** A handler that would receive the event. */
export interface Route {
  readonly plugin: string;
  readonly handler: string;
  /** The subject that the handler subscribes to, which may have wildcards. */
  readonly subject: string;
  readonly stream: string;
  readonly durable: string;
}

/** A handler that would not receive the event, a plugin that could not be read, or a file that is not loaded. */
export interface Unreached extends Partial<Route>, NotReceived {
  readonly plugin: string;
}

/** The handlers of this host that would receive an event of this subject, and the reasons why the others would not. */
export async function routesOf(subject: string, host: Explainable): Promise<Routes> {
  const stream = streamFor(host.streams, subject);
  const event: RoutedEvent = {
    subject,
    stream,
    nextSequence: stream === undefined ? 0 : (await lastSequence(host.connection, stream)) + 1,
  };
  const found = await Promise.all(host.plugins.entries.map((entry) => routesTo(entry, event, host)));
  const all = [...found.flat(), ...intendedFiles(host)];
  return {
    subject,
    ...(stream === undefined ? { advice: await adviceFor(subject, host) } : { stream }),
    receives: all.filter((each): each is Route => !('reason' in each)),
    others: all.filter((each): each is Unreached => 'reason' in each),
  };
}

interface RoutedEvent {
  readonly subject: string;
  readonly stream: string | undefined;
  /** The sequence that the event would get in its stream; 0 without a stream. */
  readonly nextSequence: number;
}

async function routesTo(entry: PluginEntry, event: RoutedEvent, host: Explainable): Promise<(Route | Unreached)[]> {
  const { definition, name } = entry;
  if (!definition) return [{ plugin: name, ...whyNotRead(entry) }];
  return Promise.all(definition.handlers.map((handler) => routeTo(entry, handler, event, host)));
}

async function routeTo(
  entry: PluginEntry,
  handler: HandlerDefinition,
  event: RoutedEvent,
  host: Explainable,
): Promise<Route | Unreached> {
  const stream = streamFor(host.streams, handler.subject);
  const matches = covers(handler.subject, event.subject) && stream !== undefined;
  const route = {
    plugin: entry.name,
    handler: handler.name,
    subject: handler.subject,
    ...(stream === undefined ? {} : { stream }),
    durable: handler.durable,
  };
  const position = matches ? await positionOf(host.connection, stream, handler.durable) : undefined;
  const consuming = entry.handlers.find(({ definition }) => definition.name === handler.name);
  const reason = whyNot({ ...event, handler, entry, consuming, position, disabledBy: disabledIn(entry.name, host) });
  return reason ? { ...route, ...reason } : (route as Route);
}

/** The reason for a plugin whose handlers are not known. */
function whyNotRead({ file, errors: [error], state }: PluginEntry): NotReceived {
  const unknown = 'which events it takes is not known';
  if (!error) return { reason: 'loading', why: `it is ${state}; ${unknown}`, waits: false, file };
  const { message, line } = error;
  const place = { file: error.file ?? file, ...(line === undefined ? {} : { line }) };
  return { reason: 'failed', why: `it failed: ${message}; ${unknown}`, waits: false, ...place };
}

/** Returns the files that their authors may have intended as plugins. */
function intendedFiles({ plugins, config }: Explainable): Unreached[] {
  return filesNotLoaded(plugins.entries, config.plugins)
    .filter(({ looksMeant }) => looksMeant)
    .map(({ file, error }) => ({
      plugin: nameByFile(file),
      reason: 'skipped',
      why: error.message,
      waits: false,
      file,
    }));
}

/** Returns the advice on how a stream that handlers can subscribe to could hold the subject. */
async function adviceFor(subject: string, { connection, streams, sourceOf }: Explainable): Promise<string> {
  const [other] = await streamsHolding(connection, subject);
  if (other !== undefined)
    return `stream ${other} on the server holds it, which is not among those of the config: no handler can be on it`;
  const source = sourceOf('streams');
  const where = source.layer === 'file' ? ` (${source.file}:${source.line})` : '';
  const wanted = subject.includes('.') ? `${subject.split('.')[0]}.>` : subject;
  return `add ${wanted} to the subjects of a stream in the config${where}; ${streamsText(streams)}`;
}

/** Merges the answers of several hosts. A handler that would receive the event in one host counts as a receiver. */
export function mergeRoutes(answers: readonly Routes[]): Routes {
  const keyOf = ({ plugin, handler, durable, file }: Partial<Unreached>): string =>
    [plugin, handler, durable, handler === undefined ? file : ''].join(' ');
  const receives = new Map(answers.flatMap((answer) => answer.receives).map((route) => [keyOf(route), route]));
  const others = new Map<string, Unreached>();
  for (const route of answers.flatMap((answer) => answer.others)) {
    const key = keyOf(route);
    // A handler that receives the event later in one host counts as waiting, whatever the other hosts answer.
    if (!receives.has(key) && !others.get(key)?.waits) others.set(key, route);
  }
  return { ...answers[0]!, receives: [...receives.values()], others: [...others.values()] };
}
