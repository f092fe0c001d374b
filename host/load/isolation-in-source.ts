import { createRequire } from 'node:module';
import type swc from '@swc/core';
import type { ClassDeclaration, ClassExpression, Module, ObjectExpression } from '@swc/core';
import { ISOLATIONS, pluginNameOf, type PluginOptions } from '../../sdk/internal';
import type { PluginsConfig } from '../config/config';
import { isolationOf, type IsolationPolicy } from './isolation-options';

const hostRequire = createRequire(__filename);

/**
 * Reads a plugin's isolation from its source, before any of its code runs. The result respects the name and the
 * isolation that are literals in `@Plugin({ … })`, and the config's section of that name.
 */
export function isolationInSource(
  file: string,
  source: string,
  { sections, defaults }: Pick<PluginsConfig, 'sections' | 'defaults'>,
): IsolationPolicy {
  const isAsked = Object.values(sections).some(({ isolation }) => isolation !== undefined);
  // Most files need not be parsed here.
  const outline = isAsked || /\bisolation\b/.test(source) ? outlineOf(file, source) : undefined;
  const section = outline?.name === undefined ? {} : (sections[outline.name] ?? {});
  return isolationOf(outline?.options ?? {}, { section, defaults });
}

interface Outline {
  readonly name: string | undefined;
  readonly options: PluginOptions;
}

/**
 * Reads `@Plugin` of the file's first plugin class. Returns undefined if no class is a plugin, or if the file does not
 * parse; the compilation reports that.
 */
function outlineOf(file: string, source: string): Outline | undefined {
  for (const cls of classesIn(parse(file, source))) {
    for (const { expression } of cls.decorators ?? []) {
      if (expression.type !== 'CallExpression' || expression.callee.type !== 'Identifier') continue;
      if (expression.callee.value !== 'Plugin') continue;
      const [argument] = expression.arguments;
      const written = argument?.expression.type === 'ObjectExpression' ? literals(argument.expression) : {};
      const className = cls.identifier?.value;
      const name = written['name'] ?? (className === undefined ? undefined : pluginNameOf(className));
      const isolation = ISOLATIONS.find((one) => one === written['isolation']);
      return { name, options: isolation === undefined ? {} : { isolation } };
    }
  }
  return undefined;
}

function parse(file: string, source: string): Module | undefined {
  const { parseSync } = hostRequire('@swc/core') as typeof swc;
  try {
    return /\.[cm]?ts$/.test(file)
      ? parseSync(source, { syntax: 'typescript', decorators: true })
      : parseSync(source, { syntax: 'ecmascript', decorators: true, decoratorsBeforeExport: true });
  } catch {
    return undefined; // compiling the file reports the error with its place
  }
}

function classesIn(module: Module | undefined): (ClassDeclaration | ClassExpression)[] {
  return (module?.body ?? []).flatMap((item): (ClassDeclaration | ClassExpression)[] => {
    if (item.type === 'ClassDeclaration') return [item];
    if (item.type === 'ExportDeclaration' && item.declaration.type === 'ClassDeclaration') return [item.declaration];
    return item.type === 'ExportDefaultDeclaration' && item.decl.type === 'ClassExpression' ? [item.decl] : [];
  });
}

/** The properties whose values are string literals. */
function literals({ properties }: ObjectExpression): Record<string, string> {
  return Object.fromEntries(
    properties.flatMap((property) =>
      property.type === 'KeyValueProperty' &&
      (property.key.type === 'Identifier' || property.key.type === 'StringLiteral') &&
      property.value.type === 'StringLiteral'
        ? [[property.key.value, property.value.value]]
        : [],
    ),
  );
}
