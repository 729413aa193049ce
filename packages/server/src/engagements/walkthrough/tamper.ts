import type { PoolClient } from 'pg';
import type { Button } from './step.ts';

/** Tables that the log is. What is derived from them (rows for queries, counts) can be dropped and made again. */
const TABLES = ['log_blocks', 'log_seals', 'log_checkpoints', 'log_absences'] as const;

const ATTEMPTS: readonly string[] = TABLES.flatMap((table) => [
  `UPDATE ${table} SET workspace_id = workspace_id WHERE workspace_id = $1`,
  `DELETE FROM ${table} WHERE workspace_id = $1`,
  `TRUNCATE ${table}`,
]);

/** Privileges on the log, of every role that has any, as the catalog of the database has them now (PostgreSQL, System Information Functions). */
const GRANTS = `
SELECT c.relname AS "table", r.rolname AS role, r.rolsuper AS superuser, c.relowner = r.oid AS owner,
       r.rolname = current_user AS application,
       has_table_privilege(r.oid, c.oid, 'SELECT') AS "select",
       has_table_privilege(r.oid, c.oid, 'INSERT') OR has_any_column_privilege(r.oid, c.oid, 'INSERT') AS "insert",
       has_table_privilege(r.oid, c.oid, 'UPDATE') OR has_any_column_privilege(r.oid, c.oid, 'UPDATE') AS "update",
       has_table_privilege(r.oid, c.oid, 'DELETE') AS "delete", has_table_privilege(r.oid, c.oid, 'TRUNCATE') AS "truncate"
  FROM pg_class c CROSS JOIN pg_roles r
 WHERE c.oid = ANY($1::text[]::regclass[]) AND r.rolname NOT LIKE 'pg\\_%'
   AND (has_table_privilege(r.oid, c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE')
        OR has_any_column_privilege(r.oid, c.oid, 'SELECT, INSERT, UPDATE'))
 ORDER BY c.relname, r.rolname`;

/** Functions that run with the rights of the owner and that the application may call: what retention lets go goes by one of them. */
const OWNERS_FUNCTIONS = `
SELECT p.proname AS name, pg_get_function_identity_arguments(p.oid) AS arguments
  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
 WHERE p.prosecdef AND n.nspname = current_schema() AND has_function_privilege(current_user, p.oid, 'EXECUTE') ORDER BY 1, 2`;

interface Grant {
  readonly table: string;
  readonly role: string;
  readonly superuser: boolean;
  readonly owner: boolean;
  readonly application: boolean;
  readonly update: boolean;
  readonly delete: boolean;
  readonly truncate: boolean;
}

interface Attempt {
  readonly statement: string;
  readonly refused: boolean;
  /** SQLSTATE; 42501 is insufficient_privilege. */
  readonly code: string | null;
  readonly message: string;
}

/** As the application, on its own connection. Whatever a statement does, it is rolled back. */
export const tamper: Button = async ({ pool }, { workspaceId }) => {
  const client = await pool.connect();
  try {
    const { rows: whoami } = await client.query<{ role: string }>('SELECT current_user AS role');
    const attempts: Attempt[] = [];
    for (const statement of ATTEMPTS) attempts.push(await attempt(client, statement, workspaceId));
    const { rows: grants } = await client.query<Grant>(GRANTS, [[...TABLES]]);
    const { rows: functions } = await client.query<{ name: string; arguments: string }>(OWNERS_FUNCTIONS);
    const isRefused = attempts.every(({ refused }) => refused);
    const application = grants.filter(({ application: is }) => is);
    const hasNone = application.every((grant) => !grant.update && !grant.delete && !grant.truncate);
    const others = [
      ...new Set(grants.filter((grant) => grant.update || grant.delete || grant.truncate).map(({ role }) => role)),
    ];
    return {
      shown: isRefused && application.length > 0 && hasNone,
      said: isRefused
        ? `The database refused all ${attempts.length} statements of the role ${whoami[0]?.role}. ${others.length === 0 ? 'No role' : others.join(', ')} may change the log.`
        : `${attempts.filter(({ refused }) => !refused).length} statements were not refused.`,
      facts: { role: whoami[0]?.role ?? null, attempts, grants, functions_of_the_owner: functions },
    };
  } finally {
    client.release();
  }
};

async function attempt(client: PoolClient, statement: string, workspaceId: string): Promise<Attempt> {
  await client.query(`BEGIN; SET LOCAL lock_timeout = '1s'`);
  try {
    const { rowCount } = await client.query(statement, statement.includes('$1') ? [workspaceId] : []);
    return { statement, refused: false, code: null, message: `${rowCount ?? 0} rows, rolled back` };
  } catch (error) {
    const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : null;
    const message = error instanceof Error ? error.message : String(error);
    // Anything else (a lock, a lost connection) is no refusal.
    return { statement, refused: code === '42501', code, message };
  } finally {
    await client.query('ROLLBACK');
  }
}
