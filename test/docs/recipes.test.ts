/** Each recipe of docs/recipes.md is a plugins folder that `check` accepts. The tests in test/recipes use its config. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { jetplug } from '../support/cli';
import { rowsOf, ROOT } from '../support/markdown';
import { combinedConfig, recipe } from '../support/recipe';
import { Scene } from '../support/scene';

const LISTED = rowsOf('docs/recipes.md').flatMap(([name]) => /^\[(\w+)\]\(#\w+\)$/.exec(name!)?.[1] ?? []);

const scene = new Scene();
afterAll(() => scene.end());

test('no recipe has a problem', async () => {
  const recipes = [...LISTED, 'when'].map(recipe);
  const config = combinedConfig(recipes.map((each) => each.config));
  const folders = recipes.map(({ folder }) => folder);
  const file = join(scene.folder({ 'config.json': JSON.stringify(config) }), 'config.json');
  const result = await jetplug(['check', '--plugins', ...folders, '--config', file, '--json']);
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
