import { JetplugError } from '../../../sdk/internal';
import { PluginProcess } from '../../../host/isolation/plugin-process';
import type { HostMessage, ProcessMessage } from '../../../host/isolation/protocol';
import { encodeError } from '../../../host/isolation/wire-error';
import type { WorkerCall, WorkerServices } from '../../../host/isolation/worker';
import { OutcomeKnown } from '../../../host/message/outcome';
import type { LoggedLines } from '../../../host/message/run-lines';
import { Batch } from '../../../host/message/batch';
import type { Scope } from '../../../host/message/run';
import { RecordingLog } from '../../../host/testing/recording-log';
import { VirtualTime } from '../../../host/testing/virtual-time';
import { settle } from '../../support/memory-host';

const FILE = '/plugins/badge.plugin.ts';
const DEFINITION = { name: 'badge', where: { file: FILE, line: 3 } };
const LAYERS = { defaults: {}, sections: {} } as never;
const SERVICES = { texts: {}, bus: {} } as WorkerServices;

/** A worker whose process is played by the test. */
function bench() {
  const lines = new RecordingLog();
  const time = new VirtualTime(0);
  const sent: HostMessage[] = [];
  const kills: string[] = [];
  const notes: string[] = [];
  const starts: string[] = [];
  const ended: { error: JetplugError; unstarted: readonly WorkerCall[] }[] = [];
  let events!: { received(message: ProcessMessage): void; ended(why: string): void };
  let leave!: () => void;
  let startHook = (): void => undefined;
  const worker = new PluginProcess(
    { file: FILE, limits: { heapLimitBytes: 1, memoryLimitBytes: 1 }, log: lines, time },
    { ended: (error, unstarted) => void ended.push({ error, unstarted }) },
    (_limits, log, _time, given) => {
      events = given;
      const gone = new Promise<void>((resolve) => (leave = resolve));
      return {
        pid: 7,
        log,
        gone,
        start: () => {
          starts.push('start');
          startHook();
        },
        send: (message) => void sent.push(message),
        kill: (why) => void kills.push(why),
        noteReason: (why) => void notes.push(why),
      };
    },
  );
  const say = (message: unknown): void => events.received(message as ProcessMessage);
  const end = (why: string): void => {
    events.ended(why);
    leave();
  };
  const onStart = (act: () => void): void => void (startHook = act);
  const open = () => worker.open([], LAYERS);
  /** A worker whose plugin has started. */
  const started = async (): Promise<void> => {
    const opened = open();
    say({ is: 'loaded', definition: DEFINITION, modules: [] });
    await opened;
    const start = worker.start(undefined, SERVICES);
    say({ is: 'started' });
    await start;
    sent.length = 0;
  };
  return { worker, lines, time, sent, starts, kills, notes, ended, say, end, onStart, open, started };
}

/** A call of a handler for one event. Its settlement is added to the journal. */
function callOf(journal: string[] = [], { recorder, ...over }: { isOver?: boolean; recorder?: object } = {}) {
  const abort = new AbortController();
  const scope = {
    isOver: false,
    begin: () => journal.push('begun'),
    signal: abort.signal,
    handler: { name: 'badge.award', timeoutMs: 1_000, recorder },
    decoded: { envelope: { event_id: 'e1' }, fields: { n: 1 } },
    delivery: {
      subject: 'video.watched',
      headers: () => ({}),
      origin: { stream: 'EVENTS', sequence: 7, storedAtMs: 0 },
    },
    ...over,
  };
  const call: WorkerCall = {
    method: 'award',
    scope: scope as unknown as Scope,
    resolve: () => void journal.push('resolved'),
    reject: (error) => void journal.push(error instanceof OutcomeKnown ? error.outcome.kind : String(error)),
  };
  return { call, scope, abort, journal };
}

const PROCESS_ENDED = 'JP_PLUGIN_PROCESS_ENDED';

describe('a process that ends', () => {
  test('before its plugin is loaded rejects the load, with the plugin’s file', async () => {
    const { open, end, ended } = bench();
    const opened = open();
    end('exit code 3');
    const error = { code: PROCESS_ENDED, message: 'the plugin process ended: exit code 3', file: FILE };
    await expect(opened).rejects.toMatchObject(error);
    expect(ended).toMatchObject([{ error, unstarted: [] }]);
  });

  test('because the system cannot start it rejects the load', async () => {
    const { open, end, onStart } = bench();
    onStart(() => end('it could not be started: spawn ENOMEM'));
    const message = 'the plugin process ended: it could not be started: spawn ENOMEM';
    await expect(open()).rejects.toMatchObject({ code: PROCESS_ENDED, message });
  });

  test('before its plugin is started rejects the start, with the plugin’s name and line', async () => {
    const { worker, open, say, end } = bench();
    const opened = open();
    say({ is: 'loaded', definition: DEFINITION, modules: [] });
    await opened;
    const start = worker.start({ limit: 3 }, SERVICES);
    end('SIGSEGV');
    await expect(start).rejects.toMatchObject({ code: PROCESS_ENDED, plugin: 'badge', file: FILE, line: 3 });
  });

  test('refuses every later order at once, and counts as stopped', async () => {
    const { worker, open, end, sent, starts } = bench();
    end('exit code 3');
    await expect(open()).rejects.toMatchObject({ code: PROCESS_ENDED });
    await worker.stop();
    expect([starts, sent]).toEqual([[], []]);
  });

  test('while calls are in flight fails those that had begun, returns the others, and forgets both', async () => {
    const { worker, started, say, end, ended } = bench();
    await started();
    const [begun, unstarted, over] = [callOf(), callOf(), callOf([], { isOver: true })];
    for (const { call } of [begun, unstarted, over]) worker.call(call);
    say({ is: 'begun', call: 1 });
    expect(worker.load).toBe(3);
    end('SIGKILL');
    expect([begun, unstarted, over].map(({ journal }) => journal)).toEqual([['begun', 'died'], [], ['resolved']]);
    expect(ended[0]!.unstarted.map(({ scope }) => scope)).toEqual([unstarted.call.scope]);
    expect(worker.load).toBe(0);
  });

  test('while a store update waits for its function fails the update', async () => {
    const { worker, open, say, end } = bench();
    const opened = open();
    say({ is: 'loaded', definition: DEFINITION, modules: [] });
    await opened;
    const updates: unknown[] = [];
    const change = (_key: string, _scope: unknown, next: (text: string) => Promise<string>) =>
      next('1').catch((error: unknown) => void updates.push(error));
    void worker.start(undefined, { texts: { change }, bus: {} } as never).catch(() => undefined);
    say({ is: 'request', request: 1, what: 'change', key: 'k', as: 'Store.update' });
    end('SIGKILL');
    await settle();
    expect(updates).toMatchObject([{ code: PROCESS_ENDED }]);
  });

  test('by an uncaught error names the error and its first frame as the reason', async () => {
    const { started, say, notes } = bench();
    await started();
    const error = Object.assign(new TypeError('no such user'), {
      stack: 'TypeError: no such user\n    at award (a.ts:3)',
    });
    say({ is: 'dying', error: encodeError(error) });
    say({ is: 'dying', error: encodeError(new JetplugError('JP_STORE_KEY_INVALID', 'it is empty')) });
    say({ is: 'dying', error: encodeError('text') });
    expect(notes[0]).toBe('uncaught TypeError: no such user at award (a.ts:3)');
    expect(notes[1]).toMatch(/^uncaught JP_STORE_KEY_INVALID: it is empty at /);
    expect(notes[2]).toBe("uncaught 'text'");
  });
});

describe('a process that sends what the host does not expect', () => {
  test.each<[what: string, message: unknown]>([
    ['nothing', null],
    ['a definition without content', { is: 'loaded' }],
    ['the answer of another order', { is: 'started' }],
    ['the answer of a later order', { is: 'stopped' }],
    ['a failure without errors', { is: 'failed' }],
    ['an error of an unknown kind', { is: 'failed', errors: [{ kind: 'odd' }] }],
    ['an outcome of an unknown kind', { is: 'ended', call: 1, error: { kind: 'odd' } }],
    ['a log line without fields', { is: 'log', level: 'info', message: 'hello' }],
    ['a log line of an unknown level', { is: 'log', level: 'shout', message: 'hi', fields: { rest: {}, errors: {} } }],
  ])('is killed: %s', async (_what, message) => {
    const { open, say, end, kills, lines } = bench();
    const opened = open();
    say(message);
    expect(kills).toEqual(['it sent an invalid message to the host']);
    expect(lines.lines).toMatchObject([
      { level: 'error', message: 'plugin process sent an invalid message; killing it' },
    ]);
    end(kills[0]!);
    await expect(opened).rejects.toMatchObject({ code: PROCESS_ENDED, message: expect.stringContaining(kills[0]!) });
  });

  test.each(['ready', {}, { is: 'ready' }, 7])(
    'is left alone where the message is of no known kind: %j',
    async (message) => {
      const { open, say, kills } = bench();
      const opened = open();
      say(message);
      say({ is: 'loaded', definition: DEFINITION, modules: [] });
      await expect(opened).resolves.toMatchObject({ definition: DEFINITION });
      expect(kills).toEqual([]);
    },
  );

  test('is left alone where it reports on a call or a request that is over', async () => {
    const { started, say, kills } = bench();
    await started();
    say({ is: 'begun', call: 9 });
    say({ is: 'ended', call: 9 });
    say({ is: 'changed', request: 9, next: '1' });
    expect(kills).toEqual([]);
  });

  test('gets an error for a request before its plugin is loaded', async () => {
    const { open, say, sent, kills } = bench();
    const opened = open();
    say({ is: 'request', request: 1, call: 1, what: 'get', key: 'k' });
    say({ is: 'request', request: 2, what: 'get', key: 'k' });
    await settle();
    expect(sent.slice(1)).toMatchObject([
      { to: 'answer', request: 1, error: {} },
      { to: 'answer', request: 2, error: {} },
    ]);
    expect(kills).toEqual([]);
    say({ is: 'failed', errors: [] });
    await expect(opened).rejects.toThrow();
  });
});

test('a process starts when it is opened, and not before', async () => {
  const { open, say, starts } = bench();
  expect(starts).toEqual([]);
  const opened = open();
  say({ is: 'loaded', definition: DEFINITION, modules: [] });
  await opened;
  expect(starts).toEqual(['start']);
});

test('a plugin that cannot be loaded rejects with its error, or with all of several', async () => {
  const { open, say } = bench();
  const wrong = new JetplugError('JP_PLUGIN_SYNTAX', 'a brace is missing', { file: FILE, line: 5 });
  const one = open();
  say({ is: 'failed', errors: [encodeError(wrong)] });
  await expect(one).rejects.toMatchObject({ code: 'JP_PLUGIN_SYNTAX', line: 5 });
  const several = open();
  say({ is: 'failed', errors: [encodeError(wrong), encodeError(wrong)] });
  await expect(several).rejects.toMatchObject({
    message: `${FILE} cannot be used`,
    errors: [{ line: 5 }, { line: 5 }],
  });
});

test('the lines of a process carry its plugin’s name once it is known, and their errors are errors again', async () => {
  const { started, say, lines } = bench();
  const fields = { rest: { n: 1 }, errors: { err: encodeError(new RangeError('too far')) } };
  await started();
  say({ is: 'log', level: 'warn', message: 'odd', fields });
  expect(lines.lines).toMatchObject([{ level: 'warn', message: 'odd', fields: { plugin: 'badge', n: 1 } }]);
  expect(lines.lines[0]!.fields['err']).toBeInstanceOf(RangeError);
});

describe('a line that a handler logs', () => {
  const line = { is: 'log', level: 'info', message: 'hello', fields: { rest: { n: 1 }, errors: {} } };
  const kept = [{ level: 'info', message: 'hello', fields: { n: 1 } }];

  test('is kept for the record of its run, without the fields that the context adds, until the call ends', async () => {
    const { worker, started, say, lines } = bench();
    await started();
    const { call, scope } = recordedCall();
    worker.call(call);
    say({ ...line, call: 1 });
    say({ ...line, call: 1, event: 0, known: { handler: 'award' } });
    say({ ...line });
    say({ is: 'ended', call: 1 });
    say({ ...line, call: 1, event: 0 });
    expect(scope.logged?.lines).toEqual([...kept, ...kept]);
    expect(lines.lines.map(({ fields }) => fields['handler'])).toEqual([undefined, 'award', undefined, undefined]);
  });

  test('is kept for one event of a batch, if the context of the event has logged it', async () => {
    const { worker, started, say } = bench();
    await started();
    const runs = [recordedCall().scope, recordedCall().scope];
    const scope = Object.assign(Object.create(Batch.prototype) as object, { runs, handler: {} });
    Object.defineProperty(scope, 'signal', { value: new AbortController().signal });
    worker.call({ ...callOf().call, scope: scope as unknown as Scope });
    say({ ...line, call: 1, event: 1 });
    say({ ...line, call: 1 });
    for (const event of [2, -1, 'x', null]) say({ ...line, call: 1, event });
    expect(runs.map(({ logged }) => logged?.lines)).toEqual([undefined, kept]);
  });
});

/** A call whose runs are recorded. */
function recordedCall() {
  const { call, scope } = callOf([], { recorder: { isActive: true } });
  return { call, scope: scope as typeof scope & { logged?: LoggedLines } };
}

test('a call is sent with its event, and its end settles it with the handler’s result or error', async () => {
  const { worker, started, sent, say } = bench();
  await started();
  const [good, bad] = [callOf(), callOf()];
  worker.call(good.call);
  worker.call(bad.call);
  expect(sent).toMatchObject([
    { to: 'call', call: 1, method: 'award', events: [{ envelope: { event_id: 'e1' }, fields: { n: 1 } }] },
    { to: 'call', call: 2 },
  ]);
  for (const call of [1, 2]) say({ is: 'begun', call });
  say({ is: 'ended', call: 1 });
  say({ is: 'ended', call: 2, error: encodeError(new Error('no database')) });
  expect([good.journal, bad.journal]).toEqual([
    ['begun', 'resolved'],
    ['begun', 'Error: no database'],
  ]);
});

test('the end of a run aborts its call in the process, unless the call has ended', async () => {
  const { worker, started, sent, say } = bench();
  await started();
  const [running, done] = [callOf(), callOf()];
  worker.call(running.call);
  worker.call(done.call);
  say({ is: 'ended', call: 2 });
  for (const { abort } of [running, done]) abort.abort(new Error('its timeout is over'));
  const aborts = sent.filter(({ to }) => to === 'abort');
  expect(aborts).toMatchObject([{ call: 1, reason: { message: 'its timeout is over' } }]);
});

describe('a process that does not answer its ping', () => {
  test('is killed after 1 s if a call is past its timeout', async () => {
    const { worker, started, time, kills, sent } = bench();
    await started();
    worker.call(callOf([], { isOver: true }).call);
    worker.check(60_000);
    expect(sent.at(-1)).toEqual({ to: 'ping' });
    time.step(999, true);
    worker.check(60_000);
    expect(kills).toEqual([]);
    time.step(1_000, true);
    worker.check(60_000);
    expect(kills).toEqual(['it was blocked, with badge.award past its timeout of 1000 ms']);
  });

  test('is killed after the longest timeout if no call is past its own', async () => {
    const { worker, started, time, kills } = bench();
    await started();
    worker.call(callOf().call);
    worker.check(60_000);
    time.step(59_999, true);
    worker.check(60_000);
    expect(kills).toEqual([]);
    time.step(60_000, true);
    worker.check(60_000);
    expect(kills).toEqual(['it was blocked']);
  });

  test('is left alone once it answers, and its memory is known', async () => {
    const { worker, started, time, kills, say } = bench();
    await started();
    worker.call(callOf([], { isOver: true }).call);
    worker.check(60_000);
    time.step(900, true);
    say({ is: 'pong', residentBytes: 5_000 });
    time.step(1_500, true);
    worker.check(60_000);
    expect([kills, worker.residentBytes]).toEqual([[], 5_000]);
  });
});

describe('a stop', () => {
  test('resolves when the process has stopped its plugin and is gone', async () => {
    const { worker, started, say, end, time, kills } = bench();
    await started();
    let stopped = false;
    const stop = worker.stop().then(() => (stopped = true));
    say({ is: 'stopped' });
    await settle();
    expect(stopped).toBe(false);
    end('exit code 0');
    await stop;
    expect([time.step(10_000, true), kills]).toEqual([false, []]);
  });

  test('rejects with the error of onStop, after the process is gone', async () => {
    const { worker, started, say, end } = bench();
    await started();
    const stop = worker.stop();
    say({ is: 'stopped', error: encodeError(new JetplugError('JP_PLUGIN_STOP_FAILED', 'no')) });
    await settle();
    end('exit code 0');
    await expect(stop).rejects.toMatchObject({ code: 'JP_PLUGIN_STOP_FAILED' });
  });

  test('kills a process that has stopped its plugin and does not exit within 2 s', async () => {
    const { worker, started, say, end, time, kills } = bench();
    await started();
    const stop = worker.stop();
    say({ is: 'stopped' });
    await settle();
    time.step(1_999, true);
    expect(kills).toEqual([]);
    time.step(2_000, true);
    expect(kills).toEqual(['it did not exit']);
    end('it did not exit (SIGKILL)');
    await stop;
  });

  test('rejects if the process ends before its plugin has stopped', async () => {
    const { worker, started, end, sent } = bench();
    await started();
    const stop = worker.stop();
    expect(sent).toEqual([{ to: 'stop' }]);
    end('SIGKILL');
    await expect(stop).rejects.toMatchObject({ code: PROCESS_ENDED, plugin: 'badge' });
  });
});
