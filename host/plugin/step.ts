/** An object that passes through the steps of a plugin's life. */
export interface Closable {
  /** Releases everything that the steps so far have made. Called when the next step fails. */
  close(): void | Promise<void>;
}

/** Passes the object to the next step, and closes the object if that step fails. */
export async function step<T extends Closable, U>(record: T, next: (record: T) => U | Promise<U>): Promise<U> {
  try {
    return await next(record);
  } catch (error) {
    await record.close();
    throw error;
  }
}
