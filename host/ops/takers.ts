import { covers, JetplugError } from '../../sdk/internal';
import type { Config } from '../config/config';
import type { Connection } from '../nats/connection';
import { durablePosition } from '../nats/consumers';
import { askHosts } from '../nats/service';
import { streamsHolding } from '../nats/streams';
import { mergeRoutes, type Routes, type Unreached } from '../ops/routes';
import { compile } from '../load/compile';
import { describe, type HandlerDefinition } from '../load/describe';
import { discover } from '../load/discover';
import { providersFor } from '../load/folder-providers';
import { nearestSubject } from './nearest-subject';
import { streamFor } from '../broker/stream-state';

/** The handlers that take an event of a subject. */
export interface Takers {
  /** `hosts`: running hosts answered. `files`: no host runs, so the plugins' files were read. */
  readonly from: 'hosts' | 'files';
  /** The handlers that would receive the event now, as `plugin.handler`. */
  readonly takes: readonly string[];
  /** The handlers that would receive the event later; until then the event waits in its stream. */
  readonly later: readonly Reason[];
  /** The handlers that subscribe to the subject and would not receive the event. */
  readonly never: readonly Reason[];
  /** The stream that holds the subject; absent where there is none. */
  readonly stream?: string;
  /** The advice on how a stream could hold the subject; absent where a stream holds it. */
  readonly advice?: string;
  /** The known subject that is most like this one, where no handler subscribes to exactly this one. */
  readonly meant?: string;
}

export interface Reason {
  readonly handler: string;
  readonly why: string;
}

/** Asks the running hosts. Where no host runs, reads the plugins' files and their durables on the server. */
export async function takersOf(subject: string, connection: Connection, config: Config): Promise<Takers> {
  const answers = await askHosts<Routes>(connection, 'routes', subject);
  return answers.length > 0 ? fromHosts(mergeRoutes(answers)) : fromFiles(subject, connection, config);
}

function fromHosts({ subject, stream, advice, receives, others }: Routes): Takers {
  const subscribed = others.filter((other) => other.subject !== undefined && covers(other.subject, subject));
  const reasons = (routes: readonly Unreached[]): Reason[] =>
    routes.map(({ plugin, handler, why }) => ({ handler: `${plugin}.${handler}`, why }));
  const known = [...receives, ...others].flatMap((route) => route.subject ?? []);
  return {
    from: 'hosts',
    takes: receives.map(({ plugin, handler }) => `${plugin}.${handler}`),
    later: reasons(subscribed.filter(({ waits }) => waits)),
    never: reasons(subscribed.filter(({ waits }) => !waits)),
    ...(stream !== undefined && { stream }),
    ...(advice !== undefined && { advice }),
    ...meantBy(subject, known),
  };
}

async function fromFiles(subject: string, connection: Connection, config: Config): Promise<Takers> {
  const handlers = handlersIn(config);
  const stream = streamFor(config.streams, subject) ?? (await streamsHolding(connection, subject))[0];
  const subscribed = handlers.filter(({ definition }) => covers(definition.subject, subject));
  const starts = await Promise.all(
    subscribed.map(async ({ name, definition }) => ({
      name,
      takes: await startsBefore(definition, connection, config),
    })),
  );
  const why = 'it has no durable on the server yet, and a new one starts with later events';
  return {
    from: 'files',
    takes: starts.filter(({ takes }) => takes).map(({ name }) => name),
    later: [],
    never: starts.filter(({ takes }) => !takes).map(({ name }) => ({ handler: name, why })),
    ...(stream !== undefined && { stream }),
    ...meantBy(
      subject,
      handlers.map(({ definition }) => definition.subject),
    ),
  };
}

/** Whether the handler would receive the next event, because its durable exists or would start with earlier events. */
async function startsBefore(
  { subject, durable, from }: HandlerDefinition,
  connection: Connection,
  config: Config,
): Promise<boolean> {
  if (from !== 'new') return true;
  const stream = streamFor(config.streams, subject);
  return stream !== undefined && (await durablePosition(connection, stream, durable)) !== undefined;
}

interface NamedHandler {
  /** The plugin and the handler, as `plugin.handler`. */
  readonly name: string;
  readonly definition: HandlerDefinition;
}

function handlersIn(config: Config): NamedHandler[] {
  return discover(config.plugins.dirs).found.flatMap((file) => {
    try {
      const plugin = describe(compile(file, { shared: providersFor(file.file, [file.root]) }), config);
      if (config.plugins.sections[plugin.name]?.enabled === false) return [];
      return plugin.handlers.map((definition) => ({ name: `${plugin.name}.${definition.name}`, definition }));
    } catch {
      return []; // A plugin that cannot be loaded takes nothing. `jetplug check` shows its error.
    }
  });
}

/** The known subject that was probably meant, unless the subject itself is a known one. */
export function meantBy(subject: string, known: readonly string[]): { meant?: string } {
  const meant = known.includes(subject) ? undefined : nearestSubject(subject, known);
  return meant === undefined ? {} : { meant };
}

/**
 * Refuses an event that no handler takes, now or later.
 * @throws JetplugError `JP_PUBLISH_NO_HANDLER` or `JP_PUBLISH_NO_STREAM`
 */
export function refuseUntaken(subject: string, { takes, later, never, stream, advice, meant }: Takers): void {
  if (takes.length + later.length > 0) return;
  if (meant !== undefined) {
    throw new JetplugError('JP_PUBLISH_NO_HANDLER', `no handler takes ${subject}: did you mean ${meant}?`, {
      hint: `Publish on ${meant}, or add --force to publish on ${subject} all the same. Nothing was published.`,
    });
  }
  if (stream === undefined) {
    throw new JetplugError('JP_PUBLISH_NO_STREAM', `no stream holds ${subject}`, {
      hint: advice && `${advice[0]!.toUpperCase()}${advice.slice(1)}.`,
    });
  }
  const [first] = never;
  if (first === undefined) throw new JetplugError('JP_PUBLISH_NO_HANDLER', `no handler takes ${subject}`);
  const message = `no handler takes ${subject}: ${first.handler} would, but ${first.why}`;
  throw new JetplugError('JP_PUBLISH_NO_HANDLER', message, {
    hint: 'Mend that first, for example start a host, or add --force to publish all the same. Nothing was published.',
  });
}
