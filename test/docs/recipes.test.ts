/** docs/recipes.md lists the plugins of each recipe. test/slow/recipes.test.ts runs the commands that it shows. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { rowsOf, ROOT } from '../support/markdown';

const ROWS = rowsOf('docs/recipes.md').flatMap(([name, , plugins]) => {
  const [, recipe] = /^\[(\w+)\]\(#\w+\)$/.exec(name!) ?? [];
  return recipe === undefined ? [] : [{ recipe, plugins: plugins! }];
});

test.each(ROWS)('the page names every plugin of the recipe $recipe', ({ recipe, plugins }) => {
  const named = [...plugins.matchAll(/recipes\/([^)]+)\)/g)].map(([, file]) => file);
  const files = readdirSync(join(ROOT, 'examples', 'recipes', recipe)).filter((file) => file.endsWith('.plugin.ts'));
  expect(named.sort()).toEqual(files.map((file) => `${recipe}/${file}`).sort());
});
