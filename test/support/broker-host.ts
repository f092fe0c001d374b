/*
 * A host that does nothing but open a broker, to be run as a process of its own and killed:
 * `node -r test/support/typescript.cjs test/support/broker-host.ts '{"data":…,"port":…,"own":…,"binary":…}'`.
 * It prints JSON lines, `{"say":…}` and then `{"broker":…}` or `{"error":…}`, and stops on SIGTERM.
 */
import type { EmbeddedConfig } from '../../host/config/config';
import { openBroker } from '../../host/nats/embedded/open-broker';

void main();

async function main(): Promise<void> {
  const embedded = JSON.parse(process.argv[2] ?? '{}') as EmbeddedConfig;
  try {
    const broker = await openBroker({ servers: [], embedded, say: (say) => print({ say }) });
    process.once('SIGTERM', () => void broker.stop().then(() => process.exit(0)));
    setInterval(() => undefined, 60_000);
    print({ broker });
  } catch (error) {
    print({ error });
    process.exitCode = 1;
  }
}

function print(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
