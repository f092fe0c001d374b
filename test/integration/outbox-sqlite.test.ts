import Database from 'libsql';
import { join } from 'node:path';
import { openSqlite } from '../../examples/recipes/outbox/sqlite';
import { testOutbox } from '../support/outbox-suite';

testOutbox(async (scene) => {
  const file = join(scene.folder(), 'orders.db');
  const use = <T>(work: (db: Database.Database) => T): T => {
    const db = new Database(file);
    try {
      return work(db);
    } finally {
      db.close();
    }
  };
  return {
    flags: ['--sqlite', file],
    open: async () => openSqlite(file),
    lock: async () => {
      const db = new Database(file);
      db.exec('BEGIN IMMEDIATE');
      return async () => {
        db.exec('ROLLBACK');
        db.close();
      };
    },
    breakOrders: async (isBroken) =>
      use((db) => {
        if (!isBroken) return void db.exec('DROP TRIGGER broken');
        db.exec("CREATE TRIGGER broken AFTER INSERT ON outbox BEGIN SELECT RAISE(ABORT, 'broken'); END");
      }),
    countOrders: async () => use((db) => (db.prepare('SELECT count(*) AS n FROM orders').get() as { n: number }).n),
  };
});
