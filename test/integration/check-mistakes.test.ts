/** `jetplug check` finds the mistakes that it is said to find, each at its line. */
import { basename } from 'node:path';
import type { ErrorReport } from '../../sdk/internal';
import { jetplug } from '../support/cli';
import { MISTAKES, withFiles } from '../support/mistakes';
import { lineOf } from '../support/plugin-source';
import { Scene } from '../support/scene';

const scene = new Scene();
let reports: readonly (ErrorReport & { warning?: true })[];

beforeAll(async () => {
  const folder = scene.folder(Object.fromEntries(withFiles('')));
  reports = (await jetplug(['check', '--json', '--plugins', folder])).json();
}, 60_000);
afterAll(() => scene.end());

test.each(MISTAKES.map((mistake, index) => [mistake.what, mistake, index] as const))(
  '%s',
  (_what, { source, check }, index) => {
    const found = reports.filter(({ file }) => basename(file ?? '') === `mistake-${index}.plugin.ts`);
    if (check === undefined) return expect(found).toEqual([]);
    expect(found).toMatchObject([
      {
        code: check.code,
        message: check.message,
        line: source.includes('HERE') ? lineOf(source, 'HERE') : 1,
        ...(check.isWarning && { warning: true }),
      },
    ]);
  },
);
