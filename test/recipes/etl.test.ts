import fc from 'fast-check';
import { testHost } from 'jetplug/testing';
import { MeterLineReceived, MeterReadingCleaned } from '../../examples/recipes/etl/contracts/meters';
import { addReading, MeterHoursPlugin, type Hour } from '../../examples/recipes/etl/meter-hours.plugin';
import { MeterLinesPlugin } from '../../examples/recipes/etl/meter-lines.plugin';
import { readingOf } from '../../examples/recipes/etl/reading';
import { recipe } from '../support/recipe';

async function received(...lines: string[]) {
  const host = await testHost([MeterLinesPlugin, MeterHoursPlugin], { config: recipe('etl').config });
  for (const line of lines) await host.publish(MeterLineReceived, { line });
  await host.settled();
  await host.stop();
  return host;
}

type Received = Awaited<ReturnType<typeof received>>;

async function sumOf(host: Received, key: string): Promise<number | undefined> {
  return (await host.store<Hour>(MeterHoursPlugin).get(key))?.watt_hours;
}

test('cleans a line: one spelling of the meter, the time in UTC, whole watt hours', async () => {
  const host = await received('  M-17 ; 2026-05-12T21:03:00+02:00 ; 1.25 ');
  expect(host.published(MeterReadingCleaned)).toMatchObject([
    { meter_id: 'm-17', timestamp: '2026-05-12T19:03:00.000Z', watt_hours: 1_250, revision: 0 },
  ]);
});

test('sums up the readings of each meter by the hour', async () => {
  const host = await received(
    'm-17;2026-05-12T19:00:00Z;0.1',
    'm-17;2026-05-12T19:59:59Z;0.2',
    'm-17;2026-05-12T20:00:00Z;4',
    'm-18;2026-05-12T19:30:00Z;8',
  );
  expect(await sumOf(host, 'm-17.2026-05-12T19')).toBe(300);
  expect(await sumOf(host, 'm-17.2026-05-12T20')).toBe(4_000);
  expect(await sumOf(host, 'm-18.2026-05-12T19')).toBe(8_000);
  expect(host.deadLetters()).toEqual([]);
});

test('keeps each malformed line as a dead letter with the reason, and handles the other lines of the batch', async () => {
  const host = await received(
    'm-17;2026-05-12T19:00:00Z;1',
    'm-17;yesterday;1',
    'm-17;2026-05-12T19:10:00Z;1,5',
    'm-17;2026-05-12T19:20:00Z;2',
  );
  const letters = host.deadLetters().map(({ plugin, reason, error, payload }) => {
    const { line } = JSON.parse(Buffer.from(payload).toString()) as { line: string };
    return { plugin, reason, error, line };
  });
  expect(letters).toEqual([
    {
      plugin: 'meter-lines',
      reason: 'rejected',
      error: expect.stringContaining('the second cell is no time'),
      line: 'm-17;yesterday;1',
    },
    {
      plugin: 'meter-lines',
      reason: 'rejected',
      error: expect.stringContaining('the third cell is no energy'),
      line: 'm-17;2026-05-12T19:10:00Z;1,5',
    },
  ]);
  expect(await sumOf(host, 'm-17.2026-05-12T19')).toBe(3_000);
});

test.each([
  ['', 'the first cell'],
  ['a meter;2026-05-12T19:00:00Z;1', 'the first cell'],
  ['m-17;2026-05-12T19:00:00;1', 'the second cell'],
  ['m-17;2026-02-30T19:00:00Z;1', 'the second cell'],
  ['m-17;2026-05-12T19:00:00Z;-1', 'the third cell'],
  ['m-17;2026-05-12T19:00:00Z;1.2345', 'the third cell'],
  ['m-17;2026-05-12T19:00:00Z;1;first', 'the fourth cell'],
  ['m-17;2026-05-12T19:00:00Z;1;1;1', 'more than four cells'],
])('says what is wrong with the line "%s"', (line, problem) => {
  expect(readingOf(line)).toEqual({ problem: expect.stringContaining(problem) });
});

test('a correction replaces the reading of its time, whichever of the two arrives first', async () => {
  const [first, correction] = ['m-17;2026-05-12T19:00:00Z;9', 'm-17;2026-05-12T19:00:00Z;1;1'] as const;
  for (const lines of [
    [first, correction],
    [correction, first],
  ]) {
    expect(await sumOf(await received(...lines), 'm-17.2026-05-12T19')).toBe(1_000);
  }
});

test('counts each line once when the host dies before it could acknowledge the batch', async () => {
  const host = await testHost([MeterLinesPlugin, MeterHoursPlugin], { config: recipe('etl').config });
  host.crashBeforeAck();
  await host.publish(MeterLineReceived, { line: 'm-17;2026-05-12T19:00:00Z;1' });
  await host.publish(MeterLineReceived, { line: 'm-17;2026-05-12T19:01:00Z;1' });
  await host.settled();
  await host.stop();
  expect(host.published(MeterReadingCleaned)).toHaveLength(2);
  expect(await sumOf(host, 'm-17.2026-05-12T19')).toBe(2_000);
});

test('has the same sum in every order of arrival, with repeats', () => {
  const reading = fc.record({
    minute: fc.integer({ min: 0, max: 3 }),
    watt_hours: fc.integer({ min: 0, max: 5 }),
    revision: fc.integer({ min: 0, max: 2 }),
  });
  const shuffled = fc
    .array(reading, { maxLength: 20 })
    .chain((all) => fc.tuple(fc.constant(all), fc.shuffledSubarray([...all, ...all], { minLength: 2 * all.length })));
  fc.assert(fc.property(shuffled, ([ordered, other]) => expect(hourOf(other)).toEqual(hourOf(ordered)) === undefined));
});

function hourOf(readings: readonly { minute: number; watt_hours: number; revision: number }[]): Hour | undefined {
  return readings.reduce<Hour | undefined>((hour, { minute, watt_hours, revision }) => {
    const timestamp = `2026-05-12T19:0${minute}:00.000Z`;
    const envelope = { event_type: MeterReadingCleaned.subject, event_id: 'e', timestamp };
    return addReading(hour, new MeterReadingCleaned({ ...envelope, meter_id: 'm-17', watt_hours, revision }));
  }, undefined);
}
