import { relative, dirname } from 'node:path';
import { JetplugError, topFrame } from '../../sdk/internal';
import { plainError } from '../base/plain-error';
import { isError } from '../base/thrown';

/** Left in decorator metadata for a class that a circular import had not defined when the decorator ran. */
export class CircularType {
  constructor(
    readonly name: string,
    readonly chain: string,
  ) {}
}

/** Which of a plugin's modules are being loaded, one for the other, and which of them import each other in a circle. */
export class LoadingModules {
  private readonly stack: { readonly file: string; readonly module: { readonly exports: unknown } }[] = [];
  /** The chains that were met, each from a file over others to itself. */
  private readonly circles: string[][] = [];

  constructor(private readonly entry: string) {}

  /** A module is imported that is known already: a circle, if it is still being loaded. */
  met(file: string): void {
    const at = this.stack.findIndex((one) => one.file === file);
    if (at >= 0) this.circles.push([...this.stack.slice(at).map((one) => one.file), file]);
  }

  /** @throws JetplugError `JP_PLUGIN_CIRCULAR_IMPORT` when the module fails for a circle it is in */
  run(file: string, module: { readonly exports: unknown }, evaluate: () => void): void {
    this.stack.push({ file, module });
    try {
      evaluate();
    } catch (error) {
      throw this.circularError(file, error) ?? error;
    } finally {
      this.stack.pop();
    }
  }

  /** For metadata: what `read` gives, or what stands for it where it is a type, or not defined yet. */
  typeOf(read: () => unknown, exports: unknown): unknown {
    const chain = this.chainOver(exports);
    try {
      const type = read();
      if (type !== undefined || !chain) return type ?? Object;
    } catch {
      // Not defined yet, in a module that is still being loaded; or a name that stands for types only.
      if (!chain) return Object;
    }
    return new CircularType(/\.(\w+)$/.exec(read.toString())?.[1] ?? '', this.say(chain));
  }

  private chainOver(exports: unknown): string[] | undefined {
    const at = this.stack.findIndex(({ module }) => module.exports === exports);
    if (at >= 0) return [...this.stack.slice(at), this.stack[at]!].map(({ file }) => file);
    return undefined;
  }

  /** Of the module that failed first: its importers fail with the same error. */
  private circularError(file: string, error: unknown): JetplugError | undefined {
    if (!isOfUndefined(error)) return undefined;
    // The last import of the circle was this module's.
    const circle = this.circles.findLast((chain) => chain.at(-2) === file);
    if (!circle) return undefined;
    const place = topFrame(error.stack, (path) => path === file) ?? { file };
    const message = `${error.message}: a circular import, ${this.say(circle)}`;
    return new JetplugError('JP_PLUGIN_CIRCULAR_IMPORT', message, { ...place, cause: error });
  }

  private say(chain: readonly string[]): string {
    return chain.map((file) => relative(dirname(this.entry), file)).join(' → ');
  }
}

/** As JavaScript says of a binding that is not initialised, or of `undefined` in place of a value. */
function isOfUndefined(error: unknown): error is Error {
  if (!isError(error)) return false;
  const { name, message } = plainError(error);
  if (name === 'ReferenceError') return message.includes('before initialization');
  return name === 'TypeError' && /undefined|is not a (function|constructor)/.test(message);
}
