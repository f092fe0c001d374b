import type { StoreTexts } from './text-store';

/** Opens a store's texts at their first use, because the host does not know before whether a plugin uses its store. */
export class LateTexts implements StoreTexts {
  private texts: StoreTexts | undefined;
  private opening: Promise<StoreTexts> | undefined;

  constructor(private readonly openTexts: () => Promise<StoreTexts>) {}

  async get(...args: Parameters<StoreTexts['get']>): Promise<string | undefined> {
    return (this.texts ?? (await this.open())).get(...args);
  }

  async change(...args: Parameters<StoreTexts['change']>): Promise<string | undefined> {
    return (this.texts ?? (await this.open())).change(...args);
  }

  async keys(...args: Parameters<StoreTexts['keys']>): Promise<string[]> {
    return (this.texts ?? (await this.open())).keys(...args);
  }

  async commit(): Promise<void> {
    return (this.texts ?? (await this.open())).commit();
  }

  /** Opens the texts. Only one attempt runs at a time; after a failure, the next use tries again. */
  private open(): Promise<StoreTexts> {
    this.opening ??= this.openTexts().then(
      (texts) => (this.texts = texts),
      (error: unknown) => {
        this.opening = undefined;
        throw error;
      },
    );
    return this.opening;
  }
}
