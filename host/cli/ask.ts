import { createInterface } from 'node:readline';

/** Whether somebody at a terminal can answer a question. */
export function canAsk(): boolean {
  return process.stdin.isTTY && process.stdout.isTTY;
}

/** Asks a question on the terminal. Ctrl-C and Ctrl-D close the input; the answer is then `no`. */
export async function ask(question: string): Promise<string> {
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  const answer = await new Promise<string>((resolve) => {
    terminal.once('close', () => resolve('no'));
    terminal.question(question, resolve);
  });
  terminal.close();
  return answer.trim();
}
