import { JetplugError } from '../../../sdk/internal';
import { machineTime } from '../../base/time';
import { readContracts } from '../../ops/contract-records';
import type { DeadLetterSummary } from '../../ops/dead-letter-summary';
import { dropWave } from '../../ops/letters/drop';
import { payloadFor } from '../../ops/letters/edited-payload';
import { letterTest, noLetter, type LetterFilter } from '../../ops/letters/letter-filter';
import { LetterIndex } from '../../ops/letters/letter-index';
import { findLetters, type LetterServices } from '../../ops/letters/letter-services';
import { prepareRetries, redriveWave, withLeftParts, type RedriveOptions } from '../../ops/letters/redrive';
import { assertTarget, readTarget } from '../../ops/letters/redrive-target';
import { secretsIn } from '../../ops/secrets';
import type { Job, LetterChange, LetterChangeAnswer } from '../api';
import type { PageContext } from '../page-context';
import { withoutMasks } from '../without-masks';
import { payloadTextIn } from '../query';
import { LetterJobs } from './letter-jobs';

/** The dead letters of the page: their index, and the jobs that change them. */
export class PageLetters {
  readonly index: LetterIndex;
  readonly jobs: LetterJobs;

  constructor(private readonly page: PageContext) {
    const open = (): Promise<LetterServices> => this.services();
    this.index = new LetterIndex({
      state: async () => (await open()).stream.state(),
      removedIds: async () => (await open()).stream.removedIds(),
      list: async function* (options) {
        yield* (await open()).stream.list(options);
      },
    });
    this.jobs = new LetterJobs({
      index: this.index,
      time: machineTime,
      announce: (job) => page.jobs.announce(job),
      failed: ({ kind }, error) => page.log.warn('a change of dead letters failed', { kind, err: error }),
    });
  }

  /** @throws JetplugError where the stream of dead letters belongs to somebody else */
  services(): Promise<LetterServices> {
    return findLetters(this.page.connection, this.page.config);
  }

  async chosen(filter: LetterFilter): Promise<readonly DeadLetterSummary[]> {
    const fits = letterTest(filter);
    return (await this.index.read()).letters.filter(fits);
  }

  /** Starts a change of letters, or only counts them. */
  async change(kind: Job['kind'], change: LetterChange, by: string): Promise<LetterChangeAnswer> {
    const letters = await this.chosenBy(change);
    if (change.dryRun || letters.length === 0) return { count: letters.length };
    const services = await this.services();
    const options = kind === 'redrive' ? await this.optionsOf(change, letters, services, by) : {};
    const job = this.jobs.start({
      ...{ kind, by, letters },
      ratePerS: kind === 'redrive' ? rateOf(change) : undefined,
      begin: async () => {
        if (kind === 'drop') return dropWave(services.stream);
        await prepareRetries(letters, services, options);
        return redriveWave(services, options);
      },
    });
    return { count: letters.length, job: job.id };
  }

  async stop(): Promise<void> {
    await this.jobs.stop();
    this.index.close();
  }

  private async chosenBy({ ids, filter }: LetterChange): Promise<readonly DeadLetterSummary[]> {
    if ((ids === undefined) === (filter === undefined)) throw usage('give either ids or a filter');
    if (filter) return this.chosen(filter);
    if (!Array.isArray(ids) || !ids.every((id) => Number.isInteger(id))) throw usage('ids are whole numbers');
    const wanted = new Set<number>(ids);
    const letters = (await this.index.read()).letters.filter(({ id }) => wanted.has(id));
    const [only] = wanted;
    if (wanted.size === 1 && letters.length === 0) throw noLetter(only!);
    return letters;
  }

  private async optionsOf(
    change: LetterChange,
    letters: readonly DeadLetterSummary[],
    services: LetterServices,
    by: string,
  ): Promise<RedriveOptions> {
    rateOf(change);
    const to = change.to === undefined ? undefined : readTarget(change.to);
    if (to) await assertTarget(to, letters, this.page.connection);
    const text = payloadTextIn({ ...change });
    if (text === undefined) return { to };
    if (letters.length !== 1) throw usage('an edited payload is for one letter');
    return { to, edited: { payload: await this.edited(text, letters[0]!, services), by } };
  }

  /** The page shows secrets masked, so an edited payload has masks in their places. */
  private async edited(
    text: string,
    { id, subject }: DeadLetterSummary,
    services: LetterServices,
  ): Promise<Uint8Array> {
    const { connection, config } = this.page;
    const { maxPayloadBytes } = config.delivery;
    const secrets = secretsIn((await readContracts(connection)).records)(subject);
    if (secrets.length === 0) return payloadFor(text, maxPayloadBytes);
    const stored = await services.stream.get(id);
    if (!stored) throw noLetter(id);
    const { payload } = await withLeftParts(stored, connection);
    return withoutMasks(text, payload, maxPayloadBytes);
  }
}

function rateOf({ ratePerS }: LetterChange): number | undefined {
  if (ratePerS === undefined) return undefined;
  if (typeof ratePerS === 'number' && ratePerS > 0 && Number.isFinite(ratePerS)) return ratePerS;
  throw usage('ratePerS is a number above 0');
}

function usage(message: string): JetplugError {
  return new JetplugError('JP_USAGE', message);
}
