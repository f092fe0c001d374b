/** The orders in a SQLite file. The package `better-sqlite3` has the same functions as `libsql`. */
import type { OutboxRow } from 'jetplug/client';
import Database from 'libsql';
import { OrderPlaced } from './contracts';
import type { Order, Orders } from './orders';

/** AUTOINCREMENT: SQLite would otherwise use the id of a removed row again. */
const SCHEMA = `
  CREATE TABLE IF NOT EXISTS orders (
    order_id TEXT PRIMARY KEY, customer TEXT NOT NULL, cents INTEGER NOT NULL, placed_at TEXT NOT NULL
  );
  CREATE TABLE IF NOT EXISTS outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT, fields TEXT NOT NULL, happened_at TEXT NOT NULL, refused TEXT
  );`;

interface StoredRow {
  readonly id: number;
  readonly key: string | null;
  readonly fields: string;
  readonly happened_at: string;
}

export function openSqlite(file: string): Orders {
  // Another process may hold the lock for a moment.
  const db = new Database(file, { timeout: 5_000 });
  db.pragma('journal_mode = WAL');
  // Each commit is on the disk before it returns.
  db.pragma('synchronous = FULL');
  db.exec(SCHEMA);

  const place = db.transaction((order: Order) => {
    const { order_id, customer, cents } = order;
    const now = new Date().toISOString();
    db.prepare('INSERT INTO orders VALUES (?, ?, ?, ?)').run(order_id, customer, cents, now);
    db.prepare('INSERT INTO outbox (key, fields, happened_at) VALUES (?, ?, ?)').run(
      customer,
      JSON.stringify({ order_id, customer, cents }),
      now,
    );
  });

  return {
    place: async (order) => place.immediate(order),
    outbox: {
      take: (limit) =>
        db
          .prepare('SELECT id, key, fields, happened_at FROM outbox WHERE refused IS NULL ORDER BY id LIMIT ?')
          .all(limit)
          .map((row) => toEvent(row as StoredRow)),
      remove: (ids) =>
        db.prepare('DELETE FROM outbox WHERE id IN (SELECT value FROM json_each(?))').run(JSON.stringify(ids)),
      refuse: ({ id }, { code, message }) =>
        db.prepare('UPDATE outbox SET refused = ? WHERE id = ?').run(`${code}: ${message}`, id),
    },
    close: async () => void db.close(),
  };
}

function toEvent({ id, key, fields, happened_at }: StoredRow): OutboxRow {
  return {
    id,
    event: OrderPlaced,
    fields: JSON.parse(fields) as object,
    timestamp: happened_at,
    key: key ?? undefined,
  };
}
