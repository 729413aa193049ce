import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../../test/setup/database.ts';
import { openDatabase } from '../../src/database/index.ts';

describe('database', () => {
  let database: TestDatabase;
  let owner: pg.Client;
  beforeAll(async () => {
    database = await createTestDatabase();
    owner = new pg.Client({ connectionString: database.ownerUrl });
    await owner.connect();
    await owner.query("INSERT INTO workspaces (id, name) VALUES ('w', 'w')");
    await owner.query("INSERT INTO log_checkpoints (workspace_id, tree_size, root, note) VALUES ('w', 0, '', '')");
  });

  const columns: Readonly<Record<string, string>> = {
    log_blocks: `shard_id, block, first_seq, count, records, entry_hashes, prev_head, head) VALUES ('w', 's', 1, 1, 1, '', decode(repeat('00', 32), 'hex'), '', ''`,
    log_seals: `shard_id, block, first_global_seq, count) VALUES ('w', 's', 1, 1, 1`,
    log_tiles: `level, index, width, hashes) VALUES ('w', 0, 0, 1, ''`,
    log_checkpoints: `tree_size, root, note) VALUES ('w', 0, '', ''`,
    role_revisions: `role, revision, document, sha256, author) VALUES ('w', 'r', 1, '{}', '', ''`,
    policy_revisions: `revision, policy_hash, document, actor) VALUES ('w', 1, '', '{}', ''`,
  };

  /** A row to be protected: a trigger for each row says nothing about an empty table. */
  async function fill(table: string): Promise<void> {
    if (table === 'role_revisions')
      await owner.query(
        `INSERT INTO roles (workspace_id, name, current_revision) VALUES ('w', 'r', 1) ON CONFLICT DO NOTHING`,
      );
    await owner.query(`INSERT INTO ${table} (workspace_id, ${columns[table]}) ON CONFLICT DO NOTHING`);
  }

  afterAll(async () => {
    await owner.end();
    await database.close();
  });

  it('lets the application role add to the log and read it', async () => {
    await database.pool.query(
      "INSERT INTO log_checkpoints (workspace_id, tree_size, root, note) VALUES ('w', 1, '', '')",
    );
    expect((await database.pool.query('SELECT count(*) AS n FROM log_checkpoints')).rows[0]).toEqual({ n: 2 });
  });

  const history = ['log_blocks', 'log_seals', 'log_tiles', 'log_checkpoints', 'role_revisions', 'policy_revisions'];
  const changes = history.flatMap((table) => [
    `UPDATE ${table} SET workspace_id = 'x'`,
    `DELETE FROM ${table}`,
    `TRUNCATE ${table} CASCADE`,
  ]);

  it.each([
    ...changes,
    'DROP TABLE log_blocks',
    'ALTER TABLE log_blocks DISABLE TRIGGER ALL',
    'DROP TRIGGER append_only ON log_blocks',
    "SELECT pg_read_file('postgresql.conf')",
  ])('refuses the application role: %s', async (sql) => {
    await expect(database.pool.query(sql)).rejects.toMatchObject({ code: '42501' });
  });

  it.each(changes)('stops even the owner of the tables: %s', async (sql) => {
    for (const table of history) await fill(table);
    await expect(owner.query(sql)).rejects.toThrow('append_only');
  });

  it('refuses a schema newer than the code', async () => {
    const newer = await createTestDatabase();
    const client = new pg.Client({ connectionString: newer.ownerUrl });
    await client.connect();
    await client.query("INSERT INTO schema_migrations (version, name, sha256) VALUES (9999, '9999_future.sql', '')");
    await client.end();
    await expect(openDatabase({ ownerUrl: newer.ownerUrl, roleKey: randomBytes(32) })).rejects.toMatchObject({
      code: 'schema_newer',
    });
    await newer.close();
  });

  it('refuses a node with another secret key, and leaves the others their login', async () => {
    const other = await createTestDatabase();
    await expect(openDatabase({ ownerUrl: other.ownerUrl, roleKey: randomBytes(32) })).rejects.toMatchObject({
      code: 'secret_key_differs',
    });
    expect((await other.pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
    await other.close();
  });

  it('names a wrong URL, an unreachable server and a refused login without repeating the password', async () => {
    const roleKey = randomBytes(32);
    await expect(openDatabase({ ownerUrl: 'mysql://x', roleKey })).rejects.toMatchObject({
      code: 'database_url_invalid',
    });
    await expect(openDatabase({ ownerUrl: 'postgres://u:hunter2@127.0.0.1:9/x', roleKey })).rejects.toMatchObject({
      code: 'database_unreachable',
    });
    const wrong = new URL(database.ownerUrl);
    wrong.password = 'hunter2';
    const refused = openDatabase({ ownerUrl: wrong.href, roleKey });
    await expect(refused).rejects.toMatchObject({ code: 'database_login_refused' });
    await refused.catch((error: Error) => expect(error.message).not.toContain('hunter2'));
  });
});
