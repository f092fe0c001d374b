import { styleText } from 'node:util';

type Style = Parameters<typeof styleText>[0];

const INDENT = '     ';
const CLEAR_LINE = '\r\u001b[2K';

/** What a person sees of the demonstration; nothing where only the figures are wanted. */
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

  /** The first row is the head; columns but the first are flush right. */
  table(rows: readonly (readonly string[])[]): void {
    const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
    const lines = rows.map((row) =>
      row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('   '),
    );
    this.say('', ...lines.map((line, i) => (i === 0 ? this.dim(line) : line)), '');
  }

  /** A line that the next one replaces; only on a terminal. */
  status(text: string): void {
    if (this.silent || !this.out.isTTY) return;
    const room = this.out.columns - INDENT.length - 1;
    this.out.write(CLEAR_LINE + INDENT + this.dim(text.slice(0, room)));
    this.live = true;
  }

  /** Takes the line of {@link status} away. */
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
