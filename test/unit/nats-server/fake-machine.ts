import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Env } from '../../../host/nats-server/programs';

/** A machine for tests: a PATH of its own, with fake programs, and an empty cache. */
export class FakeMachine {
  readonly folder = mkdtempSync(join(tmpdir(), 'jetplug-machine-'));
  readonly cache = join(this.folder, 'cache');
  readonly env: Env = { PATH: join(this.folder, 'bin'), JETPLUG_CACHE_DIR: this.cache };
  /** Where a fetched binary belongs. */
  readonly cached = join(this.cache, 'nats-server-v2.15.2', 'nats-server');

  /** Puts a shell script onto the PATH. */
  install(name: string, script: string): string {
    return this.write(join('bin', name), script);
  }

  write(path: string, script: string): string {
    const file = join(this.folder, path);
    mkdirSync(join(file, '..'), { recursive: true });
    writeFileSync(file, `#!/bin/sh\n${script}\n`);
    chmodSync(file, 0o755);
    return file;
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** A script that passes for nats-server when asked for its version. */
export function fakeServer(version = '2.15.2'): string {
  return `echo "nats-server: v${version}"`;
}
