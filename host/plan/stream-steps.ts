import { overlap } from '../config/overlap';
import type { Connection } from '../nats/connection';
import { lossEffect, lossOfAll } from '../nats/data-loss';
import type { ServerAssets } from '../nats/server-assets';
import { configName, subjectsOf, type StreamChange } from '../nats/stream-changes';
import type { StreamDeploy } from '../nats/stream-comparison';
import { decideStream, hostAction, type StreamDecision } from '../nats/stream-decision';
import type { WantedStream } from '../nats/wanted-streams';
import type { PlannedChange, Step } from './change';

/** Compares the needed streams with the server. A stream that is as it should be has no step. */
export async function streamSteps(
  connection: Connection,
  needed: readonly WantedStream[],
  deploy: StreamDeploy,
  server: ServerAssets,
): Promise<Step[]> {
  const steps: Step[] = [];
  for (const wanted of needed) {
    const decision = await decideStream(connection, wanted, deploy);
    const { action } = hostAction(connection, wanted, decision, deploy);
    const step = stepOf(wanted, decision, action === 'create' || action === 'update', server);
    if (step) steps.push(step);
  }
  return steps;
}

function stepOf(
  wanted: WantedStream,
  decision: StreamDecision,
  atStart: boolean,
  server: ServerAssets,
): Step | undefined {
  const about = nameOf(wanted);
  const found = 'info' in decision ? decision.info : undefined;
  const target = { kind: 'stream' as const, found, wanted };
  switch (decision.action) {
    case 'use':
      return undefined;
    case 'create':
      return { target, change: { change: 'create', ...about, impact: createImpact(wanted), atStart } };
    case 'update': {
      const { changes, losses } = decision;
      const impact = losses.length === 0 ? 'no stored message is lost' : losses.map(lossEffect).join('. ');
      const fields = fieldsOf(changes);
      // The first recorded change brings the stream of the audit to the config.
      const change: PlannedChange = {
        ...{ change: 'update', ...about, fields, impact },
        atStart: atStart && wanted.use !== 'audit',
      };
      return { target, change: losses.length === 0 ? change : { ...change, needs: ['--allow-data-loss'] } };
    }
    case 'recreate': {
      const impact = `the server does not change it in place: ${lossOfStream(decision.info, server)}`;
      const fields = fieldsOf(decision.changes);
      const needs = decision.info.state.messages > 0 ? { needs: ['--allow-data-loss'] as const } : {};
      return { target, change: { change: 'recreate', ...about, fields, impact, atStart, ...needs } };
    }
    case 'refuse': {
      const { refusal } = decision;
      const change: PlannedChange = { change: 'foreign', ...about, impact: refusal.message, atStart };
      // A host runs without the records of runs.
      return { target, change, ...(wanted.use !== 'runs' && { refusal }) };
    }
  }
}

/** Returns the effect of the deletion of a stream as text. */
export function lossOfStream(info: Parameters<typeof lossOfAll>[0], { durables }: ServerAssets): string {
  return lossEffect(lossOfAll(info, durables.get(info.config.name) ?? []));
}

/** Returns the kind and the name of a stream for people: a stream under a bucket is a bucket. */
export function nameOf({ settings: { name } }: { readonly settings: { readonly name: string } }): {
  kind: 'stream' | 'bucket';
  name: string;
} {
  return name.startsWith('KV_') ? { kind: 'bucket', name: name.slice('KV_'.length) } : { kind: 'stream', name };
}

function createImpact({ use, settings: { name, subjects } }: WantedStream): string {
  const plugin = name.replace(/^(KV|LOG)_jetplug-/, '');
  const holds: Record<WantedStream['use'], string> = {
    events: `${subjects.join(' ')}; events published before are not in it`,
    'dead-letters': 'the dead letters',
    retries: 'the events of the retry queues',
    bucket: plugin === name ? 'the hosts’ records of attempts and settled events' : `the values of plugin ${plugin}`,
    log: `the commits of plugin ${plugin}`,
    runs: 'the records of runs',
    audit: 'the records of changes',
  };
  return `it will hold ${holds[use]}`;
}

function fieldsOf(changes: readonly StreamChange[]): NonNullable<PlannedChange['fields']> {
  return changes.map(({ field, from, to }) => ({ field: configName(field), from, to }));
}

/** The streams that hold subjects of a stream that is to be created or changed. */
export interface Overlap {
  readonly stream: string;
  /** Whether the other stream is an orphan, so that `apply --prune` removes it. */
  readonly isOrphan: boolean;
}

/**
 * Finds the streams that will still hold a subject of the stream when the other steps are done, because the server lets
 * no two streams hold one subject.
 */
export function overlapsOf(wanted: WantedStream, steps: readonly Step[], { streams }: ServerAssets): Overlap[] {
  const stepFor = (name: string): Step | undefined =>
    steps.find(({ target }) => target.kind === 'stream' && target.found?.config.name === name);
  return [...streams.values()].flatMap(({ config }) => {
    if (config.name === wanted.settings.name) return [];
    const step = stepFor(config.name);
    const later = step && wantedSubjects(step);
    const held = later ?? subjectsOf(config);
    const overlaps = held.some((theirs) => wanted.settings.subjects.some((own) => overlap(own, theirs)));
    return overlaps ? [{ stream: config.name, isOrphan: step?.change.change === 'orphan' }] : [];
  });
}

function wantedSubjects({ target, change }: Step): readonly string[] | undefined {
  if (target.kind !== 'stream' || change.change === 'foreign') return undefined;
  return target.wanted?.settings.subjects;
}
