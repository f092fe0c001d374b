import { JetplugError, usedMiddleware } from '../../sdk/internal';
import { showThrown } from '../base/thrown';
import type { CompiledPlugin } from './compile';
import { isClass, isMiddleware, type DeclaredMiddleware, type MiddlewareByMethod } from './middleware';
import { placeOf, placeOfMember } from './source-place';

/**
 * Returns the middleware around each handler: that of the config, of the plugin and of the method.
 * @param methods the methods of the handlers
 * @param report gets a JetplugError `JP_MIDDLEWARE_INVALID` for each mistake
 */
export function middlewareOf(
  plugin: CompiledPlugin,
  methods: readonly string[],
  report: (problem: JetplugError) => void,
): MiddlewareByMethod {
  const { cls, sources, use = [] } = plugin;
  const { ofPlugin, ofMethods, ofStatics } = usedMiddleware(cls);
  const valid = (given: readonly unknown[], on: string, method?: string): DeclaredMiddleware[] =>
    given.filter((value, index): value is DeclaredMiddleware => {
      if (isMiddleware(value)) return true;
      const message = `argument ${index + 1} of @Use on ${on} is ${showGiven(value)}, which is no middleware`;
      report(new JetplugError('JP_MIDDLEWARE_INVALID', message, placeOf(sources, cls.name, method)));
      return false;
    });
  for (const method of [...ofStatics, ...[...ofMethods.keys()].filter((one) => !methods.includes(one))]) {
    const message = `@Use decorates ${cls.name}.${textOf(method)}, which is no handler, so it would never run`;
    report(new JetplugError('JP_MIDDLEWARE_INVALID', message, placeOfMember(sources, cls.name, textOf(method))));
  }
  const shared = [...use, ...valid(ofPlugin, cls.name)];
  return new Map(
    methods.map((method) => {
      const own = ofMethods.get(method) ?? [];
      return [method, [...shared, ...valid(own, `${cls.name}.${textOf(method)}`, textOf(method))]];
    }),
  );
}

/** A member's name as text. A decorator may stand on a member whose name is a symbol. */
function textOf(member: PropertyKey): string {
  return String(member);
}

function showGiven(value: unknown): string {
  if (typeof value !== 'function') return showThrown(value);
  return isClass(value) ? `the class ${value.name} without a method handle` : `the generator ${value.name}`;
}
