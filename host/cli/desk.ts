import { Connection } from '../nats/connection';
import { Publisher } from '../nats/publisher';
import type { LiveMessage } from '../records/runs/live-runs';
import type { HostLog } from '../log/log';
import { DeskActions } from './desk-actions';
import { followEvents, followRuns, type RunWatch } from './follow-runs';
import { readKeys, type Keys } from './keys';
import { errorsOf, paint, print, printErrors } from './output';
import type { RunningHost } from './run-host';
import { TailLines } from './tail-lines';
import { watchTypes } from './watch-types';

/** More lines than this in a second cannot be read. */
const LINES_PER_SECOND = 20;

/** The parts of `jetplug dev` beside the host: live events, type errors and keys. */
export class Desk {
  private constructor(
    private readonly connection: Connection,
    private readonly following: RunWatch,
    private readonly types: { stop(): void },
    private readonly actions: DeskActions,
    private readonly keys: Keys | undefined,
  ) {}

  /** @param readable whether the output is for a person; otherwise each line is JSON */
  static async open({ config, log, summary }: RunningHost, readable: boolean): Promise<Desk> {
    const servers = summary.broker.url.split(',');
    const connection = await Connection.open({ servers, name: 'jetplug-dev', nats: config.nats });
    const following = readable
      ? followEvents(connection, {}, new TailLines(LINES_PER_SECOND), print)
      : followRuns(connection, {}, (message) => logRuns(message, log));
    const types = watchTypes(config.plugins.dirs, log);
    const actions = new DeskActions(connection, Publisher.start(connection), config, summary.http);
    const hasKeys = readable && process.stdin.isTTY && process.stdout.isTTY;
    const keys = hasKeys ? readKeys(process.stdin, (key) => act(key, actions), endByKey) : undefined;
    if (hasKeys) actions.help();
    return new Desk(connection, following, types, actions, keys);
  }

  /** Ends the parts before the host stops. */
  async close(): Promise<void> {
    this.keys?.stop();
    this.types.stop();
    this.following.stop();
    await this.actions.end().catch((failure: unknown) => printErrors(errorsOf(failure), false));
    await this.connection.close();
  }
}

function logRuns({ host, runs, left }: LiveMessage, log: HostLog): void {
  for (const run of runs) log.info('run', { host, ...run });
  if (left > 0) log.info('runs left out', { host, left });
}

async function act(key: string, actions: DeskActions): Promise<void> {
  try {
    await actions.act(key);
  } catch (failure) {
    printErrors(errorsOf(failure), false);
  }
}

/** The terminal sends no signal for Ctrl-C while keys are read one by one. */
function endByKey(): void {
  print(paint('dim', 'stopping'));
  process.kill(process.pid, 'SIGINT');
}
