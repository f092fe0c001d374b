import { TypeReports } from '../../../host/cli/type-reports';

function read(text: string) {
  const reports = new TypeReports('/project');
  return text.split('\n').flatMap((line) => {
    const found = reports.add(line);
    return found ? [found] : [];
  });
}

it('reads the errors of each check, with absolute paths', () => {
  const checks = read(`12:00:00 AM - Starting compilation in watch mode...

plugins/a.plugin.ts(3,7): error TS2322: Type 'string' is not assignable to type 'number'.
  Its continuation.
error TS18003: No inputs were found in config file.
12:00:01 AM - Found 2 errors. Watching for file changes.

12:00:05 AM - File change detected. Starting incremental compilation...

12:00:05 AM - Found 0 errors. Watching for file changes.`);
  expect(checks).toEqual([
    [
      {
        code: 'TS2322',
        message: "Type 'string' is not assignable to type 'number'.",
        file: '/project/plugins/a.plugin.ts',
        line: 3,
      },
      { code: 'TS18003', message: 'No inputs were found in config file.' },
    ],
    [],
  ]);
});

it('reads a path with parentheses', () => {
  expect(
    read('a (copy)/b.ts(1,2): error TS1005: bad.\n1:00:00 PM - Found 1 error. Watching for file changes.'),
  ).toEqual([[{ code: 'TS1005', message: 'bad.', file: '/project/a (copy)/b.ts', line: 1 }]]);
});
