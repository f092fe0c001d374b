import { isAtLeast } from '../../../host/nats-server/version';

test.each([
  ['2.10.0', '2.10.0', true],
  ['2.10.4', '2.10.0', true],
  ['2.9.10', '2.10.0', false],
  ['2.15.2', '2.9.0', true],
  ['3.0.0', '2.15.2', true],
  ['1.99.99', '2.0.0', false],
  ['2.12.0-RC.1', '2.12.0', true],
  ['2.10.0-beta', '2.10.4', false],
  ['v2.12.4', '2.12.0', true],
  ['2.12', '2.12.0', true],
  ['2.2.20', '2.12.0', false],
  ['10.0.0', '9.99.99', true],
  ['', '0.0.1', false],
  ['dev', '2.12.0', false],
])('%s is at least %s: %s', (version, oldest, expected) => {
  expect(isAtLeast(version, oldest)).toBe(expected);
});
