/** The recipes in examples/recipes, each a plugins folder with its config. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { ROOT } from './markdown';

export interface Recipe {
  /** The plugins folder. */
  readonly folder: string;
  readonly configFile: string;
  /** The content of the config file. */
  readonly config: RecipeConfig;
}

export interface RecipeConfig {
  readonly streams: readonly { readonly name: string; readonly subjects: string[] }[];
}

export function recipe(name: string): Recipe {
  const folder = join(ROOT, 'examples', 'recipes', name);
  const configFile = join(folder, 'config.yaml');
  return { folder, configFile, config: parse(readFileSync(configFile, 'utf8')) as RecipeConfig };
}
