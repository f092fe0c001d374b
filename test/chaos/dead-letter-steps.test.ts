import { spawn } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { JetStreamManager, NatsConnection } from 'nats';
import { decodeCommit } from '../../host/records/commits/commit';
import { jetplug } from '../support/cli';
import type { ClientCommand } from '../support/client-commands';
import { storedLetters } from '../support/dead-letters';
import { allSettled } from '../support/durables';
import { eventually } from '../support/eventually';
import { MAIN, plainEnv, type TestHost } from '../support/host';
import type { TestServer } from '../support/nats-server';
import { pluginSource } from '../support/plugin-source';
import { Scene } from '../support/scene';
import { StepProxy, type Moment } from '../support/step-proxy';
import { readStream } from '../support/stored';
import { count, report, seconds } from './proof';

/** The number of kills at each step, spread evenly over its moments. */
const KILLS = count(3, 50);
/** The events for each kill. The kill happens at a step of the first one, at any step of the others. */
const EVENTS_PER_KILL = 3;
const STEP_MS = 15_000;

/** A step of a process, recognised by a message that it publishes. */
interface Step {
  readonly moments: readonly Moment[];
  /** @param sequence the sequence of the event */
  matches(command: ClientCommand, sequence: number): boolean;
}

/** The moments of a message that the server answers. */
const ANSWERED: readonly Moment[] = ['before', 'after', 'answered'];
/** The moments of a message that the server does not answer. */
const UNANSWERED: readonly Moment[] = ['before', 'after'];

const LOG = '$KV.LOG_jetplug-poison.commit';
/** Whether the command appends a commit whose text matches. */
const commits = ({ subject, payload }: ClientCommand, pattern: RegExp): boolean =>
  subject === LOG && pattern.test(payload);
const FILLING: Step = {
  moments: ['before', 'after', 'answered'],
  matches: ({ subject }) => /^\$KV\.jetplug-poison\.e\d+$/.test(subject),
};
const CHECKPOINT: Step = {
  moments: ['before', 'after', 'answered'],
  matches: ({ subject }) => subject === '$KV.jetplug-poison.=checkpoint',
};

const attemptsOf = (sequence: number): string => `$KV.jetplug.attempts.poison-work.EVENTS.${sequence}`;
const settles = (command: ClientCommand, durable: string, sequence: number | string, answer: string): boolean =>
  command.payload.startsWith(answer) && new RegExp(`\\.${durable}\\.\\d+\\.${sequence}\\.`).test(command.subject);

const DEAD_LETTERING: Record<string, Step> = {
  'the record of an attempt': {
    moments: ANSWERED,
    matches: ({ subject }, sequence) => subject === attemptsOf(sequence),
  },
  'the nak': { moments: UNANSWERED, matches: (command, sequence) => settles(command, 'poison-work', sequence, '-NAK') },
  'the commit of the departure': {
    moments: ANSWERED,
    matches: (command, sequence) => commits(command, new RegExp(`"s":${sequence},[^}]*"l":"dead"`)),
  },
  'the letter': { moments: ANSWERED, matches: ({ subject }, sequence) => subject === letterSubject(sequence) },
  'the term': {
    moments: UNANSWERED,
    matches: (command, sequence) => settles(command, 'poison-work', sequence, '+TERM'),
  },
  'the commit that the letter is stored': {
    moments: ANSWERED,
    matches: (command, sequence) => commits(command, new RegExp(`"poison-work [^"]* ${sequence}",\\d+\\]`)),
  },
  'the removal of the record': {
    moments: ANSWERED,
    matches: ({ subject, payload }, sequence) =>
      subject === '$JS.API.STREAM.PURGE.KV_jetplug' && payload.includes(`"${attemptsOf(sequence)}"`),
  },
  'the record of settled events': {
    moments: ANSWERED,
    matches: ({ subject }) => subject === '$KV.jetplug.settled.poison-work',
  },
};

const REDRIVING: Record<string, Step> = {
  'the commit of the run': { moments: ANSWERED, matches: (command) => commits(command, /"poison--work",.*"w":\[/) },
  'the commit that the published event is sent': {
    moments: ANSWERED,
    matches: (command) => commits(command, /"x":\[\["poison--work /),
  },
  'the filling of the bucket': FILLING,
  'a checkpoint': CHECKPOINT,
  'the event that the handler publishes': { moments: ANSWERED, matches: ({ subject }) => subject === 'badge.cured' },
  'the removal of the letter': {
    moments: ANSWERED,
    matches: ({ subject }) => subject === '$JS.API.STREAM.MSG.DELETE.DEAD',
  },
  'the ack': { moments: UNANSWERED, matches: (command) => settles(command, 'poison--work', '\\d+', '+ACK') },
  'the record of settled events': {
    moments: ANSWERED,
    matches: ({ subject }) => subject === '$KV.jetplug.settled.poison--work',
  },
};

const STEPS = Object.keys(DEAD_LETTERING).length + Object.keys(REDRIVING).length + 2;

const scene = new Scene();
let server: TestServer;
let proxy: StepProxy;
let nats: NatsConnection;
let jsm: JetStreamManager;
let plugins: string[];
let cured: string;
const beganMs = performance.now();
const proved: string[] = [];
let kills = 0;
let events = 0;

beforeAll(async () => {
  server = await scene.server();
  proxy = await StepProxy.start(server);
  nats = await scene.client(server.url);
  jsm = await nats.jetstreamManager();
  cured = join(scene.folder(), 'cured');
  plugins = [scene.folder({ 'poison.plugin.ts': poison() })];
  // The streams exist before anything is published.
  await (await start()).stop();
});
beforeEach(async () => {
  rmSync(cured, { force: true });
  // Removes the letters that a failed test has left.
  await jsm.streams.purge('DEAD');
});
afterAll(async () => {
  if (proved.length === STEPS) {
    report(
      'dead-letter-steps',
      `${kills} kills at ${STEPS} steps, ${events} events: one letter for each, each handled once when redriven, ` +
        `none lost; ${seconds(performance.now() - beganMs)}`,
    );
  }
  await scene.end();
  await proxy.stop();
});

/** Counts, publishes and then fails, until it is fixed. A run that fails leaves nothing. */
const poison = (): string =>
  pluginSource(
    'PoisonPlugin',
    `  constructor(private readonly counts: Store<number>, private readonly events: EventBus) {}
  @Subscribe('video.poison', { from: 'beginning', retry: { attempts: 2, backoff: ['50ms'] } })
  async work(event: any) {
    await this.counts.update(event.key, (n = 0) => n + 1);
    await this.events.publish('badge.cured', { key: event.key });
    if (!existsSync('${cured}')) throw new Error('poison');
  }`,
    { before: `import { existsSync } from 'node:fs';\n` },
  );

/** A high limit for the circuit, so that each failing event is dead-lettered instead of waiting. */
const CONFIG = { delivery: { ackWait: '1s', circuit: { messages: 1_000_000 } } };

test.each(Object.entries(DEAD_LETTERING))(
  'a host killed at %s of a dead-lettering: in the end there is one letter for each event',
  async (name, step) => {
    const sequences: number[] = [];
    await killAt(step, async () => {
      const { state } = await jsm.streams.info('EVENTS');
      const first = state.last_seq + 1;
      return { sequence: first, begin: async () => sequences.push(...(await publish(EVENTS_PER_KILL, first))) };
    });
    await finish();
    await expectOneLetterEach(sequences);
    expect(await countsOf(sequences)).toEqual(sequences.map(() => null));
    await jetplug(['dead', 'drop', '--all', '--servers', server.url]);
    proved.push(name);
  },
);

test.each(Object.entries(REDRIVING))(
  'a host killed at %s of a redrive: in the end each event is handled once, and no letter is left',
  async (name, step) => {
    const sequences = await deadLettered(KILLS * 2);
    writeFileSync(cured, '');
    await killAt(step, redriveTwoOf(sequences));
    await finish();
    await expectHandledOnce(sequences);
    await expectInBucket(sequences);
    proved.push(name);
  },
);

test('a host is killed at the new letter of an event that fails again: in the end there is one letter for each event', async () => {
  const sequences = await deadLettered(KILLS * 2);
  const newLetter: Step = {
    moments: ANSWERED,
    matches: ({ subject }, sequence) => subject === letterSubject(sequence),
  };
  await killAt(newLetter, redriveTwoOf(sequences));
  await finish();
  await expectOneLetterEach(sequences);
  writeFileSync(cured, '');
  await redrive(await lettersOf(sequences));
  await finish();
  await expectHandledOnce(sequences);
  proved.push('the new letter');
});

test('a command is killed at its step of a redrive: in the end each event is handled once, and no letter is left', async () => {
  const sequences = await deadLettered(KILLS * 2);
  writeFileSync(cured, '');
  const host = await start();
  for (let kill = 0; kill < KILLS; kill++) {
    const own = sequences.slice(kill * 2, kill * 2 + 2);
    const ids = await lettersOf(own);
    const command = spawn(process.execPath, [MAIN, 'dead', 'redrive', ...ids.map(String), '--servers', proxy.url], {
      cwd: tmpdir(),
      env: plainEnv(),
      stdio: 'ignore',
    });
    const ended = new Promise((resolve) => command.once('exit', (_code, signal) => resolve(signal)));
    await sprung({
      moment: ANSWERED[kill % ANSWERED.length]!,
      matches: ({ subject }) => subject.startsWith(`retry.poison.work.EVENTS.${own[0]}.`),
      spring: () => command.kill('SIGKILL'),
    });
    expect(await ended).toBe('SIGKILL');
  }
  await host.stop();
  // Redrives the letters that the killed commands did not reach.
  const left = await storedLetters(nats);
  if (left.length > 0) await redrive(left.map(({ seq }) => seq));
  await finish();
  await expectHandledOnce(sequences);
  proved.push('the way back');
});

/** An event that reaches the step after `begin`. */
interface Journey {
  readonly sequence: number;
  begin(): Promise<unknown>;
}

/** Starts a host repeatedly, and kills it when an event reaches the step. */
async function killAt(step: Step, next: () => Promise<Journey>): Promise<void> {
  for (let kill = 0; kill < KILLS; kill++) {
    const host = await start();
    // The work that the previous kill left is finished first, so that no event is killed more than once or twice.
    await settled();
    const { sequence, begin } = await next();
    const trap = sprung({
      moment: step.moments[kill % step.moments.length]!,
      matches: (command) => step.matches(command, sequence),
      spring: () => process.kill(host.pid, 'SIGKILL'),
    });
    await Promise.all([trap, begin()]);
    await host.kill();
  }
}

/** Sets the trap. Resolves when it has killed its process; fails when no event reaches the step. */
async function sprung(trap: Parameters<StepProxy['arm']>[0]): Promise<void> {
  let late: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    late = setTimeout(() => reject(new Error(`the step did not come within ${STEP_MS} ms`)), STEP_MS);
  });
  try {
    await Promise.race([proxy.arm(trap), tooLate]);
  } finally {
    clearTimeout(late);
    proxy.disarm();
  }
  kills++;
}

/** A last host settles all events. */
async function finish(): Promise<void> {
  const host = await start();
  await settled();
  expect(await host.stop()).toBe(0);
}

function start(): Promise<TestHost> {
  return scene.host({ server: proxy, plugins, config: CONFIG, flags: ['--no-watch'] });
}

/** Publishes poison events, and resolves with their sequences, the first one first. */
async function publish(number: number, first: number): Promise<number[]> {
  const sequences = Array.from({ length: number }, (_, i) => first + i);
  for (const sequence of sequences) {
    const { seq } = await nats.jetstream().publish('video.poison', JSON.stringify({ key: `e${sequence}` }));
    expect(seq).toBe(sequence);
  }
  events += number;
  return sequences;
}

/** Publishes this many events, and waits until each has a letter. */
async function deadLettered(number: number): Promise<number[]> {
  const host = await start();
  const { state } = await jsm.streams.info('EVENTS');
  const sequences = await publish(number, state.last_seq + 1);
  await eventually(async () => (await storedLetters(nats)).length === number, 30_000);
  await settled();
  await host.stop();
  return sequences;
}

/** Each call takes the next two events of the list, whose letters are then redriven. */
function redriveTwoOf(sequences: readonly number[]): () => Promise<Journey> {
  const waiting = [...sequences];
  return async () => {
    const own = waiting.splice(0, 2);
    const ids = await lettersOf(own);
    return { sequence: own[0]!, begin: () => redrive(ids) };
  };
}

async function redrive(ids: readonly number[]): Promise<void> {
  const { code, stderr } = await jetplug(['dead', 'redrive', ...ids.map(String), '--servers', server.url]);
  expect([code, stderr]).toEqual([0, '']);
}

/** Waits until no event is pending or in flight, in the stream or in the retry queue. */
async function settled(): Promise<void> {
  await allSettled(jsm, ['EVENTS', 'RETRY']);
}

async function expectOneLetterEach(sequences: readonly number[]): Promise<void> {
  const letters = (await storedLetters(nats)).map(({ subject }) => subject);
  expect(letters.sort()).toEqual(sequences.map(letterSubject).sort());
}

async function expectHandledOnce(sequences: readonly number[]): Promise<void> {
  expect(await storedLetters(nats)).toEqual([]);
  expect(await countsOf(sequences)).toEqual(sequences.map(() => 1));
  const keys = (await readStream(nats, 'EVENTS'))
    .filter(({ subject }) => subject === 'badge.cured')
    .map((event) => event.json<{ key: string }>().key);
  const own = sequences.map((sequence) => `e${sequence}`);
  expect(keys.filter((key) => own.includes(key)).sort()).toEqual(own.sort());
}

/** How often each event was counted, by the commits in the log. */
async function countsOf(sequences: readonly number[]): Promise<unknown[]> {
  const texts = new Map<string, string | null>();
  const log = await nats.jetstream().consumers.get('LOG_jetplug-poison');
  const { state } = await jsm.streams.info('LOG_jetplug-poison');
  for await (const message of await log.consume()) {
    for (const { writes } of decodeCommit(message.string()).runs)
      for (const [key, text] of writes) texts.set(key, text);
    if (message.seq === state.last_seq) break;
  }
  await log.delete();
  return sequences.map((sequence) => JSON.parse(texts.get(`e${sequence}`) ?? 'null') as unknown);
}

/** Waits until the bucket has the counts, too. */
async function expectInBucket(sequences: readonly number[]): Promise<void> {
  const host = await start();
  for (const sequence of sequences) {
    const query = { last_by_subj: `$KV.jetplug-poison.e${sequence}` };
    await eventually(async () => (await jsm.streams.getMessage('KV_jetplug-poison', query)).string() === '1', 10_000);
  }
  await host.stop();
}

async function lettersOf(sequences: readonly number[]): Promise<number[]> {
  const letters = await storedLetters(nats);
  return sequences.map((sequence) => letters.find(({ subject }) => subject === letterSubject(sequence))!.seq);
}

function letterSubject(sequence: number): string {
  return `dead.poison.work.EVENTS.${sequence}`;
}
