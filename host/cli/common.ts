import type { Command } from 'commander';
import { isJetplugError, JetplugError } from '../../sdk/internal';
import type { LoadedConfig } from '../config/config';
import { loadConfig, type LoadOptions } from '../config/load';
import { Connection } from '../nats/connection';
import { runningBrokerUrl } from '../nats-server/open-broker';

/** The flags that every command has. */
export interface CommonFlags {
  json?: boolean;
  config?: string[];
  plugins?: string[];
  servers?: string[];
  data?: string;
  http?: string;
}

/**
 * Whether a list flag takes all the words up to the next flag. Only a command without arguments of its own can allow
 * that; in any other command the flag would swallow the arguments.
 */
type Words = 'one-word' | 'many-words';

/** Adds a flag with a list. Several values have commas between them, or the flag is repeated. */
export function listOption(
  command: Command,
  flag: string,
  value: string,
  description: string,
  words: Words = 'one-word',
): Command {
  const many = words === 'many-words';
  const how = `several: with commas, or the flag again${many ? ', or all after one flag' : ''}`;
  return command.option(`${flag} <${value}${many ? '...' : ''}>`, `${description} (${how})`, collect);
}

function collect(text: string, before: readonly string[] = []): string[] {
  const values = text
    .split(',')
    .map((value) => value.trim())
    .filter((value) => value !== '');
  // An empty value stays, so that the config refuses it.
  return [...before, ...(values.length === 0 ? [text] : values)];
}

/** Collects the values of a flag that is repeated. */
export function repeated(text: string, before: readonly string[] = []): string[] {
  return [...before, text];
}

/** Adds `--config` and `--json`. */
export function common(command: Command, words: Words = 'one-word'): Command {
  const description = 'a config file on top of config/default.yaml; later ones win';
  return listOption(command, '--config', 'file', description, words).option('--json', 'print JSON');
}

/** Adds `--plugins`. */
export function pluginsFolders(command: Command, words: Words = 'one-word'): Command {
  return listOption(command, '--plugins', 'dir', 'a plugins folder, in place of the configured ones', words);
}

/** Adds the flags by which a command finds the broker. */
export function reachesBroker(command: Command, words: Words = 'one-word'): Command {
  const description = 'a NATS server (default: the config’s, else the embedded broker’s)';
  return listOption(common(command, words), '--servers', 'url', description, words).option(
    '--data <dir>',
    'the data folder whose embedded broker to use (default: .jetplug)',
  );
}

/** The effective config of a command that does not start a broker. */
export function configFor(flags: CommonFlags): LoadedConfig {
  return loadConfig(loadOptions(flags));
}

/** The layers of the config of such a command. */
export function loadOptions(flags: CommonFlags): LoadOptions {
  return {
    cwd: process.cwd(),
    env: process.env,
    ...(flags.config && { files: flags.config }),
    flags: {
      ...(flags.servers && { servers: flags.servers }),
      ...(flags.plugins && { plugins: flags.plugins }),
      ...(flags.data !== undefined && { data: flags.data }),
      ...(flags.http !== undefined && { http: flags.http }),
    },
  };
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

/** Adds a hint if no server is configured, because then only a running host provides the broker. */
function noBroker(error: unknown): unknown {
  if (!isJetplugError(error) || error.code !== 'JP_BROKER_UNREACHABLE') return error;
  return new JetplugError(error.code, error.message, {
    hint: 'No host runs here: start one with `npx jetplug start`, or name the server of a running one with --servers.',
    cause: error.cause,
  });
}
