import type { Command } from 'commander';
import { hostFlags, runHost, type HostFlags } from './run-host';

export function startCommand(program: Command): void {
  hostFlags(program.command('start'))
    .description('run the host; joins a NATS server, or runs an embedded one')
    .option('--no-watch', 'do not follow changes in the plugins folders')
    .addHelpText(
      'after',
      `
Examples:
  $ jetplug start
  $ jetplug start --plugins plugins ../more-plugins
  $ jetplug start --servers nats://10.0.0.5:4222 --config production.yaml
  $ jetplug start --nats-port 0 --data /tmp/try --json
  $ OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318 jetplug start   # with OpenTelemetry`,
    )
    .action(start);
}

async function start(flags: HostFlags): Promise<void> {
  await runHost(flags, { readable: process.stdout.isTTY && !flags.json });
}
