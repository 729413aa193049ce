/** How long each class of records is kept. Longer is one person's word; shorter takes two. */
import type { ClientBase, Pool } from 'pg';
import { z } from 'zod';
import type { Administrator } from '../api/route.ts';
import { Failure } from '../errors.ts';
import type { WorkspaceId } from '../ids.ts';
import type { LoggedTransaction } from '../log/index.ts';
import { CLASSES, floorDays, isShorter, KEEP_ALL, MOST_DAYS, type Periods, periodsProblem } from './classes.ts';

const days = z.int().min(1).max(MOST_DAYS).nullable().meta({ description: 'Days; null: for ever.' });
const periods = z.object({
  calls: days,
  results: days,
  approvals: days,
  policy: days,
  security: days,
  administrative: days,
  reads: days,
  system: days,
});

/** As they stand in a request. */
export const storedPeriods = periods;
export const periodsChange = periods.partial().strict();
export type PeriodsChange = z.output<typeof periodsChange>;

export const settingsSchema = z
  .object({
    object: z.literal('retention_settings'),
    environment: z.string(),
    periods,
    floors: z.record(z.enum(CLASSES), z.int()).meta({ description: 'Days below which no period may go.' }),
    author: z.string().nullable(),
    updated_at: z.int().nullable(),
  })
  .meta({ id: 'RetentionSettings' });
export type RetentionSettings = z.output<typeof settingsSchema>;

interface Row {
  environment: string;
  periods: unknown;
  author: string | null;
  updated_at: number | null;
}

export async function readSettings(client: Pool | ClientBase, workspaceId: WorkspaceId): Promise<RetentionSettings> {
  const { rows } = await client.query<Row>(
    `SELECT w.environment, r.periods, r.author, floor(extract(epoch FROM r.updated_at))::bigint AS updated_at
       FROM workspaces w LEFT JOIN retention_settings r ON r.workspace_id = w.id WHERE w.id = $1`,
    [workspaceId],
  );
  const [row] = rows;
  if (row === undefined) throw new Error(`there is no workspace ${workspaceId}`);
  const { environment, author, updated_at } = row;
  return {
    object: 'retention_settings',
    environment,
    periods: row.periods === null ? KEEP_ALL : periods.parse(row.periods),
    floors: {
      calls: floorDays('calls', environment),
      results: floorDays('results', environment),
      approvals: floorDays('approvals', environment),
      policy: floorDays('policy', environment),
      security: floorDays('security', environment),
      administrative: floorDays('administrative', environment),
      reads: floorDays('reads', environment),
      system: floorDays('system', environment),
    },
    author,
    updated_at,
  };
}

/** What the periods become; what the change leaves out stays. Throws `retention_too_short`. */
export function changedPeriods({ periods: before, environment }: RetentionSettings, change: PeriodsChange): Periods {
  const after = periods.parse({ ...before, ...change });
  const problem = periodsProblem(after, environment);
  if (problem === undefined) return after;
  throw new Failure(
    409,
    'retention_too_short',
    `This would keep too little: ${problem}.`,
    'Choose longer periods; `floors` of GET /v1/retention says how short each can be.',
  );
}

export function takesTwo(settings: RetentionSettings, after: Periods): boolean {
  return isShorter(settings.periods, after);
}

export async function writeSettings(
  transaction: LoggedTransaction,
  { workspaceId, actor }: Pick<Administrator, 'workspaceId' | 'actor'>,
  after: Periods,
  reason: string,
  request?: { readonly id: string; readonly requestedBy: string },
): Promise<RetentionSettings> {
  const { client } = transaction;
  const before = await readSettings(client, workspaceId);
  await client.query(
    `INSERT INTO retention_settings (workspace_id, periods, author) VALUES ($1, $2, $3)
     ON CONFLICT (workspace_id) DO UPDATE SET periods = excluded.periods, author = excluded.author, updated_at = clock_timestamp()`,
    [workspaceId, JSON.stringify(after), actor],
  );
  const changed = CLASSES.filter((each) => before.periods[each] !== after[each]);
  transaction.log({
    kind: 'retention.settings',
    actor,
    reason,
    request_id: request?.id,
    requested_by: request?.requestedBy,
    changes: Object.fromEntries(changed.map((each) => [each, [before.periods[each], after[each]]])),
    periods: after,
  });
  return readSettings(client, workspaceId);
}
