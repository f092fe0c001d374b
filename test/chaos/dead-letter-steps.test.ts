import { spawn } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { JetStreamManager, NatsConnection } from 'nats';
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
import { readStore, readStream } from '../support/stored';
import { count, report, seconds } from './proof';

/** At each step; each moment of a step has its share. */
const KILLS = count(6, 50);
/** The kill is at a step of the first; the others are wherever they are then. */
const EVENTS_PER_KILL = 3;
const STEP_MS = 15_000;

/** A step of a process's way, known by what it publishes. */
interface Step {
  readonly moments: readonly Moment[];
  /** @param sequence of the event that is on its way */
  matches(command: ClientCommand, sequence: number): boolean;
}

const ASKED: readonly Moment[] = ['before', 'after', 'answered'];
/** The server answers nothing. */
const TOLD: readonly Moment[] = ['before', 'after'];

const attemptsOf = (sequence: number): string => `$KV.jetplug.attempts.poison-work.EVENTS.${sequence}`;
const settles = (command: ClientCommand, durable: string, sequence: number | string, answer: string): boolean =>
  command.payload.startsWith(answer) && new RegExp(`\\.${durable}\\.\\d+\\.${sequence}\\.`).test(command.subject);

const DEAD_LETTERING: Record<string, Step> = {
  'the record of an attempt': {
    moments: ASKED,
    matches: ({ subject }, sequence) => subject === attemptsOf(sequence),
  },
  'the nak': { moments: TOLD, matches: (command, sequence) => settles(command, 'poison-work', sequence, '-NAK') },
  'the letter': { moments: ASKED, matches: ({ subject }, sequence) => subject === letterSubject(sequence) },
  'the term': { moments: TOLD, matches: (command, sequence) => settles(command, 'poison-work', sequence, '+TERM') },
  'the removal of the record': {
    moments: ASKED,
    matches: ({ subject, payload }, sequence) =>
      subject === '$JS.API.STREAM.PURGE.KV_jetplug' && payload.includes(`"${attemptsOf(sequence)}"`),
  },
  'the record of what is settled': {
    moments: ASKED,
    matches: ({ subject }) => subject === '$KV.jetplug.settled.poison-work',
  },
};

const REDRIVING: Record<string, Step> = {
  'what the handler publishes': { moments: ASKED, matches: ({ subject }) => subject === 'badge.cured' },
  'the removal of the letter': {
    moments: ASKED,
    matches: ({ subject }) => subject === '$JS.API.STREAM.MSG.DELETE.DEAD',
  },
  'the ack': { moments: TOLD, matches: (command) => settles(command, 'poison--work', '\\d+', '+ACK') },
  'the record of what is settled': {
    moments: ASKED,
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
  // The streams are there before anything is published.
  await (await start()).stop();
});
beforeEach(async () => {
  rmSync(cured, { force: true });
  // Of a test that failed.
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

/** Counts, publishes and then fails, until there is a cure. */
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

/** All that is handled here fails, and is to be dead-lettered however much of it there is. */
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
    expect(await countsOf(sequences)).toEqual(sequences.map(() => 1));
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
    proved.push(name);
  },
);

test('a host killed at the new letter of an event that fails again: in the end there is one letter for each', async () => {
  const sequences = await deadLettered(KILLS * 2);
  const newLetter: Step = { moments: ASKED, matches: ({ subject }, sequence) => subject === letterSubject(sequence) };
  await killAt(newLetter, redriveTwoOf(sequences));
  await finish();
  await expectOneLetterEach(sequences);
  writeFileSync(cured, '');
  await redrive(await lettersOf(sequences));
  await finish();
  await expectHandledOnce(sequences);
  proved.push('the new letter');
});

test('a command killed at its step of a redrive: in the end each event is handled once, and no letter is left', async () => {
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
      moment: ASKED[kill % ASKED.length]!,
      matches: ({ subject }) => subject.startsWith(`retry.poison.work.EVENTS.${own[0]}.`),
      spring: () => command.kill('SIGKILL'),
    });
    expect(await ended).toBe('SIGKILL');
  }
  await host.stop();
  // What the killed commands did not come to.
  const left = await storedLetters(nats);
  if (left.length > 0) await redrive(left.map(({ seq }) => seq));
  await finish();
  await expectHandledOnce(sequences);
  proved.push('the way back');
});

/** An event whose way to the step is to begin when the trap is set. */
interface Journey {
  readonly sequence: number;
  begin(): Promise<unknown>;
}

/** Again and again starts a host, and ends it when an event comes to the step. */
async function killAt(step: Step, next: () => Promise<Journey>): Promise<void> {
  for (let kill = 0; kill < KILLS; kill++) {
    const host = await start();
    // What the kill before has left is done first, so that no event is killed more than once or twice.
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

/** Sets the trap; resolves when it has ended its process, and fails when the step does not come. */
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

/** A last host brings all to its end. */
async function finish(): Promise<void> {
  const host = await start();
  await settled();
  expect(await host.stop()).toBe(0);
}

function start(): Promise<TestHost> {
  return scene.host({ server: proxy, plugins, config: CONFIG, flags: ['--no-watch'] });
}

/** Publishes poison; resolves with the sequences, which begin with the first. */
async function publish(number: number, first: number): Promise<number[]> {
  const sequences = Array.from({ length: number }, (_, i) => first + i);
  for (const sequence of sequences) {
    const { seq } = await nats.jetstream().publish('video.poison', JSON.stringify({ key: `e${sequence}` }));
    expect(seq).toBe(sequence);
  }
  events += number;
  return sequences;
}

/** So many events with a letter each. */
async function deadLettered(number: number): Promise<number[]> {
  const host = await start();
  const { state } = await jsm.streams.info('EVENTS');
  const sequences = await publish(number, state.last_seq + 1);
  await eventually(async () => (await storedLetters(nats)).length === number, 30_000);
  await settled();
  await host.stop();
  return sequences;
}

/** Takes two events after the other from the list, and redrives them. */
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

/** Waits until nothing is on its way, from the stream or from the retry road. */
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

/** How often each was counted. */
async function countsOf(sequences: readonly number[]): Promise<unknown[]> {
  const store = await readStore(nats, 'poison');
  return sequences.map((sequence) => store[`e${sequence}`]);
}

async function lettersOf(sequences: readonly number[]): Promise<number[]> {
  const letters = await storedLetters(nats);
  return sequences.map((sequence) => letters.find(({ subject }) => subject === letterSubject(sequence))!.seq);
}

function letterSubject(sequence: number): string {
  return `dead.poison.work.EVENTS.${sequence}`;
}
