import type { ServerStreamConfig, StreamInfo } from './client';
import { JetplugError } from '../../sdk/internal';
import type { Connection } from './connection';
import { newStream } from './create-command';
import { lossText } from './data-loss';
import { API_ERROR, apiErrorCode } from './failures';
import { changeText, coversAll, subjectsOf } from './stream-changes';
import type { StreamDeploy } from './stream-comparison';
import { decideStream, hostAction, type HostAction } from './stream-decision';
import { streamError } from './stream-errors';
import { takesBatches, type WantedStream } from './wanted-streams';
import type { StreamState } from '../broker/stream-state';

/** The action that the host plans for a stream. */
type Plan = Exclude<HostAction, { action: 'refuse' }>;

/**
 * Brings a stream to the config: creates it with the deployment's mark if it is missing, and updates a stream of this
 * deployment in place. No other function creates streams of the host.
 * @throws JetplugError `JP_STREAM_FOREIGN`, `JP_BUCKET_FOREIGN`, `JP_STREAM_DATA_LOSS`, `JP_STREAM_NOT_UPDATABLE`,
 * `JP_STREAM_MISSING`, `JP_STREAM_UNCOVERED`, `JP_STREAM_MIRROR`, `JP_STREAM_SEALED`, or the server's refusal
 */
export async function ensureManagedStream(
  connection: Connection,
  wanted: WantedStream,
  deploy: StreamDeploy,
): Promise<StreamState> {
  return apply(connection, wanted, deploy, await plan(connection, wanted, deploy));
}

/** A stream that the host needs. The call brings it to the config. */
export interface PlannedStream {
  apply(): Promise<StreamState>;
}

/**
 * Plans to bring several streams to the config, like {@link ensureManagedStream}. Changes none of them, and reports
 * every reason why one cannot be brought there.
 */
export async function planManagedStreams(
  connection: Connection,
  wanted: readonly WantedStream[],
  deploy: StreamDeploy,
): Promise<PlannedStream[]> {
  const plans: PlannedStream[] = [];
  const refusals: JetplugError[] = [];
  for (const stream of wanted) {
    try {
      const planned = await plan(connection, stream, deploy);
      plans.push({ apply: () => apply(connection, stream, deploy, planned) });
    } catch (error) {
      if (!(error instanceof JetplugError) || !REFUSALS.includes(error.code)) throw error;
      refusals.push(error);
    }
  }
  if (refusals.length === 1) throw refusals[0]!;
  if (refusals.length > 1) throw new AggregateError(refusals, 'streams on the server stay as they are');
  return plans;
}

const REFUSALS: readonly string[] = [
  'JP_STREAM_FOREIGN',
  'JP_BUCKET_FOREIGN',
  'JP_STREAM_DATA_LOSS',
  'JP_STREAM_NOT_UPDATABLE',
  'JP_STREAM_MISSING',
  'JP_STREAM_UNCOVERED',
  'JP_STREAM_MIRROR',
  'JP_STREAM_SEALED',
  'JP_ASSET_MISSING',
];

async function plan(connection: Connection, wanted: WantedStream, deploy: StreamDeploy): Promise<Plan> {
  const action = hostAction(connection, wanted, await decideStream(connection, wanted, deploy), deploy);
  if (action.action === 'refuse') throw action.refusal;
  return action;
}

/** The number of tries to create a stream, because two hosts that start at once may both find it missing. */
const CREATE_TRIES = 3;

async function apply(
  connection: Connection,
  wanted: WantedStream,
  deploy: StreamDeploy,
  planned: Plan,
): Promise<StreamState> {
  let next = planned;
  for (let tries = 1; next.action === 'create'; tries++) {
    try {
      return stateOf(wanted, await create(connection, wanted, deploy.name), { change: 'created' });
    } catch (error) {
      const isTaken = apiErrorCode(error) === API_ERROR.streamNameInUse;
      if (!isTaken || tries >= CREATE_TRIES) throw await streamError(connection, error, wanted);
      next = await plan(connection, wanted, deploy);
    }
  }
  // Another host may have claimed a newer generation after the plan was made.
  if (next.action === 'update' && deploy.waits) next = { action: 'use', info: next.info, managed: true };
  if (next.action === 'use') {
    return stateOf(wanted, next.info, { change: next.managed ? 'unchanged' : 'unmanaged' });
  }
  const { info, losses } = next;
  const changes = [...next.changes.map(changeText), ...losses.map(lossText)];
  try {
    const updated = await connection.jsm.streams.update(wanted.settings.name, { ...info.config, ...wanted.settings });
    return stateOf(wanted, updated, { change: 'updated', changes });
  } catch (error) {
    throw await streamError(connection, error, wanted);
  }
}

function create({ jsm }: Connection, wanted: WantedStream, deployment: string): Promise<StreamInfo> {
  return jsm.streams.add(newStream(wanted, deployment));
}

function stateOf(
  { settings }: WantedStream,
  { state, config }: StreamInfo,
  done: Pick<StreamState, 'change' | 'changes'>,
): StreamState {
  return {
    name: settings.name,
    // A host that waits uses a stream that may hold other subjects.
    subjects: settings.subjects.filter((subject) => coversAll(subjectsOf(config), [subject])),
    ...done,
    ...(config.sealed && { sealed: true }),
    ...((config as ServerStreamConfig).allow_atomic && takesBatches(config.num_replicas) && { takesBatches: true }),
    messages: state.messages,
    duplicateWindowMs: config.duplicate_window / 1e6,
  };
}
