import type { Command } from 'commander';
import { JetplugError } from '../../sdk/internal';
import { missingLayer } from '../config/load';
import { atSettings } from '../config/settings-place';
import { unusedSections } from '../config/unused-sections';
import { discover } from '../load/discover';
import { NameRegistry } from '../plugin/name-registry';
import { checkConfigOf, checkPlugins } from './check-plugins';
import { printConfig } from './check-print';
import { checkAgainstStream, storedJson, storedLines, type StoredFindings } from './check-stored';
import { configFor, loadOptions, pluginsFolders, reachesBroker, type CommonFlags } from './common';
import { errorLines, errorsOf, paint, print, printJson } from './output';

interface CheckFlags extends CommonFlags {
  start?: boolean;
  againstStream?: boolean;
  all?: boolean;
  print?: boolean;
}

export function checkCommand(program: Command): void {
  pluginsFolders(reachesBroker(program.command('check'), 'many-words'), 'many-words')
    .description('validate the config and the plugins, with no server')
    .option('--start', 'call onStart and onStop of each plugin too, with the network')
    .option('--against-stream', 'test the contracts on the stored events too, which needs the server')
    .option('--all', 'with --against-stream: all stored events, not the last 100,000 of each subject')
    .option('--print', 'print the effective config instead: each value with its origin, secrets masked')
    .addHelpText(
      'after',
      `
Each plugin is loaded and built in a process of its own, without a network and without a host. A constructor that
uses the network gets a warning.

With --against-stream, the contract of each handler is tested on the stored events of its subject and on the events that
wait for the handler. Events that would be refused are a problem. They are counted by field. Nothing is changed on the
server.

Exits with 1 when there is a problem; each is named with file, line and a hint. A warning does not count.

Examples:
  $ jetplug check
  $ jetplug check --start
  $ jetplug check --against-stream --servers nats://10.0.0.5:4222
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
  /** Set with `--against-stream`, unless the config or the server cannot be read. */
  stored?: StoredFindings;
}

async function check(flags: CheckFlags): Promise<void> {
  if (flags.all && !flags.againstStream) {
    const hint = 'Add --against-stream, or leave --all out.';
    throw new JetplugError('JP_USAGE', '--all is for --against-stream', { hint });
  }
  const options = loadOptions(flags);
  if (flags.print) return printConfig(options, flags.json ?? false);
  const note = missingLayer(options);
  if (note !== undefined && !flags.json) print(paint('dim', note));
  const findings = await inspect(flags);
  const { problems, warnings, stored } = findings;
  if (flags.json) {
    const all = [...problems, ...warnings.map((warning) => ({ ...warning.toJSON(), warning: true }))];
    printJson(flags.againstStream ? { findings: all, contracts: stored ? storedJson(stored) : [] } : all);
  } else printFindings(findings);
  process.exitCode = problems.length > 0 ? 1 : 0;
}

function printFindings({ problems, warnings, plugins, stored }: Findings): void {
  for (const line of stored ? storedLines(stored) : []) print(line);
  for (const found of problems) for (const line of errorLines(found, process.stdout)) print(line);
  for (const found of warnings) for (const line of errorLines(found, process.stdout, 'warning')) print(line);
  if (problems.length === 0)
    print(`${paint('green', '✔')} the config and ${count(plugins.length, 'plugin')} are sound: ${plugins.join(', ')}`);
  else print(count(problems.length, 'problem'));
  if (warnings.length > 0) print(count(warnings.length, 'warning'));
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
    const allChecked = await checkPlugins({ files, config: checkConfigOf(config), until });
    for (const checked of allChecked) {
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
    if (flags.againstStream) {
      findings.stored = await checkAgainstStream(allChecked, flags);
      problems.push(...findings.stored.problems);
      warnings.push(...findings.stored.warnings);
    }
  } catch (failure) {
    problems.push(...errorsOf(failure));
  }
  return findings;
}
