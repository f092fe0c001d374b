/** The tables of the projection, in a SQLite file. The package `better-sqlite3` has the same functions as `libsql`. */
import { Logger } from 'jetplug/sdk';
import Database from 'libsql';
import { injectable } from 'tsyringe';

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS handled (event_id TEXT PRIMARY KEY, at TEXT NOT NULL DEFAULT current_timestamp) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS daily_sales (day TEXT PRIMARY KEY, orders INTEGER NOT NULL, cents INTEGER NOT NULL);`;

@injectable()
export class SalesDatabase {
  private db: Database.Database | undefined;

  constructor(private readonly log: Logger) {}

  onStart() {
    const file = process.env['SALES_DB'] ?? 'sales.db';
    // While the plugins are reloaded, the earlier provider has the file open too.
    this.db = new Database(file, { timeout: 5_000 });
    this.db.pragma('journal_mode = WAL');
    // Each commit is on the disk before it returns.
    this.db.pragma('synchronous = FULL');
    this.db.exec(SCHEMA);
    this.log.info('the database is open', { file });
  }

  onStop() {
    this.db?.close();
  }

  /**
   * Applies the changes of an event in one transaction with the note that the event is handled. Does nothing if the event
   * is handled already.
   */
  once(eventId: string, change: (db: Database.Database) => void): void {
    const { db } = this;
    if (!db) throw new Error('the database is not open');
    const apply = db.transaction(() => {
      const { changes } = db.prepare('INSERT INTO handled (event_id) VALUES (?) ON CONFLICT DO NOTHING').run(eventId);
      if (changes === 1) change(db);
    });
    apply.immediate();
  }
}
