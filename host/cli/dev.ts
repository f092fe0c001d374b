import type { Command } from 'commander';
import { Desk } from './desk';
import { hostFlags, runHost, type HostFlags } from './run-host';

export function devCommand(program: Command): void {
  hostFlags(program.command('dev'))
    .description('run the host at an author’s desk: events live, type errors, and keys to try things')
    .addHelpText(
      'after',
      `
It runs the host as \`jetplug start\` does, and prints each event as it is handled, as \`jetplug tail\` does, at most 20 in
a second. It loads a plugin again when its file is saved, and shows the type errors of the project, which do not keep the
plugin from running. They need a tsconfig.json and the project’s own package typescript.

Keys: r publishes the newest event from outside again, with a new id; p pauses all plugins and resumes them; d lists the
newest dead letters; o opens the page; ? lists the keys; q or Ctrl-C ends. A pause by p ends with the command.
When the input or the output is not a terminal there are no keys. With --json each line is a JSON object.

Examples:
  $ jetplug dev
  $ jetplug dev --plugins plugins --http 127.0.0.1:8400
  $ jetplug dev --nats-port 0 --data /tmp/try --json`,
    )
    .action(dev);
}

async function dev(flags: HostFlags): Promise<void> {
  const readable = !flags.json;
  const parts: { desk?: Promise<Desk | undefined> } = {};
  const host = await runHost(flags, { readable, closing: async () => (await parts.desk)?.close() });
  if (!host) return;
  // The host runs also without its desk. An error here must not end it without its graceful stop.
  parts.desk = Desk.open(host, readable).catch((error: unknown) => {
    host.log.error('events cannot be shown, and keys do not work', { err: error });
    return undefined;
  });
  await parts.desk;
}
