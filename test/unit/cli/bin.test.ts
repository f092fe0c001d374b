import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

test('a package that was packed without being compiled names the command that packs it', () => {
  const folder = mkdtempSync(join(tmpdir(), 'jetplug-bin-'));
  try {
    mkdirSync(join(folder, 'host'));
    copyFileSync(resolve(__dirname, '../../../host/bin.js'), join(folder, 'host/bin.js'));
    const { status, stderr } = spawnSync(process.execPath, [join(folder, 'host/bin.js'), '--version'], {
      encoding: 'utf8',
    });
    expect(stderr).toBe('jetplug: this package lacks its compiled files. In a checkout, pack by `npm run package`.\n');
    expect(status).toBe(1);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
