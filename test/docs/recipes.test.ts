/** Each recipe of docs/recipes.md is a plugins folder that `check` accepts, with the config beside it. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { jetplug } from '../support/cli';
import { rowsOf, ROOT } from '../support/markdown';
import { recipe } from '../support/recipe';

const LISTED = rowsOf('docs/recipes.md').flatMap(([name]) => /^\[(\w+)\]\(#\w+\)$/.exec(name!)?.[1] ?? []);

test.each([...LISTED, 'when'])('the recipe %s has no problems', async (name) => {
  const { folder, configFile } = recipe(name);
  const result = await jetplug(['check', '--plugins', folder, '--config', configFile, '--json']);
  expect(result.json()).toEqual([]);
  expect(result.code).toBe(0);
});

test('the page names every plugin of the recipes that it lists', () => {
  const rows = rowsOf('docs/recipes.md').filter(([name]) => LISTED.some((listed) => name!.includes(`#${listed}`)));
  const named = rows.flatMap(([, , plugins]) => [...plugins!.matchAll(/recipes\/([^)]+)\)/g)].map(([, file]) => file));
  const present = LISTED.flatMap((name) =>
    readdirSync(join(ROOT, 'examples', 'recipes', name))
      .filter((file) => file.endsWith('.plugin.ts'))
      .map((file) => `${name}/${file}`),
  );
  expect(named.sort()).toEqual(present.sort());
});
