// Stands in for the `nats` command line where there is none: `nats pub SUBJECT PAYLOAD` and
// `nats kv get BUCKET KEY --raw`, on the server of NATS_URL.
const { connect } = require('nats');

async function main([command, ...args]) {
  const connection = await connect({ servers: process.env.NATS_URL });
  try {
    if (command === 'pub') {
      connection.publish(args[0], args[1]);
      await connection.flush();
    } else if (command === 'kv' && args[0] === 'get') {
      const bucket = await connection.jetstream().views.kv(args[1], { bindOnly: true });
      const entry = await bucket.get(args[2]);
      if (!entry) throw new Error('nats: error: nats: key not found');
      process.stdout.write(entry.string());
    } else throw new Error(`the stand-in has no command ${command} ${args.join(' ')}`);
  } finally {
    await connection.close();
  }
}

main(process.argv.slice(2)).catch((error) => {
  console.error(error.message);
  process.exitCode = 1;
});
