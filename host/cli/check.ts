import type { Command } from 'commander';
import type { JetplugError } from '../../sdk/internal';
import { missingLayer } from '../config/load';
import { atSettings } from '../config/settings-place';
import { unusedSections } from '../config/unused-sections';
import { discover } from '../load/discover';
import { NameRegistry } from '../plugin/name-registry';
import { checkConfigOf, checkPlugins } from './check-plugins';
import { printConfig } from './check-print';
import { common, configFor, loadOptions, pluginsFolders, type CommonFlags } from './common';
import { errorLines, errorsOf, paint, print, printJson } from './output';

interface CheckFlags extends CommonFlags {
  start?: boolean;
  print?: boolean;
}

export function checkCommand(program: Command): void {
  pluginsFolders(common(program.command('check'), 'many-words'), 'many-words')
    .description('validate the config and the plugins, with no server')
    .option('--start', 'call onStart and onStop of each plugin too, with the network')
    .option('--print', 'print the effective config instead: each value with its origin, secrets masked')
    .addHelpText(
      'after',
      `
Each plugin is loaded and built in a process of its own, without a network and without a host. A constructor that
uses the network gets a warning.

Exits with 1 when there is a problem; each is named with file, line and a hint. A warning does not count.

Examples:
  $ jetplug check
  $ jetplug check --start
  $ jetplug check --print
  $ jetplug check --plugins my-plugins --json`,
    )
    .action(check);
}

interface Findings {
  readonly problems: JetplugError[];
  readonly warnings: JetplugError[];
  /** The names of the plugins that could be read. */
  readonly plugins: string[];
}

async function check(flags: CheckFlags): Promise<void> {
  const options = loadOptions(flags);
  if (flags.print) return printConfig(options, flags.json ?? false);
  const note = missingLayer(options);
  if (note !== undefined && !flags.json) print(paint('dim', note));
  const { problems, warnings, plugins } = await inspect(flags);
  if (flags.json) printJson([...problems, ...warnings.map((warning) => ({ ...warning.toJSON(), warning: true }))]);
  else {
    for (const found of problems) for (const line of errorLines(found, process.stdout)) print(line);
    for (const found of warnings) for (const line of errorLines(found, process.stdout, 'warning')) print(line);
    if (problems.length === 0)
      print(
        `${paint('green', '✔')} the config and ${count(plugins.length, 'plugin')} are sound: ${plugins.join(', ')}`,
      );
    else print(count(problems.length, 'problem'));
    if (warnings.length > 0) print(count(warnings.length, 'warning'));
  }
  process.exitCode = problems.length > 0 ? 1 : 0;
}

function count(found: number, what: string): string {
  return `${found} ${what}${found === 1 ? '' : 's'}`;
}

async function inspect(flags: CheckFlags): Promise<Findings> {
  const findings: Findings = { problems: [], warnings: [], plugins: [] };
  const { problems, warnings, plugins } = findings;
  try {
    const loaded = configFor(flags);
    const { config } = loaded;
    const files = discover(config.plugins.dirs).found.map(({ file }) => file);
    const until = flags.start ? 'started' : 'built';
    const names = new NameRegistry();
    for (const checked of await checkPlugins({ files, config: checkConfigOf(config), until })) {
      problems.push(...checked.problems.map((error) => atSettings(error, loaded.sourceOf)));
      warnings.push(...checked.warnings);
      if (!checked.plugin) continue;
      plugins.push(checked.plugin.name);
      try {
        names.take(checked.plugin);
      } catch (failure) {
        problems.push(...errorsOf(failure));
      }
    }
    // A section may belong to a plugin that could not be read, so only near misses are problems then.
    const unused = unusedSections(loaded, plugins);
    problems.push(
      ...(problems.length === 0 ? unused : unused.filter(({ message }) => message.includes('did you mean'))),
    );
  } catch (failure) {
    problems.push(...errorsOf(failure));
  }
  return findings;
}
