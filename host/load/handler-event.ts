import {
  isEventContract,
  isSubscribeSubject,
  JetplugError,
  parameterTypes,
  type EventContract,
  type HandlerMark,
  type PluginClass,
} from '../../sdk/internal';
import { CircularType } from './circular-import';
import type { CompiledPlugin } from './compile';
import { ClassSyntax } from './syntax';

/** The event that a handler takes. */
interface HandledEvent {
  readonly subject: string;
  /** Undefined for a handler on a raw subject. */
  readonly contract: EventContract | undefined;
}

type Source = Pick<CompiledPlugin, 'cls' | 'sources'>;

/**
 * Returns the event that a handler's decorator or parameter names.
 * @throws JetplugError `JP_HANDLER_NO_EVENT`, `JP_SUBJECT_INVALID`, `JP_PLUGIN_CIRCULAR_IMPORT`, or `JP_HANDLER_OPTIONS`
 *   for a decorator without parentheses
 */
export function eventOf({ cls, sources }: Source, { target, method, isBare }: HandlerMark): HandledEvent {
  if (isBare) {
    const hint = 'Write `@Subscribe()`.';
    throw new JetplugError('JP_HANDLER_OPTIONS', `@Subscribe on ${cls.name}.${method} has no parentheses`, { hint });
  }
  if (target.kind === 'contract') return { subject: target.contract.subject, contract: target.contract };
  if (target.kind === 'subject') {
    if (isSubscribeSubject(target.subject)) return { subject: target.subject, contract: undefined };
    throw new JetplugError(
      'JP_SUBJECT_INVALID',
      `${cls.name}.${method} subscribes to ${JSON.stringify(target.subject)}, which is not a valid subject`,
    );
  }
  const types = parameterTypes(cls, method);
  const type = types?.[0];
  if (isEventContract(type)) return { subject: type.subject, contract: type };
  if (type instanceof CircularType) {
    const message = `${cls.name}.${method} handles ${type.name}, which is not defined yet: a circular import, ${type.chain}`;
    throw new JetplugError('JP_PLUGIN_CIRCULAR_IMPORT', message);
  }
  throw importedAsType(sources, cls, method) ?? noEvent(cls, method, whyNoEvent(types));
}

/**
 * Refuses a list as the parameter of a handler of single events, and a contract as that of a handler of batches.
 * @throws JetplugError `JP_HANDLER_OPTIONS`
 */
export function assertListFits({ cls }: Source, { method, options }: HandlerMark): void {
  const type = parameterTypes(cls, method)?.[0];
  const isBatch = options.batch !== undefined;
  if (isBatch ? !isEventContract(type) : type !== Array) return;
  const message = isBatch
    ? `${cls.name}.${method} has the option batch, and its parameter is one ${(type as PluginClass).name}, not a list`
    : `${cls.name}.${method} has a list as its parameter, and no option batch`;
  throw new JetplugError('JP_HANDLER_OPTIONS', message);
}

function noEvent(cls: PluginClass, method: string, why: string, hint?: string): JetplugError {
  return new JetplugError('JP_HANDLER_NO_EVENT', `${cls.name}.${method} ${why}`, { hint });
}

/** The types of the SDK that authors take for a handler's event. All are interfaces. */
const NO_EVENTS = ['EventContext', 'BatchContext', 'Envelope'];

/** The error for a parameter whose type is imported with `type`, or is one of the SDK's interfaces. */
function importedAsType(sources: Source['sources'], cls: PluginClass, method: string): JetplugError | undefined {
  const syntax = ClassSyntax.find(sources, cls.name);
  const name = syntax?.parameters(method)[0]?.typeName;
  if (name === undefined) return undefined;
  if (NO_EVENTS.includes(name)) return noEvent(cls, method, `has ${name} as its first parameter, which names no event`);
  const line = syntax!.typeImportOf(name);
  if (line === undefined) return undefined;
  const hint = `If ${name} is a contract, remove \`type\` from its import, so that it exists at run time.`;
  return noEvent(cls, method, `has a parameter of type ${name}, which line ${line} imports with \`type\``, hint);
}

/**
 * Explains why a handler's parameter names no event. The compiler leaves the class of a parameter's type in the
 * decorator metadata; for any other type, it leaves a value such as `Object`.
 */
function whyNoEvent(types: unknown[] | undefined): string {
  if (types === undefined)
    return 'was compiled without decorator metadata (a .js plugin must name its contract: @Subscribe(TheEvent))';
  if (types.length === 0) return 'has no parameter, and its decorator names no event';
  const type = types[0];
  if (type === Object || type === undefined) {
    return 'has a parameter whose type is gone at run time: an interface, a union, `any`, or a class imported with `import type`';
  }
  if (type === Function)
    return 'has a parameter whose class is imported with `import type`, which leaves nothing at run time';
  if (type === Array) return 'has an array parameter, which does not say of what';
  return `has a parameter of type ${(type as { name: string }).name}, which is no event contract`;
}
