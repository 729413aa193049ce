/** Whoever owns the database can change the log. Nobody can without `hivekey verify` saying so, and naming it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { afterEach, describe, expect, it } from 'vitest';
import {
  eventually,
  startWorkspace,
  type TestAgent,
  type Workspace,
} from '../../packages/server/test/actions/workspace.ts';

const CLI = fileURLToPath(new URL('../../packages/cli/src/main.ts', import.meta.url));

let workspace: Workspace;
afterEach(() => workspace.close());

interface Verdict {
  readonly exit: unknown;
  readonly codes: readonly string[];
}

/** `hivekey verify --live`, with the checkpoints kept outside the database. */
async function verify(): Promise<Verdict> {
  const { url, adminKey, config } = workspace.server;
  const { body } = await workspace.call('GET', '/v1/audit/key');
  const outside = join(config.data, 'checkpoints');
  const child = spawn(
    process.execPath,
    [CLI, 'verify', '--live', '--key', body.key, '--checkpoints', outside, '--json'],
    {
      env: { ...process.env, HIVEKEY_URL: url, HIVEKEY_KEY: adminKey },
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  let text = '';
  child.stdout.on('data', (chunk) => {
    text += String(chunk);
  });
  const [exit] = await once(child, 'close');
  const report: { findings?: { code: string; fatal: boolean }[] } = text === '' ? {} : JSON.parse(text);
  return { exit, codes: (report.findings ?? []).filter(({ fatal }) => fatal).map(({ code }) => code) };
}

/** A workspace with some actions on its log, all of it sealed and signed. */
async function busy(): Promise<void> {
  workspace = await startWorkspace();
  await workspace.capability('own.act', {});
  await workspace.role('user', ['own.act']);
  const agent = await workspace.agent('bot', 'user');
  for (let n = 0; n < 10; n += 1) await act(agent, n);
  await sealed();
}

async function act(agent: TestAgent, n: number): Promise<void> {
  const { status } = await workspace.call('POST', '/v1/actions', {
    key: agent.token,
    body: { action: 'own.act', arguments: { n } },
  });
  expect(status).toBe(200);
}

/** Everything is in the tree, and the newest checkpoint covers it. */
async function sealed(): Promise<void> {
  await eventually(async () => {
    const [row] = await owner(
      'SELECT (SELECT sum(count) FROM log_blocks) = (SELECT max(tree_size) FROM log_checkpoints) AS covered',
    );
    return row?.covered === true ? true : undefined;
  });
}

async function owner(text: string, values: readonly unknown[] = []): Promise<readonly Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: workspace.server.ownerUrl });
  await client.connect();
  try {
    const result = await client.query(text, [...values]);
    return result.rows ?? [];
  } finally {
    await client.end();
  }
}

const TABLES = ['log_blocks', 'log_seals', 'log_tiles', 'log_checkpoints'];

/** What someone with the owner's rights does, past the triggers. */
async function tamper(...statements: readonly string[]): Promise<void> {
  for (const table of TABLES) await owner(`ALTER TABLE ${table} DISABLE TRIGGER ALL`);
  for (const statement of statements) await owner(statement);
  for (const table of TABLES) await owner(`ALTER TABLE ${table} ENABLE TRIGGER ALL`);
}

const LAST = '(SELECT max(block) FROM log_blocks)';
const MIDDLE = 6;
const swap = (a: number, b: number): string => `UPDATE log_blocks SET block = ${b} WHERE block = ${a}`;
const flip = (column: string, bit: number): string =>
  `UPDATE log_blocks SET ${column} = set_bit(${column}, ${bit}, 1 - get_bit(${column}, ${bit})) WHERE block = ${MIDDLE}`;
const flipNotes = `UPDATE log_checkpoints SET note = translate(note, 'AB', 'BA')`;

describe('the owner of the database', () => {
  /** Each puts back what it changes when it is done again, but for the last. */
  const CHANGES: Readonly<Record<string, readonly string[]>> = {
    'one bit of a record': [flip('records', 400)],
    'one bit of an entry hash': [flip('entry_hashes', 9)],
    'one bit of a link': [flip('prev_head', 9)],
    'the order of two blocks': [swap(MIDDLE, -1), swap(MIDDLE + 1, MIDDLE), swap(-1, MIDDLE + 1)],
    'the signatures of checkpoints': [flipNotes],
  };

  it('changes nothing unnoticed', async () => {
    await busy();
    for (const [name, statements] of Object.entries(CHANGES)) {
      expect([name, await verify()]).toEqual([name, { exit: 0, codes: [] }]);
      await tamper(...statements);
      const { exit, codes } = await verify();
      expect([name, exit === 0, codes.length > 0]).toEqual([name, false, true]);
      if (statements[0] !== flipNotes) await tamper(...statements);
    }
  });

  it.each<readonly [name: string, code: string, ...statements: readonly string[]]>([
    [
      'deletes a block',
      'log_inconsistent',
      `DELETE FROM log_seals WHERE block = ${MIDDLE}`,
      `DELETE FROM log_blocks WHERE block = ${MIDDLE}`,
    ],
    [
      'cuts the tail, with its seals and checkpoints',
      'log_tail_cut',
      `DELETE FROM log_seals WHERE block = ${LAST}`,
      `DELETE FROM log_blocks WHERE block = ${LAST}`,
      'DELETE FROM log_checkpoints WHERE tree_size > (SELECT sum(count) FROM log_seals)',
    ],
  ])('that %s while the server is down is found out when it starts', async (_name, code, ...statements) => {
    await busy();
    await workspace.server.stop();
    await tamper(...statements);
    await expect(workspace.restart()).rejects.toMatchObject({ code, remedy: expect.stringContaining('backup') });
  });
});

it('the application role can do none of it, nor give itself the rights', async () => {
  await busy();
  const [row] = await owner(`SELECT 'hivekey_app_' || current_database() AS role`);
  const role = String(row?.role);
  const client = new pg.Client({ connectionString: workspace.server.ownerUrl });
  await client.connect();
  await client.query(`SET ROLE ${role}`);
  const refused = TABLES.flatMap((table) => [
    `UPDATE ${table} SET workspace_id = workspace_id`,
    `DELETE FROM ${table}`,
    `TRUNCATE ${table}`,
    `ALTER TABLE ${table} DISABLE TRIGGER ALL`,
    `DROP TRIGGER append_only ON ${table}`,
    `DROP TABLE ${table}`,
    `SELECT * FROM ${table} FOR UPDATE`,
  ]).concat([
    "SET session_replication_role = 'replica'",
    'CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$',
    'CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$',
    `ALTER ROLE ${role} SUPERUSER`,
    'UPDATE policy_revisions SET workspace_id = workspace_id',
    'DELETE FROM role_revisions',
    'DELETE FROM upstream_secrets',
    'CREATE TABLE mine (a int)',
    "COPY (SELECT 1) TO PROGRAM 'id'",
    "SELECT pg_read_file('/etc/passwd')",
  ]);
  // PostgreSQL answers this with a warning, and grants nothing.
  for (const table of TABLES) await client.query(`GRANT UPDATE, DELETE ON ${table} TO ${role}`);
  for (const statement of refused) {
    const code = await client.query(statement).then(
      () => 'done',
      (error: { code?: string }) => error.code,
    );
    expect([statement, code]).toEqual([statement, '42501']);
  }
  expect((await client.query('SELECT count(*)::int AS n FROM log_blocks')).rows[0].n).toBeGreaterThan(0);
  await client.end();
  for (const table of TABLES) {
    const changed = owner(`TRUNCATE ${table} CASCADE`);
    await expect(changed).rejects.toThrow('append_only');
  }
});
