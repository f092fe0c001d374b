import { styleText } from 'node:util';

type Style = Parameters<typeof styleText>[0];

const INDENT = '     ';
const CLEAR_LINE = '\r\u001b[2K';

/** The terminal output of the demonstration. A silent screen prints nothing. */
export class Screen {
  private live = false;

  constructor(
    private readonly silent: boolean,
    private readonly out: NodeJS.WriteStream = process.stdout,
  ) {}

  title(text: string): void {
    this.print('', `  ${this.paint('bold', text)}`);
  }

  act(number: number, title: string): void {
    this.print('', `  ${this.paint(['bold', 'cyan'], String(number))}  ${this.paint('bold', title)}`);
  }

  say(...lines: string[]): void {
    this.print(...lines.map((line) => INDENT + line));
  }

  good(text: string): void {
    this.say(`${this.paint('green', '✔')} ${text}`);
  }

  bad(text: string): void {
    this.say(`${this.paint('red', '✖')} ${text}`);
  }

  dim(text: string): string {
    return this.paint('dim', text);
  }

  /** The first row is the head. The first column is aligned left, the others right. */
  table(rows: readonly (readonly string[])[]): void {
    const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
    const lines = rows.map((row) =>
      row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('   '),
    );
    this.say('', ...lines.map((line, i) => (i === 0 ? this.dim(line) : line)), '');
  }

  /** Shows a line that the next one replaces. Does nothing where the output is not a terminal. */
  status(text: string): void {
    if (this.silent || !this.out.isTTY) return;
    const room = this.out.columns - INDENT.length - 1;
    this.out.write(CLEAR_LINE + INDENT + this.dim(text.slice(0, room)));
    this.live = true;
  }

  /** Removes the line of {@link status}. */
  settle(): void {
    if (this.live) this.out.write(CLEAR_LINE);
    this.live = false;
  }

  private print(...lines: string[]): void {
    if (this.silent) return;
    this.settle();
    this.out.write(lines.map((line) => `${line.trimEnd()}\n`).join(''));
  }

  private paint(style: Style, text: string): string {
    return this.out.isTTY && !process.env['NO_COLOR'] ? styleText(style, text) : text;
  }
}
