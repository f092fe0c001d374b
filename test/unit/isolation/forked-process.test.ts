import { fork } from 'node:child_process';
import type * as childProcess from 'node:child_process';
import { EventEmitter } from 'node:events';
import { machineTime, type Time } from '../../../host/base/time';
import { ForkedProcess } from '../../../host/isolation/forked-process';
import type { ProcessMessage } from '../../../host/isolation/protocol';
import { RecordingLog } from '../../../host/testing/recording-log';
import { VirtualTime } from '../../../host/testing/virtual-time';
import { eventually } from '../../support/eventually';
import { Scene } from '../../support/scene';

jest.mock('node:child_process', () => {
  const actual = jest.requireActual<typeof childProcess>('node:child_process');
  return { ...actual, fork: jest.fn(actual.fork) };
});

const MIB = 1024 * 1024;
const LIMITS = { heapLimitBytes: 32 * MIB, memoryLimitBytes: 64 * MIB };

const scene = new Scene();
let log: RecordingLog;
let received: ProcessMessage[];
let ends: string[];
let forked: ForkedProcess;

beforeEach(() => {
  log = new RecordingLog();
  received = [];
  ends = [];
});
afterEach(async () => {
  forked.kill('the test is over');
  await forked.gone;
});
afterAll(() => scene.end());

function start(program = '', time: Time = machineTime): ForkedProcess {
  const events = {
    received: (message: ProcessMessage) => void received.push(message),
    ended: (why: string) => void ends.push(why),
  };
  forked = new ForkedProcess(LIMITS, log, time, events, program);
  forked.start();
  return forked;
}
/** Starts a process that runs this code. */
const run = (code: string): ForkedProcess => start(`${scene.folder({ 'program.js': code })}/program.js`);
const lines = (): string[] => log.lines.map(({ level, message }) => `${level} ${message}`);

/** A child of Node.js with no process behind it. */
class FakeChild extends EventEmitter {
  readonly pid: number | undefined;
  readonly connected = false;
  kill(): void {}

  constructor(pid?: number) {
    super();
    this.pid = pid;
    jest.mocked(fork).mockReturnValueOnce(this as never);
  }
}

describe('a process that cannot be started', () => {
  test('ends at once where the system refuses at once, and is then neither called nor killed', async () => {
    jest.mocked(fork).mockImplementationOnce(() => {
      throw new Error('spawn ENOMEM');
    });
    await start().gone;
    expect(ends).toEqual(['it could not be started: spawn ENOMEM']);
    forked.send({ to: 'ping' });
    forked.kill('no longer needed');
    expect([forked.pid, ends]).toEqual([undefined, ['it could not be started: spawn ENOMEM']]);
  });

  test('ends where the host has no file descriptors left for its pipes', async () => {
    const child = new FakeChild();
    const { gone } = start();
    child.emit('error', new Error('spawn EMFILE'));
    await gone;
    expect(ends).toEqual(['it could not be started: spawn EMFILE']);
  });
});

test('a signal that fails leaves the process running, however often', async () => {
  const child = new FakeChild(7);
  start('', new VirtualTime(0));
  for (let i = 0; i < 2; i++) child.emit('error', new Error('kill EPERM'));
  expect([ends, lines()]).toEqual([[], Array(2).fill('warn plugin process could not be signalled')]);
  child.emit('exit', 0, null);
  child.emit('close');
  await forked.gone;
  expect(ends).toEqual(['exit code 0']);
});

test('a process whose own child keeps its output open counts as ended 100 ms after its exit', async () => {
  const child = new FakeChild(7);
  const time = new VirtualTime(0);
  start('', time);
  child.emit('exit', null, 'SIGSEGV');
  time.step(99, true);
  expect(ends).toEqual([]);
  time.step(100, true);
  await forked.gone;
  child.emit('close');
  expect(ends).toEqual(['SIGSEGV']);
});

test('a process that exits by itself ends with its exit code, after its last output is logged', async () => {
  await run(`console.log('starting'); console.error('no licence'); process.exitCode = 3; process.disconnect();`).gone;
  expect(ends).toEqual(['exit code 3']);
  expect(lines().sort()).toEqual(['info starting', 'warn no licence']);
  expect(log.lines.map(({ fields }) => fields['from']).sort()).toEqual(['stderr', 'stdout']);
});

test('a process whose heap is full ends with that reason, and the report of the crash is only for debugging', async () => {
  const report = ['before', '<--- Last few GCs --->', 'FATAL ERROR: JavaScript heap out of memory', ' 1: 0xb7a2'];
  await run(`console.error(${JSON.stringify(report.join('\n'))}); process.kill(process.pid, 'SIGABRT');`).gone;
  expect(ends).toEqual(['its objects reached the heap limit of 32 MiB (SIGABRT)']);
  expect(lines()).toEqual(['warn before', ...report.slice(1).map((line) => `debug ${line.trimEnd()}`)]);
});

test('a process whose guard reports too much memory ends with that reason', async () => {
  await run(`require('node:fs').writeSync(3, '70000000\\n'); process.exitCode = 1; process.disconnect();`).gone;
  expect(ends).toEqual(['its memory reached the limit of 64 MiB (exit code 1)']);
});

test('a killed process ends with the first reason that was recorded', async () => {
  run('setInterval(() => {}, 1_000);');
  forked.noteReason('uncaught Error: broken');
  forked.kill('it was blocked');
  await forked.gone;
  expect(ends).toEqual(['uncaught Error: broken (SIGKILL)']);
});

test('messages go both ways, and one that is sent after the end is lost without an error', async () => {
  run(`process.on('message', (messages) => process.send([{ got: messages }]));`);
  forked.send({ to: 'ping' });
  await eventually(() => received.length > 0);
  expect(received).toEqual([{ got: [{ to: 'ping' }] }]);
  forked.kill('done');
  await forked.gone;
  forked.send({ to: 'ping' });
  expect(ends).toEqual(['done (SIGKILL)']);
});

test('a process has a heap limit, a lower priority, and neither the credentials of the host nor its options', async () => {
  const { env } = process;
  process.env = { ...env, JETPLUG_NATS_PASSWORD: 'secret', NODE_OPTIONS: '--no-warnings', JETPLUG_OTHER: 'kept' };
  try {
    run(`process.on('message', () => process.send([{
      env: ['JETPLUG_NATS_PASSWORD', 'NODE_OPTIONS', 'JETPLUG_OTHER'].map((name) => process.env[name] ?? null),
      argv: process.argv.slice(2), execArgv: process.execArgv, priority: require('node:os').getPriority(),
    }]));`);
    forked.send({ to: 'ping' });
    await eventually(() => received.length > 0);
    expect(received).toEqual([
      {
        env: [null, null, 'kept'],
        argv: [String(64 * MIB)],
        execArgv: ['--max-old-space-size=32'],
        priority: 10,
      },
    ]);
  } finally {
    process.env = env;
  }
});
