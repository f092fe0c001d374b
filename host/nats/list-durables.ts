import type { ConsumerInfo } from './client';
import type { Connection } from './connection';
import { isStreamNotFound } from './streams';

/** Lists all durables of a stream, by name. */
export async function listDurables({ requests }: Connection, stream: string): Promise<Map<string, ConsumerInfo>> {
  const found = new Map<string, ConsumerInfo>();
  for (let offset = 0; ;) {
    const page = await requests.askApi<{ total: number; consumers?: ConsumerInfo[] | null }>(
      `CONSUMER.LIST.${stream}`,
      {
        offset,
      },
    );
    const consumers = page.consumers ?? [];
    for (const info of consumers) found.set(info.name, info);
    offset += consumers.length;
    if (consumers.length === 0 || offset >= page.total) return found;
  }
}

/** Lists the durables of a stream; none if there is no such stream. */
export async function durablesOf(connection: Connection, stream: string): Promise<ConsumerInfo[]> {
  try {
    return [...(await listDurables(connection, stream)).values()];
  } catch (error) {
    if (isStreamNotFound(error)) return [];
    throw error;
  }
}
