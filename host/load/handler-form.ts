import { types } from 'node:util';
import { JetplugError, staticHandlerMarks, type PluginClass } from '../../sdk/internal';
import { readMember } from '../base/thrown';
import type { CompiledPlugin } from './compile';
import { placeOfMember } from './source-place';

/** A member of a class that `@Subscribe` cannot decorate. */
type Form = 'a generator' | 'a getter or setter' | 'a property' | 'a static member' | 'a member without a name';

/** An error for each static member with `@Subscribe`, at its line. */
export function staticHandlers(plugin: CompiledPlugin): JetplugError[] {
  return staticHandlerMarks(plugin.cls).map(({ method }) => notAMethod(plugin, method, 'a static member'));
}

/**
 * Refuses a member with `@Subscribe` that the host cannot run.
 * @throws JetplugError `JP_HANDLER_NOT_A_METHOD`
 */
export function assertMethod(plugin: CompiledPlugin, name: string): void {
  const form = typeof name === 'string' ? formOf(descriptorOf(plugin.cls, name)) : 'a member without a name';
  if (form) throw notAMethod(plugin, name, form);
}

/** Whether an instance's method can be run. A constructor may have replaced the method of the class. */
export function isRunnable(instance: object, method: string): boolean {
  const body = readMember(instance, method);
  return typeof body === 'function' && !types.isGeneratorFunction(body);
}

function formOf(descriptor: PropertyDescriptor | undefined): Form | undefined {
  if (!descriptor) return 'a property';
  if (descriptor.get || descriptor.set) return 'a getter or setter';
  if (typeof descriptor.value !== 'function') return 'a property';
  return types.isGeneratorFunction(descriptor.value) ? 'a generator' : undefined;
}

function descriptorOf(cls: PluginClass, name: string): PropertyDescriptor | undefined {
  for (let level = cls.prototype as object | null; level; level = Object.getPrototypeOf(level) as object | null) {
    const descriptor = Object.getOwnPropertyDescriptor(level, name);
    if (descriptor) return descriptor;
  }
  return undefined;
}

function notAMethod({ cls, sources }: CompiledPlugin, name: string | symbol, form: Form): JetplugError {
  const message = `@Subscribe decorates ${cls.name}.${String(name)}, ${form}, whose body would never run`;
  return new JetplugError('JP_HANDLER_NOT_A_METHOD', message, placeOfMember(sources, cls.name, String(name)));
}
