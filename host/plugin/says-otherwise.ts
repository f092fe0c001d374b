import { isDeepStrictEqual } from 'node:util';
import type { Config } from '../config/config';
import type { PluginDefinition } from './describe';

/** Whether the config says something else of a plugin than it did. */
export function saysOtherwise({ name }: PluginDefinition, before: Config, after: Config): boolean {
  const said = ({ plugins }: Config): object => ({ defaults: plugins.defaults, section: plugins.sections[name] });
  return !isDeepStrictEqual(said(before), said(after));
}
