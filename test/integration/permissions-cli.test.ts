/** The texts of `jetplug permissions`, which needs no server. */
import { jetplug } from '../support/cli';
import { pluginSource } from '../support/plugin-source';
import { Scene } from '../support/scene';

const scene = new Scene();
afterAll(() => scene.end());

const TALLY = pluginSource('TallyPlugin', "  @Subscribe('video.tick') count() {}");

function folder(config: string, plugins: Readonly<Record<string, string>> = { tally: TALLY }): string {
  const files = Object.entries(plugins).map(([name, source]) => [`plugins/${name}.plugin.ts`, source]);
  const streams = 'streams: [{ name: EVENTS, subjects: [video.>, badge.won] }]\n';
  return scene.folder({ 'config/default.yaml': streams + config, ...Object.fromEntries(files) });
}

test('the config of nats-server has a user for each role, with the purpose of its subjects', async () => {
  const cwd = folder('nats: { inboxPrefix: _INBOX.jetplug }\n');
  const { code, stdout } = await jetplug(['permissions', '--role', 'publisher'], { cwd });
  expect(code).toBe(0);
  expect(stdout).toMatchInlineSnapshot(`
    "# Include this file in the config of nats-server. Set the variables of the passwords where the server runs.
    # Print it again with \`jetplug permissions\` when the config or a plugin changes.
    jetplug_publisher = {
      publish = {
        allow = [
          # connect, and find the stream of a subject
          "$JS.API.INFO"
          "$JS.API.STREAM.NAMES"
          # publish the events of the stream EVENTS
          "video.>"
          "badge.won"
        ]
      }
      subscribe = {
        allow = [
          # connect, and find the stream of a subject
          "_INBOX.>"
        ]
        deny = ["_INBOX.jetplug.>"]
      }
    }
    authorization {
      users = [
        { user: "jetplug-publisher", password: $JETPLUG_PUBLISHER_PASSWORD, permissions: $jetplug_publisher }
      ]
    }
    "
  `);
  const all = (await jetplug(['permissions'], { cwd })).stdout;
  for (const role of ['host', 'publisher', 'operator', 'deployer']) {
    expect(all).toContain(`{ user: "jetplug-${role}", password: $JETPLUG_${role.toUpperCase()}_PASSWORD`);
  }
});

test('the commands of nsc add a user for each role', async () => {
  const { stdout } = await jetplug(['permissions', '--role', 'publisher', '--format', 'nsc'], { cwd: folder('') });
  expect(stdout).toMatchInlineSnapshot(`
    "# Print it again with \`jetplug permissions\` when the config or a plugin changes.
    # Each role may read the answers to the others. To prevent that, set nats.inboxPrefix: _INBOX.jetplug
    # Run the commands once, and push the account. To add subjects later, leave out \`--sk generate\` and \`nsc add user\`:
    # otherwise nsc adds a second key of the same role, which no user has.
    nsc edit signing-key --sk generate --role jetplug-publisher \\
      --allow-pub '$JS.API.INFO' \\
      --allow-pub '$JS.API.STREAM.NAMES' \\
      --allow-pub 'video.>' \\
      --allow-pub 'badge.won' \\
      --allow-sub '_INBOX.>'
    nsc add user --name jetplug-publisher --private-key jetplug-publisher
    "
  `);
});

test('a plugin that is switched off gets no permissions, and one that cannot be read is a problem', async () => {
  const off = await jetplug(['permissions', '--json'], { cwd: folder('plugins: { tally: { enabled: false } }\n') });
  expect(off.code).toBe(0);
  expect(off.stdout).not.toContain('tally');
  const broken = await jetplug(['permissions', '--json'], { cwd: folder('', { tally: TALLY, broken: 'no code' }) });
  expect(broken.code).toBe(1);
  expect(broken.stdout).toContain('tally-count');
  expect(broken.errors()).toEqual([expect.objectContaining({ file: expect.stringContaining('broken.plugin.ts') })]);
});

test('an unknown role is refused with the known ones', async () => {
  const { code, stderr } = await jetplug(['permissions', '--role', 'admin'], { cwd: folder('') });
  expect(code).toBe(1);
  expect(stderr).toContain('host, publisher, operator, deployer');
});
