import { stringify } from 'yaml';
import type { Source } from '../config/config';
import { loadWritten, missingLayer, type LoadOptions } from '../config/load';
import { configValues, pathOf, type ConfigValue } from '../config/values';
import { paint, place, print, printJson } from './output';

/**
 * Prints the effective config, each value with its source. No plugin is loaded.
 * @throws AggregateError of every problem in the config
 */
export function printConfig(options: LoadOptions, json: boolean): void {
  const values = configValues(loadWritten(options));
  if (json) {
    printJson(
      values.map(({ keys, value, source: { layer, ...at } }) => ({ key: pathOf(keys), value, origin: layer, ...at })),
    );
    return;
  }
  const note = missingLayer(options);
  if (note !== undefined) print(`# ${note}`);
  for (const line of configLines(values)) print(line);
}

/** The column of the comments. A longer line has its comment right behind it. */
const COMMENT_COLUMN = 48;

/** The config as YAML, with the source of each value as a comment. */
function configLines(values: readonly ConfigValue[]): string[] {
  let above: readonly string[] = [];
  return values.flatMap(({ keys, value, source }) => {
    const maps = keys.slice(0, -1);
    const differs = maps.findIndex((name, i) => name !== above[i]);
    above = maps;
    const isEntry = maps[0] === 'streams' && maps.length === 2;
    // A stream has no line of its own: its name is its first key.
    const opened = differs === -1 ? [] : maps.slice(differs, isEntry ? 1 : undefined);
    const dash = isEntry && differs !== -1 ? '- ' : '';
    const indent = '  '.repeat(dash ? 1 : maps.length) + dash;
    const text = `${indent}${yaml(keys.at(-1))}: ${yaml(value)}`;
    return [
      ...opened.map((name, i) => `${'  '.repeat(differs + i)}${yaml(name)}:`),
      `${text.padEnd(COMMENT_COLUMN)}  ${paint('dim', `# ${sourceText(source)}`)}`,
    ];
  });
}

/** The value in one line. */
function yaml(value: unknown): string {
  const text = stringify(value, { collectionStyle: 'flow', lineWidth: 0, flowCollectionPadding: false }).trimEnd();
  return text.includes('\n') ? JSON.stringify(value) : text;
}

function sourceText(source: Source): string {
  if (source.layer === 'default') return 'built-in default';
  return source.layer === 'file' ? place(source.file, source.line) : source.name;
}
