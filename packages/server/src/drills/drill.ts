/** Drills: rehearsals on a schedule. */
import { Calendar, checkFreeze, freezeFromDocument } from '@hivekey/policy';
import type { ClientBase, Pool } from 'pg';
import { z } from 'zod';
import { readAgent } from '../agents/index.ts';
import { Failure } from '../errors.ts';
import type { WorkspaceId } from '../ids.ts';
import type { ActionLog } from '../log/index.ts';
import { lastOfDrills, type Rehearsal, rehearsalSchema } from './rehearsal.ts';

/** Not begun so long after its time, it is overdue: no node is running, or none gets to it. */
const OVERDUE_AFTER_SECONDS = 60;

export const drillName = z.string().regex(/^[a-z][a-z0-9-]{0,62}$/, 'is not 1 to 63 of a-z 0-9 -, a letter first');

export const drillDocument = z.strictObject({
  agent: z.string().min(1).max(128).nullable().default(null).meta({
    description: 'Handle or id. Null: any active agent, drawn each time.',
  }),
  time_zone: z.string().max(64).meta({ description: 'IANA name, such as Europe/Berlin.' }),
  starts: z
    .string()
    .regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?$/, 'is not a wall time such as 2027-01-04T08:00')
    .meta({ description: 'The first time, on the wall clock of the zone.' }),
  repeats: z.string().max(500).nullable().default(null).meta({
    description: 'RFC 5545 rule by day or longer, such as FREQ=MONTHLY;BYDAY=1MO. Null: once.',
  }),
});

export type DrillDocument = z.output<typeof drillDocument>;

export const drillSchema = z
  .object({
    object: z.literal('drill'),
    name: z.string(),
    ...drillDocument.shape,
    author: z.string(),
    updated_at: z.int(),
    next_at: z.int().nullable().meta({ description: 'Null: there is no further time.' }),
    overdue_seconds: z.int().nullable().meta({ description: 'Its time is over by so much, and no node has begun it.' }),
    last: rehearsalSchema.nullable(),
  })
  .meta({ id: 'Drill' });

export type DrillView = z.output<typeof drillSchema>;

/** As a change freeze of one second, by whose calendar the times are found. Throws `schedule_invalid` with problems. */
function calendarOf(name: string, { time_zone, starts, repeats }: DrillDocument): Calendar {
  const withSeconds = starts.length === 16 ? `${starts}:00` : starts;
  const document = {
    apiVersion: 'policy.hivekey.ai/v1',
    kind: 'Freeze',
    metadata: { name },
    time_zone,
    starts: withSeconds,
    ends: `${new Date(Date.parse(`${withSeconds}Z`) + 1_000 || 0).toISOString().slice(0, 19)}`,
    ...(repeats === null ? {} : { repeats }),
    scope: { actions: ['*'] },
  };
  const checked = checkFreeze(document);
  const freeze = checked.ok ? freezeFromDocument(checked.value, []) : checked;
  if (freeze.ok) return new Calendar(freeze.value);
  throw new Failure(
    422,
    'schedule_invalid',
    'The schedule of the drill is not one.',
    'Correct the places in problems: a wall time, an IANA zone, an RFC 5545 rule by day or longer whose first time is starts.',
    freeze.problems,
  );
}

/** The first time after `afterMs`; undefined when there is none. Epoch milliseconds. */
export function nextTime(name: string, document: DrillDocument, afterMs: number): number | undefined {
  const calendar = calendarOf(name, document);
  const now = calendar.at(afterMs);
  const { untilMs } = now.inForce ? calendar.at(now.untilMs) : now;
  return Number.isFinite(untilMs) ? untilMs : undefined;
}

interface Row {
  name: string;
  document: unknown;
  author: string;
  updated_at: number;
  next_at: number | null;
  late: number | null;
}

const DRILLS = `
SELECT name, document, author, floor(extract(epoch FROM updated_at))::bigint AS updated_at,
       floor(extract(epoch FROM next_at))::bigint AS next_at, floor(extract(epoch FROM clock_timestamp() - next_at))::bigint AS late
  FROM drills WHERE workspace_id = $1`;

function viewOf({ document, late, ...row }: Row, last: Rehearsal | undefined): DrillView {
  const overdue = late !== null && late >= OVERDUE_AFTER_SECONDS ? late : null;
  return {
    object: 'drill',
    ...drillDocument.parse(document),
    ...row,
    overdue_seconds: overdue,
    last: last ?? null,
  };
}

/** By name; all of them, as there are few. */
export async function listDrills(pool: Pool, workspaceId: WorkspaceId): Promise<DrillView[]> {
  const { rows } = await pool.query<Row>(`${DRILLS} ORDER BY name COLLATE "C"`, [workspaceId]);
  const last = await lastOfDrills(pool, workspaceId);
  return rows.map((row) => viewOf(row, last.get(row.name)));
}

/** Throws `drill_not_found`. */
export async function readDrill(client: Pool | ClientBase, workspaceId: WorkspaceId, name: string): Promise<DrillView> {
  const { rows } = await client.query<Row>(`${DRILLS} AND name = $2`, [workspaceId, name]);
  const [row] = rows;
  if (row !== undefined) return viewOf(row, (await lastOfDrills(client, workspaceId)).get(name));
  throw new Failure(404, 'drill_not_found', `There is no drill "${name}".`, 'List them with GET /v1/drills.');
}

interface Administrator {
  readonly workspaceId: WorkspaceId;
  readonly actor: string;
}

/** Writes or changes one. Its next time is the first from now on. Throws `schedule_invalid`, `schedule_over`, `agent_not_found`. */
export function putDrill(
  log: ActionLog,
  { workspaceId, actor }: Administrator,
  name: string,
  document: DrillDocument,
): Promise<DrillView> {
  return log.transact(workspaceId, async ({ client, now, log: record }) => {
    if (document.agent !== null) await readAgent(client, workspaceId, document.agent);
    const next = nextTime(name, document, now.getTime());
    if (next === undefined)
      throw new Failure(
        422,
        'schedule_over',
        'The schedule has no time that is still to come.',
        'Let it start in the future, or repeat.',
      );
    await client.query(
      `INSERT INTO drills (workspace_id, name, document, author, next_at) VALUES ($1, $2, $3, $4, $5)
       ON CONFLICT (workspace_id, name) DO UPDATE SET document = excluded.document, author = excluded.author,
         updated_at = clock_timestamp(), next_at = excluded.next_at`,
      [workspaceId, name, JSON.stringify(document), actor, new Date(next)],
    );
    record({ kind: 'drill.changed', actor, drill: name, change: 'scheduled', rule: document });
    return readDrill(client, workspaceId, name);
  });
}

/** What it has measured stays. Throws `drill_not_found`. */
export function removeDrill(log: ActionLog, { workspaceId, actor }: Administrator, name: string): Promise<DrillView> {
  return log.transact(workspaceId, async ({ client, log: record }) => {
    const drill = await readDrill(client, workspaceId, name);
    await client.query('DELETE FROM drills WHERE workspace_id = $1 AND name = $2', [workspaceId, name]);
    record({ kind: 'drill.changed', actor, drill: name, change: 'removed' });
    return drill;
  });
}
