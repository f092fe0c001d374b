import { pluginSource } from './plugin-source';

/** The plugin `shop` before and after its handler has another name, subject and contract. */
export interface ShopVersion {
  /** The name of the method. */
  readonly method: string;
  readonly renamedFrom?: string;
  /** The contract's subject. */
  readonly subject: string;
  /** The option `retry` of the handler. */
  readonly retry: string;
  /** The option `from` of the handler, as source. Default: `'beginning'`. */
  readonly from?: string;
  /** The options of the contract, as source. Default: none. */
  readonly contract?: string;
  /** Whether the plugin has a process of its own. */
  readonly isolated?: boolean;
  /** Statements at the beginning of the handler, which have `event` and `context`. */
  readonly first?: string;
}

/** Its handler counts in the store how often it has handled each event, by `n`. */
export function shopPlugin(version: ShopVersion): string {
  const { method, renamedFrom, subject, retry, from = `'beginning'`, contract = '{}', first = '' } = version;
  const renamed = renamedFrom === undefined ? '' : `renamedFrom: '${renamedFrom}', `;
  return pluginSource(
    'ShopPlugin',
    `  constructor(private readonly store: Store<number>) {}

  @Subscribe({ from: ${from}, ${renamed}retry: ${retry} })
  async ${method}(event: Sold, context: EventContext) {
    ${first}
    await this.store.update('n' + event.n, (count = 0) => count + 1);
  }`,
    {
      before: `export class Sold extends defineEvent('${subject}', z.object({ n: z.int() }), ${contract}) {}`,
      options: version.isolated ? `{ isolation: 'process' }` : '',
    },
  );
}
