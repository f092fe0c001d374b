import type { Command } from 'commander';
import { JetplugError } from '../../sdk/internal';
import { HostLog } from '../log/log';
import { serveHttp } from '../ops/http';
import { servePage } from '../page/page-server';
import { replayFor } from '../start/replay-event';
import { reachesBroker, withBroker, type CommonFlags } from './common';
import { interrupted } from './interrupted';
import { paint, print, printJson } from './output';

export function pageCommand(program: Command): void {
  reachesBroker(program.command('page'))
    .option('--http <host:port>', 'where to serve it (default: http.listen of the config, which is 127.0.0.1:8300)')
    .description('serve the page beside a broker, with no host running')
    .addHelpText(
      'after',
      `
A running host serves the same page on its own address. Ctrl-C ends the command.
Beyond loopback the page needs a token: see http.operatorTokenFile and http.readerTokenFile.

Examples:
  $ jetplug page
  $ jetplug page --servers nats://broker:4222 --http 127.0.0.1:8400`,
    )
    .action(page);
}

async function page(flags: CommonFlags): Promise<void> {
  await withBroker(flags, async (connection, { config, sourceOf }) => {
    const { listen } = config.http;
    if (listen === '') throw new JetplugError('JP_USAGE', 'http.listen is off', { hint: 'Give --http HOST:PORT.' });
    const log = HostLog.create({ level: 'warn', terminal: process.stdout.isTTY && !flags.json });
    const replay = replayFor(connection, config);
    const server = await serveHttp(listen, (app) => servePage(app, { connection, config, sourceOf, log, replay }));
    try {
      if (flags.json) printJson({ url: server.url });
      else print(`The page is at ${paint('bold', server.url)}. Ctrl-C ends it.`);
      await interrupted();
    } finally {
      await server.close();
    }
  });
}
