/** Behaviour tests of the workspace's policy, as people keep them here. */
import { hash } from 'node:crypto';
import { runPolicyTests } from '@hivekey/policy';
import type { Pool } from 'pg';
import { z } from 'zod';
import type { Administrator } from '../api/route.ts';
import { Failure } from '../errors.ts';
import type { WorkspaceId } from '../ids.ts';
import type { ActionLog } from '../log/index.ts';
import { loadPolicySet } from '../roles/index.ts';
import type { TestDocument } from './types.ts';

export const policyTestSchema = z
  .object({
    object: z.literal('policy_test'),
    name: z.string(),
    document: z.string().meta({ description: 'As it was sent.' }),
    passed: z.int().meta({ description: 'Cases, under the policy in force.' }),
    failed: z.int(),
    failures: z.array(z.object({ name: z.string(), line: z.int().nullable(), differences: z.array(z.string()) })),
    author: z.string(),
    created: z.int(),
    updated_at: z.int(),
  })
  .meta({ id: 'PolicyTest', description: 'It is run on every change of the policy.' });

export type PolicyTestView = z.output<typeof policyTestSchema>;

export const testNameSchema = z.string().regex(/^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,98}[A-Za-z0-9])?$/);
const MAX_TESTS = 200;
export const MAX_TEST_CHARACTERS = 262_144;

export async function storedTests(pool: Pool, workspaceId: WorkspaceId): Promise<readonly TestDocument[]> {
  const { rows } = await pool.query<TestDocument>(
    'SELECT name, document AS text FROM policy_tests WHERE workspace_id = $1 ORDER BY name COLLATE "C"',
    [workspaceId],
  );
  return rows;
}

interface Row {
  name: string;
  document: string;
  author: string;
  created: number;
  updated_at: number;
}

const TESTS = `SELECT name, document, author, floor(extract(epoch FROM created_at))::bigint AS created,
                      floor(extract(epoch FROM updated_at))::bigint AS updated_at
                 FROM policy_tests WHERE workspace_id = $1`;

export async function listTests(pool: Pool, workspaceId: WorkspaceId): Promise<PolicyTestView[]> {
  const { rows } = await pool.query<Row>(`${TESTS} ORDER BY name COLLATE "C"`, [workspaceId]);
  return viewsOf(pool, workspaceId, rows);
}

/** Throws `policy_test_not_found`. */
export async function readTest(pool: Pool, workspaceId: WorkspaceId, name: string): Promise<PolicyTestView> {
  const { rows } = await pool.query<Row>(`${TESTS} AND name = $2`, [workspaceId, name]);
  const [view] = await viewsOf(pool, workspaceId, rows);
  if (view === undefined) throw notFound(name);
  return view;
}

async function viewsOf(pool: Pool, workspaceId: WorkspaceId, rows: readonly Row[]): Promise<PolicyTestView[]> {
  if (rows.length === 0) return [];
  const { set } = await loadPolicySet(pool, workspaceId);
  const { files } = runPolicyTests(
    rows.map(({ name, document }) => ({ path: name, text: document })),
    set,
  );
  return rows.map((row, i) => {
    const { cases = [], problems = [] } = files[i] ?? {};
    const failed = cases.filter(({ ok }) => !ok);
    const broken = problems.map(({ message, line }) => ({
      name: 'the file cannot be run',
      line: line ?? null,
      differences: [message],
    }));
    return {
      object: 'policy_test',
      ...row,
      passed: cases.length - failed.length,
      failed: failed.length + broken.length,
      failures: [
        ...broken,
        ...failed.map(({ name, line, differences }) => ({ name, line: line ?? null, differences: [...differences] })),
      ],
    };
  });
}

/** Throws `policy_test_invalid` with the places, `too_many_policy_tests`. Cases that fail now are no reason not to keep it. */
export async function putTest(
  pool: Pool,
  log: ActionLog,
  { workspaceId, actor }: Administrator,
  name: string,
  text: string,
): Promise<PolicyTestView> {
  const { set } = await loadPolicySet(pool, workspaceId);
  const [file] = runPolicyTests([{ path: name, text }], set).files;
  const [first] = file?.problems ?? [];
  if (first !== undefined)
    throw new Failure(
      422,
      'policy_test_invalid',
      `The test cannot be run: ${first.path === '' ? '' : `${first.path}: `}${first.message}.`,
      first.remedy,
      file?.problems.map(({ file: _, ...problem }) => problem),
    );
  await log.transact(workspaceId, async (transaction) => {
    const { rowCount } = await transaction.client.query(
      `INSERT INTO policy_tests (workspace_id, name, document, author)
       SELECT $1, $2, $3, $4 WHERE (SELECT count(*) FROM policy_tests WHERE workspace_id = $1 AND name <> $2) < ${MAX_TESTS}
       ON CONFLICT (workspace_id, name) DO UPDATE
         SET document = excluded.document, author = excluded.author, updated_at = clock_timestamp()`,
      [workspaceId, name, text, actor],
    );
    if (rowCount === 0)
      throw new Failure(409, 'too_many_policy_tests', `There are ${MAX_TESTS} tests already.`, 'Join some of them.');
    transaction.log({
      kind: 'policy_test.changed',
      actor,
      test: name,
      change: 'put',
      sha256: `sha256:${hash('sha256', text)}`,
    });
  });
  return readTest(pool, workspaceId, name);
}

/** Throws `policy_test_not_found`. */
export function removeTest(log: ActionLog, { workspaceId, actor }: Administrator, name: string): Promise<void> {
  return log.transact(workspaceId, async (transaction) => {
    const { rowCount } = await transaction.client.query(
      'DELETE FROM policy_tests WHERE workspace_id = $1 AND name = $2',
      [workspaceId, name],
    );
    if (rowCount === 0) throw notFound(name);
    transaction.log({ kind: 'policy_test.changed', actor, test: name, change: 'removed' });
  });
}

function notFound(name: string): Failure {
  return new Failure(
    404,
    'policy_test_not_found',
    `There is no test "${name}".`,
    'List them with GET /v1/policies/tests.',
  );
}
