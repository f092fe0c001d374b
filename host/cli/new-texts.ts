import { dirname, relative } from 'node:path';
import { pluginNameOf } from '../../sdk/internal';
import type { Contract } from './new-contract';
import { sampleOf, type Sample } from './new-sample';
import { literal } from './source-text';

export function classNameOf(plugin: string): string {
  const words = plugin.split('-').map((word) => word[0]!.toUpperCase() + word.slice(1));
  return `${words.join('')}Plugin`;
}

/**
 * Returns the source text of a new plugin.
 * @param event the contract, or a subject with wildcards
 */
export function pluginText(plugin: string, file: string, event: Contract | string): string {
  const cls = classNameOf(plugin);
  // Some names, such as `a-1`, are not the name that is derived from the class.
  const name = pluginNameOf(cls) === plugin ? '' : `name: '${plugin}', `;
  const raw = typeof event === 'string';
  const imports = raw
    ? `import { Plugin, Store, Subscribe, type Envelope } from 'jetplug/sdk';`
    : `import { Plugin, Store, Subscribe } from 'jetplug/sdk';\nimport { ${event.name} } from '${pathTo(event.file, file)}';`;
  const subject = raw ? event : event.subject;
  return `${imports}

@Plugin({ ${name}description: 'Counts the events on ${subject}' })
export class ${cls} {
  constructor(private readonly counts: Store<number>) {}

  @Subscribe(${raw ? `'${event}'` : ''})
  async handle(event: ${raw ? 'Envelope' : event.name}) {
    await this.counts.update(event.event_type, (n = 0) => n + 1);
  }
}
`;
}

export async function testText(
  plugin: string,
  file: string,
  pluginFile: string,
  event: Contract | string,
): Promise<string> {
  const cls = classNameOf(plugin);
  const raw = typeof event === 'string';
  const subject = raw ? subjectLike(event) : event.subject;
  const sample = raw ? { id: 'id-1' } : await sampleOf(event);
  const contract = raw || !sample ? '' : `import { ${event.name} } from '${pathTo(event.file, file)}';\n`;
  const imports = `import { testHost } from 'jetplug/testing';\n${contract}import { ${cls} } from '${pathTo(pluginFile, file)}';\n`;
  return `${imports}
${sample ? passing(cls, raw ? `'${subject}'` : event.name, subject, sample) : toDo(cls, subject)}`;
}

function passing(cls: string, event: string, subject: string, sample: Sample): string {
  return `test('counts the events', async () => {
  const host = await testHost([${cls}]);
  await host.publish(${event}, ${literal(sample)});
  await host.publish(${event}, ${literal(sample)});
  await host.settled();
  expect(await host.store(${cls}).get('${subject}')).toBe(2);
  expect(host.deadLetters()).toEqual([]);
  await host.stop();
});
`;
}

/** Returns a test for a contract of which no sample is known. */
function toDo(cls: string, subject: string): string {
  return `test('starts', async () => {
  const host = await testHost([${cls}]);
  await host.stop();
});

test.todo('counts the events of ${subject}: publish one that its contract takes');
`;
}

function subjectLike(pattern: string): string {
  return pattern
    .split('.')
    .map((token) => (token === '*' || token === '>' ? 'any' : token))
    .join('.');
}

function pathTo(file: string, from: string): string {
  const path = relative(dirname(from), file)
    .replaceAll('\\', '/')
    .replace(/\.[jt]s$/, '');
  return path.startsWith('.') ? path : `./${path}`;
}
