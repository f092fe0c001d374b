/** The standard output of a command that runs in the process of the test, without colours. */
export class Printed {
  private text = '';

  /** Keeps all that is printed from now on; `jest.restoreAllMocks` ends that. */
  constructor() {
    process.env['NO_COLOR'] = '1';
    jest.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
      this.text += String(chunk);
      return true;
    });
  }

  get lines(): string[] {
    return this.text.trimEnd().split('\n');
  }

  json<T = Record<string, unknown>>(): T {
    return JSON.parse(this.text) as T;
  }
}
