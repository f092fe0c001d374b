import type { Config } from '../../host/config/config';
import { loadConfig } from '../../host/config/load';
import type { Scene } from './scene';

/** The effective config of what a config file would hold; no file of this repository and no variable has a say. */
export function configOf(scene: Scene, written: object = {}): Config {
  const cwd = scene.folder({ 'test.json': JSON.stringify(written) });
  return loadConfig({ cwd, env: {}, files: ['test.json'] }).config;
}
