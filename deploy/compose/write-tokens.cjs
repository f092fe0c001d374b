// Writes the tokens that docker-compose.yml needs into a folder: `node write-tokens.cjs FOLDER`. A token that a variable
// gives replaces that of the file. Without a variable, the first run makes a random token, and later runs keep it.
'use strict';
const { randomBytes } = require('node:crypto');
const { existsSync, rmSync, writeFileSync } = require('node:fs');
const { join } = require('node:path');

const RANDOM_BYTES = 24;

for (const role of ['operator', 'reader']) {
  const file = join(process.argv[2], role);
  const given = process.env[`JETPLUG_HTTP_${role.toUpperCase()}_TOKEN`];
  if (!given && existsSync(file)) continue;
  // Without capabilities, not even root may write to a file that is read-only.
  rmSync(file, { force: true });
  // Everybody may read it, because the hosts and Prometheus run as different users.
  writeFileSync(file, given || randomBytes(RANDOM_BYTES).toString('hex'), { mode: 0o444 });
}
