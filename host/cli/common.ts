import type { Command } from 'commander';
import { isJetplugError, JetplugError } from '../../sdk/internal';
import type { LoadedConfig } from '../config/config';
import { loadConfig } from '../config/load';
import { Connection } from '../nats/connection';
import { runningBrokerUrl } from '../nats-server/open-broker';

/** The flags that every command has. */
export interface CommonFlags {
  json?: boolean;
  config?: string[];
  plugins?: string[];
  servers?: string[];
  data?: string;
}

/** Adds `--config` and `--json`. */
export function common(command: Command): Command {
  return command
    .option('--config <file...>', 'config files on top of config/default.yaml; later ones win')
    .option('--json', 'print JSON');
}

/** Adds the flags by which a command finds the broker. */
export function reachesBroker(command: Command): Command {
  return common(command)
    .option('--servers <url...>', 'NATS servers (default: the config’s, else the embedded broker’s)')
    .option('--data <dir>', 'the data folder whose embedded broker to use (default: .jetplug)');
}

/** The effective config of a command that does not start a broker. */
export function configFor(flags: CommonFlags): LoadedConfig {
  return loadConfig({
    cwd: process.cwd(),
    env: process.env,
    ...(flags.config && { files: flags.config }),
    flags: {
      ...(flags.servers && { servers: flags.servers }),
      ...(flags.plugins && { plugins: flags.plugins }),
      ...(flags.data !== undefined && { data: flags.data }),
    },
  });
}

/** Connects to the broker, does the work, and closes the connection whether the work succeeds or fails. */
export async function withBroker<T>(
  flags: CommonFlags,
  work: (connection: Connection, loaded: LoadedConfig) => Promise<T>,
): Promise<T> {
  const loaded = configFor(flags);
  const { nats } = loaded.config;
  const servers =
    nats.servers.length > 0
      ? nats.servers
      : [runningBrokerUrl(nats.embedded.data) ?? `nats://127.0.0.1:${nats.embedded.port || 4222}`];
  const connection = await Connection.open({ servers, name: 'jetplug-cli', nats }).catch((error: unknown) => {
    throw nats.servers.length > 0 ? error : noBroker(error);
  });
  try {
    return await work(connection, loaded);
  } finally {
    await connection.close();
  }
}

/** Adds a hint for the case that no server is configured: then a running host has the broker. */
function noBroker(error: unknown): unknown {
  if (!isJetplugError(error) || error.code !== 'JP_BROKER_UNREACHABLE') return error;
  return new JetplugError(error.code, error.message, {
    hint: 'No host runs here: start one with `npx jetplug start`, or name the server of a running one with --servers.',
    cause: error.cause,
  });
}
