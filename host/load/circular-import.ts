import { relative, dirname } from 'node:path';
import { JetplugError, topFrame } from '../../sdk/internal';
import { plainError } from '../base/plain-error';
import { isError } from '../base/thrown';

/** Stands in decorator metadata for a class that was not defined yet when the decorator ran, because of a circular import. */
export class CircularType {
  constructor(
    readonly name: string,
    readonly chain: string,
  ) {}
}

/** The stack of a plugin's modules that are being loaded, and the circular imports among them. */
export class LoadingModules {
  private readonly stack: { readonly file: string; readonly module: { readonly exports: unknown } }[] = [];
  /** Each circle as a chain of files that starts and ends with the same one. */
  private readonly circles: string[][] = [];

  constructor(private readonly entry: string) {}

  /** Records a repeated import of a module. It is a circle if that module is still being loaded. */
  noteRepeat(file: string): void {
    const at = this.stack.findIndex((one) => one.file === file);
    if (at >= 0) this.circles.push([...this.stack.slice(at).map((one) => one.file), file]);
  }

  /**
   * Runs a module.
   * @throws JetplugError `JP_PLUGIN_CIRCULAR_IMPORT` when the module fails because of a circular import
   */
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

  /**
   * Returns the value of a type for decorator metadata: the class that `read` returns, `Object` for a name that is only
   * a type, or a {@link CircularType} for a class that is not defined yet.
   */
  typeOf(read: () => unknown, exports: unknown): unknown {
    const chain = this.chainOver(exports);
    try {
      const type = read();
      if (type !== undefined || !chain) return type ?? Object;
    } catch {
      // The name is either a class of a module that is still being loaded, or only a type.
      if (!chain) return Object;
    }
    return new CircularType(/\.(\w+)$/.exec(read.toString())?.[1] ?? '', this.show(chain));
  }

  private chainOver(exports: unknown): string[] | undefined {
    const at = this.stack.findIndex(({ module }) => module.exports === exports);
    if (at >= 0) return [...this.stack.slice(at), this.stack[at]!].map(({ file }) => file);
    return undefined;
  }

  /**
   * Returns the error for a module that failed because of a circular import. Its importers fail with the same error.
   */
  private circularError(file: string, error: unknown): JetplugError | undefined {
    if (!isOfUndefined(error)) return undefined;
    // The import that closed the circle is in this module.
    const circle = this.circles.findLast((chain) => chain.at(-2) === file);
    if (!circle) return undefined;
    const place = topFrame(error.stack, (path) => path === file) ?? { file };
    const message = `${error.message}: a circular import, ${this.show(circle)}`;
    return new JetplugError('JP_PLUGIN_CIRCULAR_IMPORT', message, { ...place, cause: error });
  }

  private show(chain: readonly string[]): string {
    return chain.map((file) => relative(dirname(this.entry), file)).join(' → ');
  }
}

/** Whether an error is JavaScript's own for an uninitialised binding, or for `undefined` used as a value. */
function isOfUndefined(error: unknown): error is Error {
  if (!isError(error)) return false;
  const { name, message } = plainError(error);
  if (name === 'ReferenceError') return message.includes('before initialization');
  return name === 'TypeError' && /undefined|is not a (function|constructor)/.test(message);
}
