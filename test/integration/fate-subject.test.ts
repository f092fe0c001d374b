import { subjectFate, subjectScreen } from '../../host/cli/fate-subject';
import type { Connection } from '../../host/nats/connection';
import { configOf } from '../../host/testing/options';
import { Scene } from '../support/scene';
import { openStreams, type Streams } from '../support/streams';

const scene = new Scene();
const config = configOf({});
let streams: Streams;
let connection: Connection;

beforeAll(async () => {
  const permissions = { publish: { allow: ['>'], deny: ['secret.>'] } };
  const users = [{ user: 'a', password: 'a', permissions }];
  const mappings = { 'old.*': 'video.{{wildcard(1)}}' };
  const accounts = { A: { jetstream: 'enabled', users, mappings }, SYS: {} };
  streams = await openStreams(scene, { accounts, system_account: 'SYS', no_auth_user: 'a' });
  ({ connection } = streams);
  const { jsm, nats } = streams;
  await jsm.streams.add({ name: 'EVENTS', subjects: ['video.>', 'user.added', 'secret.>'] });
  await jsm.streams.add({ name: 'FULL', subjects: ['full.>'], max_msgs: 1, discard: 'new' as never });
  await nats.jetstream().publish('full.first', '');
  const { config: open } = await jsm.streams.add({ name: 'SEALED', subjects: ['sealed.>'] });
  await jsm.streams.update('SEALED', { ...open, sealed: true } as object);
  const metadata = { 'jetplug.plugin': 'badge', 'jetplug.handler': 'award' };
  await jsm.consumers.add('EVENTS', {
    durable_name: 'badge-award',
    ack_policy: 'explicit' as never,
    filter_subject: 'video.watched',
    metadata,
  });
});
afterAll(() => scene.end());

test.each<[subject: string, fate: object]>([
  ['video.watched', { state: 'stored', stream: 'EVENTS', handlers: ['badge.award'], changedTo: [] }],
  ['video.rated', { state: 'stored', stream: 'EVENTS', handlers: [] }],
  ['old.watched', { state: 'stored', stream: 'EVENTS', changedTo: ['video.watched'], handlers: ['badge.award'] }],
  ['user.aded', { state: 'no-stream', meant: 'user.added', why: 'no stream takes user.aded' }],
  ['nothing.alike', { state: 'no-stream', streams: { EVENTS: ['video.>', 'user.added', 'secret.>'] } }],
  ['full.second', { state: 'stream-refuses', stream: 'FULL', why: expect.stringContaining('full') }],
  ['sealed.any', { state: 'stream-refuses', stream: 'SEALED', why: expect.stringContaining('sealed') }],
  ['secret.key', { state: 'refused', why: expect.stringMatching(/not permitted|permissions/i) }],
])('an event of %s', async (subject, expected) => {
  const fate = await subjectFate(connection, config, subject);
  expect(fate).toMatchObject({ subject, ...expected });
  expect(subjectScreen(fate).join('\n')).toContain(fate.why);
});

test('the traced messages are not stored', async () => {
  const { jsm } = streams;
  const counts = await Promise.all(['EVENTS', 'FULL', 'SEALED'].map((name) => jsm.streams.info(name)));
  expect(counts.map(({ state }) => state.messages)).toEqual([0, 1, 0]);
});

test('a subject with wildcards is an error', async () => {
  await expect(subjectFate(connection, config, 'video.>')).rejects.toMatchObject({ code: 'JP_SUBJECT_INVALID' });
});
