import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MISTAKES, withFiles } from '../support/mistakes';
import { compileSources } from '../support/compile-sources';
import { ROOT } from '../support/markdown';
test('dump', () => {
  const sources = new Map(withFiles(join(ROOT, 'plugins')));
  const t0 = Date.now();
  const found = compileSources(sources);
  let out = `${Date.now() - t0} ms\n`;
  MISTAKES.forEach((m, i) => {
    const here = m.source.split('\n').findIndex((l) => l.includes('HERE')) + 1;
    out += `\n## ${i} ${m.what} (HERE ${here})\n`;
    for (const e of found.get(join(ROOT, 'plugins', `mistake-${i}.plugin.ts`))!) out += `${e.line === here ? '*' : ' '}${e.line}: ${e.lines.join('\n      ')}\n`;
  });
  writeFileSync('/tmp/wt/types.txt', out);
});
