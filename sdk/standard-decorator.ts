import { JetplugError } from './errors';

/**
 * The error of a decorator that was called by the decorators' standard, with an object in place of the method's name. A
 * compiler without the options of the hint does so.
 */
export function standardDecorator(decorator: string): JetplugError {
  const hint =
    'Set "experimentalDecorators" and "emitDecoratorMetadata" in the tsconfig.json that compiles the plugin.';
  return new JetplugError('JP_HANDLER_NOT_A_METHOD', `${decorator} was compiled as a standard decorator`, { hint });
}
