import { JetplugError, type ErrorCode } from './errors';

/**
 * The error of a decorator that was called by the decorators' standard, with an object in place of the method's name. A
 * compiler without the options of the hint does so.
 */
export function standardDecorator(decorator: string): JetplugError {
  const hint =
    'Set "experimentalDecorators" and "emitDecoratorMetadata" in the tsconfig.json that compiles the plugin.';
  return new JetplugError('JP_HANDLER_NOT_A_METHOD', `${decorator} was compiled as a standard decorator`, { hint });
}

/** The error of a decorator that is written without parentheses, so that it gets the class or the member as its options. */
export function withoutParentheses(code: ErrorCode, decorator: string): JetplugError {
  return new JetplugError(code, `${decorator} is written without parentheses`, { hint: `Write \`${decorator}()\`.` });
}
