import { spawn } from 'node:child_process';
import { UNTIL_RESUMED } from '../base/pause-text';
import { terminalText } from '../base/utf8';
import type { Config } from '../config/config';
import type { Connection } from '../nats/connection';
import { handlerDurables } from '../nats/handler-durables';
import type { Publisher } from '../nats/publisher';
import { eventOf } from '../ops/event-text';
import { newestFromOutside } from '../ops/newest-event';
import { findLetters, readSummaries } from '../ops/letters/letter-services';
import { changePauses } from '../ops/pause';
import { auditedCommand } from './audited-command';
import { printLetters } from './dead-change';
import { figure } from './figure';
import { paint, print } from './output';

const MAX_LETTERS = 10;

const HELP = [
  ['r', 'publish the newest event again'],
  ['p', 'pause or resume'],
  ['d', 'dead letters'],
  ['o', 'open the page'],
  ['?', 'help'],
  ['q', 'end'],
] as const;

/** The actions behind the keys of `jetplug dev`. */
export class DeskActions {
  private hasPaused = false;

  constructor(
    private readonly connection: Connection,
    private readonly publisher: Publisher,
    private readonly config: Config,
    private readonly pageUrl: string | undefined,
  ) {}

  /** Does the action of a key; nothing for a key without one. @throws JetplugError as the action does */
  async act(key: string): Promise<void> {
    switch (key) {
      case 'r':
        return this.publishAgain();
      case 'p':
        return this.pauseOrResume();
      case 'd':
        return this.showLetters();
      case 'o':
        return this.openPage();
      case '?':
        return this.help();
    }
  }

  help(): void {
    print(HELP.map(([key, text]) => `${paint('bold', key)} ${paint('dim', text)}`).join('  '));
  }

  /** Resumes the plugins if they are paused by a key, because the server would keep the pause. */
  async end(): Promise<void> {
    if (this.hasPaused) await this.pauseOrResume();
  }

  private async publishAgain(): Promise<void> {
    const found = await newestFromOutside(this.connection, this.config);
    if (!found)
      return print(
        paint('yellow', 'no event from outside is stored yet: npx jetplug publish SUBJECT JSON publishes one'),
      );
    const { subject, fields } = found;
    const event = await eventOf(Buffer.from(JSON.stringify(fields)), subject, undefined, this.config.delivery);
    await this.publisher.send(event);
    print(`${paint('green', '↻')} ${terminalText(subject)} ${event.id}`);
  }

  private async pauseOrResume(): Promise<void> {
    const { connection, config } = this;
    const own = (await handlerDurables(connection, config.deploy.name)).filter(({ owner }) => owner.kind === 'ours');
    const isPaused = own.some(({ pausedUntil }) => pausedUntil !== undefined);
    const plugins = [...new Set(own.flatMap(({ plugin }) => plugin ?? []))];
    if (plugins.length === 0) return print(paint('yellow', 'no plugin has a handler'));
    const change = { action: isPaused ? 'resume' : 'pause', target: plugins.join(', ') };
    const until = isPaused ? undefined : UNTIL_RESUMED;
    const results = await auditedCommand(connection, config, change, () =>
      Promise.all(plugins.map((plugin) => changePauses(connection, config.deploy.name, plugin, until))),
    );
    this.hasPaused = !isPaused;
    const failures = results.flatMap((result) => result.failures);
    if (failures.length > 0) throw new AggregateError(failures);
    print(isPaused ? paint('green', 'all plugins are resumed') : paint('yellow', 'all plugins are paused; p resumes'));
  }

  private async showLetters(): Promise<void> {
    const letters = await readSummaries((await findLetters(this.connection, this.config)).stream);
    printLetters(letters.slice(-MAX_LETTERS));
    if (letters.length > MAX_LETTERS)
      print(paint('dim', `the newest of ${figure(letters.length)}; npx jetplug dead list shows all`));
  }

  /** Prints the address of the page, and opens it where the system has a program for that. */
  private openPage(): void {
    if (this.pageUrl === undefined) return print(paint('yellow', 'the page is off: http.listen is empty'));
    print(`the page is at ${paint('bold', this.pageUrl)}`);
    const opener = process.platform === 'darwin' ? 'open' : 'xdg-open';
    const child = spawn(opener, [this.pageUrl], { stdio: 'ignore', detached: true });
    // A machine without the program has only the printed address.
    child.on('error', () => undefined);
    child.unref();
  }
}
