import type { NatsConnection } from 'nats';
import { jetplug, type CliResult } from './cli';
import { pluginSource } from './plugin-source';

/** A contract of `video.renamed` with this schema and these options, and a handler that takes it from the beginning. */
export function renamesPlugin(schema: string, options = '{}'): string {
  return pluginSource(
    'RenamesPlugin',
    `  constructor(private readonly store: Store<number>) {}
  @Subscribe({ from: 'beginning' })
  async take({ title }: VideoRenamed) { // HERE
    await this.store.update(title, (n = 0) => n + 1);
  }`,
    { before: `export class VideoRenamed extends defineEvent('video.renamed', ${schema}, ${options}) {}` },
  );
}

/** The schemas of the contract before and after its change. */
export const OLD_FORM = `z.object({ name: z.string().optional(), title: z.string().default('none') })`;
export const NEW_FORM = `z.object({ title: z.string().min(1), tags: z.array(z.string()).default([]) })`;
/** Converts `name` into `title`. */
export const UPCAST = `{ upcast: ({ name, ...old }) => ({ ...old, title: String(name) }) }`;

/** Publishes events of `video.renamed`, each followed by an event of another subject. Some of them have the old form. */
export async function publishRenames(nats: NatsConnection, count: number, hasOldForm: (n: number) => boolean) {
  const js = nats.jetstream();
  const text = (n: number): string => JSON.stringify(hasOldForm(n) ? { name: `t${n}` } : { title: `t${n}` });
  for (let from = 0; from < count; from += 1_000) {
    const chunk = Array.from({ length: Math.min(1_000, count - from) }, (_, i) => from + i);
    await Promise.all(
      chunk.flatMap((n) => [js.publish('video.renamed', text(n)), js.publish('video.other', JSON.stringify({ n }))]),
    );
  }
}

export interface AgainstStream {
  readonly findings: { readonly code: string; readonly message: string; readonly line: number }[];
  readonly contracts: {
    readonly plugin: string;
    readonly subject: string;
    readonly stored: object;
    readonly waiting: object[];
    readonly byField: { readonly field: string; readonly message: string; readonly examples: number[] }[];
  }[];
}

/** Runs `jetplug check --against-stream --json`. */
export function checkAgainst(servers: string, plugins: string, ...flags: string[]): Promise<CliResult> {
  return jetplug(['check', '--against-stream', '--json', '--servers', servers, '--plugins', plugins, ...flags]);
}
