import type { Config } from '../../host/config/config';
import { loadConfig } from '../../host/config/load';
import type { Scene } from './scene';

/** The effective config for the content of a config file, without files of this repository and variables. */
export function configOf(scene: Scene, written: object = {}): Config {
  const cwd = scene.folder({ 'test.json': JSON.stringify(written) });
  return loadConfig({ cwd, env: {}, files: ['test.json'] }).config;
}
