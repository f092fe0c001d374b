import type { Command } from 'commander';
import { isJetplugError, type JetplugError } from '../../sdk/internal';
import type { Config } from '../config/config';
import { compile } from '../plugin/compile';
import { validSettings } from '../plugin/contain';
import { describe, type DescribedPlugin } from '../plugin/describe';
import { discover } from '../plugin/discover';
import { specOf } from '../plugin/reconcile';
import { Claims } from '../plugin/claims';
import { common, configFor, type CommonFlags } from './common';
import { atSettings } from '../config/settings-place';
import { unusedSections } from '../config/unused-sections';
import { errorLines, errorsOf, paint, print, printJson } from './output';

export function checkCommand(program: Command): void {
  common(program.command('check'))
    .description('validate the config and the plugins, with no server')
    .option('--plugins <dir...>', 'the plugins folders, in place of the configured ones')
    .addHelpText(
      'after',
      `
Exits with 1 when there is a problem; each is named with file, line and a hint.

Examples:
  $ jetplug check
  $ jetplug check --plugins my-plugins --json`,
    )
    .action(check);
}

async function check(flags: CommonFlags): Promise<void> {
  process.setSourceMapsEnabled(true);
  const { problems, plugins } = await inspect(flags);
  if (flags.json) printJson(problems);
  else {
    for (const problem of problems) for (const line of errorLines(problem, process.stdout)) print(line);
    const names = plugins.map(({ name }) => name).join(', ');
    if (problems.length === 0)
      print(`${paint('green', '✔')} the config and ${plugins.length} plugins are sound: ${names}`);
    else print(`${problems.length} ${problems.length === 1 ? 'problem' : 'problems'}`);
  }
  process.exitCode = problems.length > 0 ? 1 : 0;
}

async function inspect(flags: CommonFlags): Promise<{ problems: JetplugError[]; plugins: DescribedPlugin[] }> {
  const problems: JetplugError[] = [];
  const plugins: DescribedPlugin[] = [];
  try {
    const loaded = configFor(flags);
    const { config } = loaded;
    const claims = new Claims();
    for (const file of discover(config.plugins.dirs).found) {
      try {
        const plugin = describe(compile(file), config);
        claims.take(plugin);
        plugins.push(plugin);
        const found = await inspectUse(plugin, config);
        problems.push(...found.map((error) => atSettings(error, loaded.sourceOf)));
      } catch (failure) {
        problems.push(
          ...errorsOf(failure).map((error) => atSettings(error, loaded.sourceOf).with({ file: file.file })),
        );
      }
    }
    // The names of plugins that could not be read are not known.
    const names = plugins.map(({ name }) => name);
    const unused = unusedSections(loaded, names);
    problems.push(
      ...(problems.length === 0 ? unused : unused.filter(({ message }) => message.includes('did you mean'))),
    );
  } catch (failure) {
    problems.push(...errorsOf(failure));
  }
  return { problems, plugins };
}

/** What only shows where the plugin meets the config: its streams and its settings. */
async function inspectUse(plugin: DescribedPlugin, config: Config): Promise<JetplugError[]> {
  const problems: JetplugError[] = [];
  const collect = (failure: unknown): void => {
    if (!isJetplugError(failure)) throw failure;
    problems.push(failure);
  };
  for (const handler of plugin.handlers) {
    try {
      specOf(plugin, handler, config.streams, config);
    } catch (failure) {
      collect(failure);
    }
  }
  await validSettings(plugin, config.plugins.sections[plugin.name]?.settings).catch(collect);
  return problems;
}
