import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { LoadedConfig } from '../../../host/config/config';
import { loadConfig, type LoadOptions } from '../../../host/config/load';
import { isJetplugError, type JetplugError } from '../../../sdk/internal';

export type Given = Partial<Omit<LoadOptions, 'cwd'>>;

/** A folder of its own for a test's config files. */
export class ConfigFolder {
  readonly dir = mkdtempSync(path.join(tmpdir(), 'jetplug-config-'));

  /** Names count from the folder: `config/local.yaml`. */
  write(name: string, text: string | Uint8Array): void {
    const file = path.join(this.dir, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text);
  }

  load(given: Given = {}): LoadedConfig {
    return loadConfig({ cwd: this.dir, env: {}, ...given });
  }

  /** The problems of a failed load; empty if the load succeeds. */
  problems(given: Given = {}): JetplugError[] {
    try {
      this.load(given);
      return [];
    } catch (error) {
      if (!(error instanceof AggregateError) || !error.errors.every(isJetplugError)) throw error;
      return error.errors;
    }
  }

  /** The problems as the operator sees them: place, code, message and hint. */
  report(given: Given = {}): string {
    return this.problems(given)
      .map(({ code, message, file, line, hint }) => {
        const place =
          file === undefined ? '' : `${path.relative(this.dir, file)}${line === undefined ? '' : `:${line}`} `;
        return `${place}${code}\n  ${message}\n  → ${hint}`.replaceAll(this.dir, '<cwd>');
      })
      .join('\n');
  }

  remove(): void {
    rmSync(this.dir, { recursive: true, force: true });
  }
}
