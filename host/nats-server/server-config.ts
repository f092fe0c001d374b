export interface ServerSettings {
  /** The server name in the greeting, by which the host recognises its server. */
  readonly name: string;
  readonly data: string;
  /** The port. 0 means any free port, which the server then writes into a file in the data folder. */
  readonly port: number;
  /** How often the server syncs its data to the disk: `always`, or a duration that nats-server takes. */
  readonly syncInterval: string;
  readonly logFile: string;
}

const MAX_LOG_BYTES = 10 * 1024 * 1024;
const MAX_LOG_FILES = 3;
/**
 * The limit of the space for streams. The server's own default is three quarters of the free space at its start, with
 * which it refuses a stream of 10 GiB on a small disk.
 */
const MAX_STORE_BYTES = 1024 ** 4;

/** Returns the content of the config file of the embedded nats-server. JSON is a subset of that file's language. */
export function serverConfig({ name, data, port, syncInterval, logFile }: ServerSettings): string {
  const config = {
    server_name: name,
    listen: `127.0.0.1:${port === 0 ? -1 : port}`,
    ports_file_dir: data,
    log_file: logFile,
    logfile_size_limit: MAX_LOG_BYTES,
    logfile_max_num: MAX_LOG_FILES,
    jetstream: {
      store_dir: data,
      max_file_store: MAX_STORE_BYTES,
      ...(syncInterval !== '' && { sync_interval: syncInterval }),
    },
  };
  return `${JSON.stringify(config, undefined, 2)}\n`;
}
