/*
 * A host that does nothing but open a broker, to be run as a process of its own and killed:
 * `node test/support/broker-host.cjs '{"data":…,"port":…,"own":…,"binary":…}'`, with the built host's code.
 * It prints JSON lines, `{"say":…}` and then `{"broker":…}` or `{"error":…}`, and stops on SIGTERM.
 */
const { join } = require('node:path');
const { setInterval } = require('node:timers');
// Built by then; what looks at the sources alone finds no such file.
const { openBroker } = require(join(__dirname, '../../dist/host/nats-server/open-broker.js'));

void main();

async function main() {
  const embedded = JSON.parse(process.argv[2]);
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

function print(line) {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
