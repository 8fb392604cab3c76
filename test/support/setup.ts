import { applyD1Migrations, type D1Migration } from 'cloudflare:test';
import { env } from 'cloudflare:workers';

/** Storage is isolated per test file, so each one starts from migrated, empty databases. */
const migrations = env as unknown as {
  TEST_CONTROL_MIGRATIONS: D1Migration[];
  TEST_INDEX_MIGRATIONS: D1Migration[];
  DB: D1Database;
  INDEX_0: D1Database;
  INDEX_1: D1Database;
};
await applyD1Migrations(migrations.DB, migrations.TEST_CONTROL_MIGRATIONS);
await applyD1Migrations(migrations.INDEX_0, migrations.TEST_INDEX_MIGRATIONS);
await applyD1Migrations(migrations.INDEX_1, migrations.TEST_INDEX_MIGRATIONS);
