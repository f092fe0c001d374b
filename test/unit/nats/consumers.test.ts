import type { Connection } from '../../../host/nats/connection';
import { checkDurable, ensureDurable } from '../../../host/nats/consumers';
import { newConfig } from '../../../host/nats/durable-config';
import type { DurableSpec } from '../../../host/broker/durable';
import { DURABLE } from '../../support/durable-spec';

const CREATE = 'CONSUMER.CREATE.EVENTS.badge-award.video.*';
const UPDATE = `${CREATE} update`;
const INFO = 'CONSUMER.INFO.EVENTS.badge-award';
const DELETE = 'CONSUMER.DELETE.EVENTS.badge-award';

type Answer = object | { error: number; description?: string };
const NO_FOLDER = { error: 10012, description: 'open /data/obs/a/meta.inf.tmp: no such file or directory' };

/** A server with these answers for each request. Any other request fails. */
function server(answers: Record<string, Answer[]>) {
  const asked: string[] = [];
  const configs: Record<string, unknown>[] = [];
  const askApi = async (
    subject: string,
    body?: { action?: string; config: Record<string, unknown> },
  ): Promise<Answer> => {
    const request = body?.action === 'update' ? `${subject} update` : subject;
    asked.push(request);
    if (body) configs.push(body.config);
    const answer = answers[request]?.shift();
    if (!answer) throw new Error(`unexpected request ${request}`);
    if ('error' in answer) {
      const { error: err_code, description } = answer;
      throw Object.assign(new Error('refused'), { api_error: { err_code, description } });
    }
    return answer;
  };
  return { asked, configs, connection: { requests: { askApi } } as unknown as Connection };
}

const info = (config: object = {}, spec: DurableSpec = DURABLE) => ({
  num_pending: 3,
  num_ack_pending: 1,
  delivered: { consumer_seq: 2, stream_seq: 9 },
  ack_floor: { consumer_seq: 1, stream_seq: 7 },
  config: { ...newConfig(spec), ...config },
});
const metadata = (entries: object) => ({
  metadata: { ...newConfig(DURABLE).metadata, '_nats.ver': '2.15.2', ...entries },
});

test.each<[what: string, spec: Partial<DurableSpec>, answers: Record<string, Answer[]>, asked: string[]]>([
  ['a durable without a known position is created with one request', {}, { [CREATE]: [info()] }, [CREATE]],
  [
    'an existing durable that differs is updated',
    {},
    { [CREATE]: [{ error: 10148 }], [INFO]: [info({ max_ack_pending: 5 })], [UPDATE]: [info()] },
    [CREATE, INFO, UPDATE],
  ],
  [
    'an existing durable that differs only in its start position is used',
    { from: 'new' },
    { [CREATE]: [{ error: 10148 }], [INFO]: [info()] },
    [CREATE, INFO],
  ],
  ['a durable with a known position continues from there', { resumeAfter: 7 }, { [INFO]: [info()] }, [INFO]],
  [
    'a durable with a known position that is gone is created again',
    { resumeAfter: 7 },
    { [INFO]: [{ error: 10014 }], [CREATE]: [info()] },
    [INFO, CREATE],
  ],
  [
    'a durable with other entries in its metadata is used',
    { resumeAfter: 7 },
    { [INFO]: [info(metadata({ team: 'video' }))] },
    [INFO],
  ],
  [
    'a durable that skipped events is replaced after the settled ones',
    { resumeAfter: 7 },
    { [INFO]: [info({ max_deliver: 3 })], [DELETE]: [{ success: true }], [CREATE]: [info()], [UPDATE]: [info()] },
    [INFO, DELETE, CREATE, UPDATE],
  ],
  [
    'a durable that skipped events and that another host has deleted is created',
    { resumeAfter: 7 },
    { [INFO]: [info({ max_deliver: 3 })], [DELETE]: [{ error: 10014 }], [CREATE]: [info()], [UPDATE]: [info()] },
    [INFO, DELETE, CREATE, UPDATE],
  ],
  [
    'a durable that skipped events and that another host has replaced is used',
    { resumeAfter: 7 },
    {
      [INFO]: [info({ max_deliver: 3 }), info()],
      [DELETE]: [{}],
      [CREATE]: [{ error: 10148 }],
      [UPDATE]: [info()],
    },
    [INFO, DELETE, CREATE, INFO, UPDATE],
  ],
  [
    'a replaced durable whose folder the server has removed is replaced again',
    { resumeAfter: 7 },
    {
      [INFO]: [info({ max_deliver: 3 })],
      [DELETE]: [{}, {}],
      [CREATE]: [info(), info()],
      [UPDATE]: [NO_FOLDER, info()],
    },
    [INFO, DELETE, CREATE, UPDATE, DELETE, CREATE, UPDATE],
  ],
  [
    'a durable that cannot be updated because its folder is missing is replaced',
    { resumeAfter: 7 },
    {
      [INFO]: [info({ max_ack_pending: 5 })],
      [DELETE]: [{}],
      [CREATE]: [info()],
      [UPDATE]: [NO_FOLDER, info()],
    },
    [INFO, UPDATE, DELETE, CREATE, UPDATE],
  ],
  [
    'a durable that cannot be changed in place is created again where the config allows that',
    { resumeAfter: 7, mayRecreate: true },
    { [INFO]: [info({ max_waiting: 10 })], [DELETE]: [{}], [CREATE]: [info()], [UPDATE]: [info()] },
    [INFO, DELETE, CREATE, UPDATE],
  ],
  [
    'a durable that is sound stays where the config allows that it is created again',
    { resumeAfter: 7, mayRecreate: true },
    { [INFO]: [info()] },
    [INFO],
  ],
  [
    'a durable without a known position is never deleted',
    {},
    { [CREATE]: [{ error: 10148 }], [INFO]: [info({ max_deliver: 3 })], [UPDATE]: [info()] },
    [CREATE, INFO, UPDATE],
  ],
])('%s', async (_what, spec, answers, requests) => {
  const { asked, connection } = server(answers);
  expect(await ensureDurable(connection, { ...DURABLE, ...spec })).toMatchObject({
    pending: 3,
    inFlight: 1,
    ackFloor: 7,
  });
  expect(asked).toEqual(requests);
});

test('the request for all subjects has no subject at its end', async () => {
  const { asked, connection } = server({ 'CONSUMER.CREATE.EVENTS.badge-award': [info()] });
  await ensureDurable(connection, { ...DURABLE, subject: '>' });
  expect(asked).toHaveLength(1);
});

test('a new durable takes over the pause of another one, also if that pause changes meanwhile', async () => {
  const other = { ...info(), paused: true, config: { pause_until: '2030-01-01T00:00:00Z' } };
  const { asked, configs, connection } = server({
    'CONSUMER.INFO.EVENTS.other': [other, info(), info()],
    [CREATE]: [info()],
    'CONSUMER.PAUSE.EVENTS.badge-award': [{}],
  });
  await ensureDurable(connection, { ...DURABLE, pausedWith: { stream: 'EVENTS', durable: 'other' } });
  expect(configs[0]).toMatchObject({ pause_until: '2030-01-01T00:00:00.000Z' });
  const look = 'CONSUMER.INFO.EVENTS.other';
  expect(asked).toEqual([look, CREATE, look, 'CONSUMER.PAUSE.EVENTS.badge-award', look]);
});

test('a replaced durable stays paused', async () => {
  const pause_until = '2030-01-01T00:00:00Z';
  const answers = {
    [INFO]: [info({ max_deliver: 3, pause_until })],
    [DELETE]: [{}],
    [CREATE]: [info()],
    [UPDATE]: [info()],
  };
  const { configs, connection } = server(answers);
  await ensureDurable(connection, { ...DURABLE, resumeAfter: 7 });
  expect(configs[0]).toMatchObject({ pause_until, deliver_policy: 'by_start_sequence', opt_start_seq: 8 });
});

test.each([
  [
    'without a mark',
    { metadata: {} },
    /has no mark of a deployment.*a pull consumer of video\.\*, 3 pending, 1 in flight/,
  ],
  ['without metadata', { metadata: undefined, max_deliver: 3 }, /pull consumer of video\.\* \(max_deliver 3\)/],
  ['of another deployment', metadata({ 'jetplug.deployment': 'other' }), /belongs to the deployment other/],
])('a durable %s is refused with any settings, and nothing is changed', async (_what, config, message) => {
  for (const check of [ensureDurable, checkDurable]) {
    const { asked, connection } = server({ [INFO]: [info(config)] });
    await expect(check(connection, { ...DURABLE, resumeAfter: 7 })).rejects.toMatchObject({
      code: 'JP_CONSUMER_FOREIGN',
      message: expect.stringMatching(message),
      hint: expect.stringContaining('npx jetplug adopt durable badge-award --stream EVENTS'),
    });
    expect(asked).toEqual([INFO]);
  }
});

test.each([
  ['deliver_subject', 'x'],
  ['ack_policy', 'none'],
  ['replay_policy', 'original'],
  ['mem_storage', true],
  ['max_waiting', 1],
])('a durable whose %s is %s is refused by name', async (field, value) => {
  const { connection } = server({ [CREATE]: [{ error: 10148 }], [INFO]: [info({ [field]: value })] });
  await expect(ensureDurable(connection, DURABLE)).rejects.toMatchObject({
    code: 'JP_CONSUMER_NOT_UPDATABLE',
    message: expect.stringContaining(`${field}: ${value} →`),
  });
});

test('a durable that is created again without a known position begins behind its ack floor', async () => {
  const { configs, connection } = server({
    [CREATE]: [{ error: 10148 }, info()],
    [INFO]: [info({ max_waiting: 10 })],
    [DELETE]: [{}],
    [UPDATE]: [info()],
  });
  await ensureDurable(connection, { ...DURABLE, mayRecreate: true });
  expect(configs[1]).toMatchObject({ deliver_policy: 'by_start_sequence', opt_start_seq: 8 });
});

test('a correction that the server refuses is a refusal that names the fields', async () => {
  const { connection } = server({ [INFO]: [info({ num_replicas: 3 })], [UPDATE]: [{ error: 10074 }] });
  await expect(ensureDurable(connection, { ...DURABLE, resumeAfter: 7 })).rejects.toMatchObject({
    code: 'JP_CONSUMER_NOT_UPDATABLE',
    message: expect.stringContaining('num_replicas: 3 → 0'),
  });
});

test('a setting that the server limits is reported apart from the corrected ones', async () => {
  const answers = { [INFO]: [info({ max_batch: 100, headers_only: true })], [UPDATE]: [info({ max_batch: 100 })] };
  const { connection } = server(answers);
  expect(await ensureDurable(connection, { ...DURABLE, resumeAfter: 7 })).toMatchObject({
    corrected: ['headers_only: true → false'],
    limited: ['max_batch: 100 → 0'],
  });
});

test('a running host refuses a durable whose filter another host has set', async () => {
  const yields = { ...DURABLE, resumeAfter: 7, yieldsToOtherHosts: true };
  const { asked, connection } = server({ [INFO]: [info({}, { ...DURABLE, subject: 'user.*' })] });
  await expect(ensureDurable(connection, yields)).rejects.toMatchObject({ code: 'JP_CONSUMER_NOT_UPDATABLE' });
  expect(asked).toEqual([INFO]);
});

describe('a durable with the ack_wait of another config', () => {
  const slower = info({}, { ...DURABLE, ackWaitMs: 60_000 });
  const resumed = { ...DURABLE, resumeAfter: 7 };

  test('is corrected by the host with the newest config', async () => {
    const { connection } = server({ [INFO]: [slower], [UPDATE]: [info()] });
    expect(await ensureDurable(connection, resumed)).toMatchObject({ corrected: ['ack_wait: 60 s → 30 s'] });
  });

  test('stays as it is for a host that waits for a newer config, also at its start', async () => {
    const { asked, connection } = server({ [INFO]: [slower, slower] });
    for (const spec of [resumed, { ...resumed, yieldsToOtherHosts: true }]) {
      expect(await ensureDurable(connection, spec, { waits: true })).not.toHaveProperty('corrected');
    }
    expect(asked).toEqual([INFO, INFO]);
  });

  test('stays as it is while a running host only reports drift, and is corrected at its start', async () => {
    const { asked, connection } = server({ [INFO]: [slower, slower], [UPDATE]: [info()] });
    const running = { ...resumed, yieldsToOtherHosts: true };
    expect(await ensureDurable(connection, running, { drift: 'report' })).not.toHaveProperty('corrected');
    expect(await ensureDurable(connection, resumed, { drift: 'report' })).toHaveProperty('corrected');
    expect(asked).toEqual([INFO, INFO, UPDATE]);
  });
});

describe('a durable that keeps an earlier subject whose events are handled', () => {
  const former = [{ subject: 'user.old', until: 3 }];
  const kept = info({ metadata: newConfig({ ...DURABLE, former }).metadata }, { ...DURABLE, former });

  test('loses it even where drift is only reported', async () => {
    const { asked, connection } = server({ [INFO]: [kept], [UPDATE]: [info()] });
    const running = { ...DURABLE, resumeAfter: 7, yieldsToOtherHosts: true };
    expect(await ensureDurable(connection, running, { drift: 'report' })).toHaveProperty('corrected');
    expect(asked).toContain(UPDATE);
  });

  test('is refused where the host may change nothing', async () => {
    const { connection } = server({ [INFO]: [kept] });
    await expect(ensureDurable(connection, { ...DURABLE, resumeAfter: 7 }, { bindOnly: true })).rejects.toMatchObject({
      code: 'JP_CONSUMER_NOT_UPDATABLE',
    });
  });
});

test('a durable that skips events is replaced even where drift is only reported', async () => {
  const running = { ...DURABLE, resumeAfter: 7, yieldsToOtherHosts: true };
  const { asked, connection } = server({
    [INFO]: [info({ max_deliver: 2 })],
    [DELETE]: [{ success: true }],
    [CREATE]: [info()],
    [UPDATE]: [info()],
  });
  expect(await ensureDurable(connection, running, { drift: 'report' })).toHaveProperty('corrected');
  expect(asked).toContain(DELETE);
});

test('many durables are created with a limited number of requests at a time', async () => {
  let [now, most] = [0, 0];
  const connection = {
    requests: {
      askApi: async () => {
        most = Math.max(most, ++now);
        await new Promise((resolve) => setImmediate(resolve));
        now--;
        return info();
      },
    },
  } as unknown as Connection;
  const made = Array.from({ length: 250 }, (_, n) => ensureDurable(connection, { ...DURABLE, durable: `d${n}` }));
  expect(await Promise.all(made)).toHaveLength(250);
  expect(most).toBe(100);
});
