/** The public exports of the testing kit, `jetplug/testing`. */
export type { TestHostOptions } from './options';
export { TestClock } from './test-clock';
export { testHost, type PublishedEvent, type TestHost, type TestLetter } from './test-host';
