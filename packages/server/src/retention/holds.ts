/**
 * Legal holds, and periods that an auditor is going to ask about: what they hold is neither pruned nor redacted. The log says
 * which entries that are, so that whoever has an export can tell whether one was let go all the same.
 */
import type { ClientBase, Pool } from 'pg';
import { z } from 'zod';
import type { Administrator, TimePosition } from '../api/route.ts';
import { Failure } from '../errors.ts';
import { signingPerson } from '../identity/index.ts';
import { newId, type WorkspaceId } from '../ids.ts';
import type { RunningLog } from '../log/index.ts';

const word = z.string().min(1).max(256);
const moment = z.iso.datetime({ offset: true });

const scopeSchema = z
  .strictObject({
    agent: word.optional().meta({ description: 'Id or handle.' }),
    owner: z.email().max(254).toLowerCase().optional().meta({ description: 'E-mail, as it was at that time.' }),
    session: word.optional(),
    run: word.optional(),
    from: moment.optional().meta({ description: 'Decision time, inclusive.' }),
    to: moment.optional().meta({ description: 'Decision time, exclusive.' }),
  })
  .refine((scope) => Object.values(scope).some((value) => value !== undefined), 'names nothing to hold')
  .refine(
    ({ from, to }) => from === undefined || to === undefined || Date.parse(from) < Date.parse(to),
    'ends before it begins',
  );

export const newHoldSchema = z.strictObject({
  kind: z.enum(['legal', 'evidence']).default('legal').meta({ description: 'evidence: for an audit.' }),
  matter: z.string().trim().min(1).max(200).meta({ description: 'What it is for, such as the name of a case.' }),
  reason: z.string().trim().min(1).max(1000),
  scope: scopeSchema.meta({ description: 'Records to which all of it applies, those that are still to come too.' }),
  until: moment.optional().meta({ description: 'It ends by itself then; without it, when somebody else releases it.' }),
});
export type NewHold = z.output<typeof newHoldSchema>;

export const holdSchema = z
  .object({
    object: z.literal('legal_hold'),
    id: z.string(),
    kind: z.enum(['legal', 'evidence']),
    matter: z.string(),
    reason: z.string(),
    scope: z.object({
      agent: z.string().optional(),
      owner: z.string().optional(),
      session: z.string().optional(),
      run: z.string().optional(),
      from: z.string().optional(),
      to: z.string().optional(),
    }),
    status: z.enum(['in_force', 'releasing', 'released', 'ended']),
    until: z.int().nullable(),
    placed_by: z.string(),
    placed_by_person: z.string(),
    placed_at: z.int(),
    event_id: z.string(),
    through: z.int().meta({ description: 'Up to this entry the log says what is held.' }),
    entries: z.int().meta({ description: 'How many that are.' }),
    released_by: z.string().nullable(),
    released_by_person: z.string().nullable(),
    release_reason: z.string().nullable(),
    released_at: z.int().nullable(),
  })
  .meta({ id: 'LegalHold' });
export type Hold = z.output<typeof holdSchema>;
type Row = Omit<Hold, 'object'> & { readonly placed_us: number; readonly placed_by_id: string };

const HOLDS = `
SELECT h.id, h.kind, h.matter, h.reason, h.scope, h.placed_by, h.placed_by_id, p.email AS placed_by_person, h.event_id,
       CASE WHEN h.released_at IS NOT NULL THEN 'released'
            WHEN h.until <= clock_timestamp() THEN 'ended'
            WHEN EXISTS (SELECT FROM retention_work w WHERE w.workspace_id = h.workspace_id AND w.hold_id = h.id
                            AND w.kind = 'release' AND w.done_at IS NULL) THEN 'releasing'
            ELSE 'in_force' END AS status,
       floor(extract(epoch FROM h.until))::bigint AS until, floor(extract(epoch FROM h.placed_at))::bigint AS placed_at,
       (extract(epoch FROM h.placed_at) * 1000000)::bigint AS placed_us,
       coalesce(r.through, 0) AS through, coalesce(r.entries, 0) AS entries,
       h.released_by, q.email AS released_by_person, h.release_reason,
       floor(extract(epoch FROM h.released_at))::bigint AS released_at
  FROM legal_holds h
  JOIN people p ON p.workspace_id = h.workspace_id AND p.id = h.placed_by_id
  LEFT JOIN people q ON q.workspace_id = h.workspace_id AND q.id = h.released_by_id
  LEFT JOIN legal_hold_reach r ON r.workspace_id = h.workspace_id AND r.hold_id = h.id
 WHERE h.workspace_id = $1`;

function holdOf({ placed_us: _, placed_by_id: __, ...row }: Row): Hold {
  return { object: 'legal_hold', ...row };
}

async function findRow(client: Pool | ClientBase, workspaceId: WorkspaceId, id: string): Promise<Row> {
  const { rows } = await client.query<Row>(`${HOLDS} AND h.id = $2`, [workspaceId, id]);
  const [row] = rows;
  if (row !== undefined) return row;
  throw new Failure(404, 'legal_hold_not_found', `There is no hold "${id}".`, 'List them with GET /v1/legal-holds.');
}

/** Throws `legal_hold_not_found`. */
export async function readHold(client: Pool | ClientBase, workspaceId: WorkspaceId, id: string): Promise<Hold> {
  return holdOf(await findRow(client, workspaceId, id));
}

/** Newest first. */
export async function listHolds(
  pool: Pool,
  workspaceId: WorkspaceId,
  after: TimePosition | undefined,
  limit: number,
): Promise<readonly { readonly hold: Hold; readonly position: TimePosition }[]> {
  const { rows } = await pool.query<Row>(
    `SELECT * FROM (${HOLDS}) AS holds WHERE ($2::bigint IS NULL OR (placed_us, id) < ($2, $3))
      ORDER BY placed_us DESC, id DESC LIMIT $4`,
    [workspaceId, after?.atUs ?? null, after?.id ?? null, limit],
  );
  return rows.map((row) => ({ hold: holdOf(row), position: { atUs: row.placed_us, id: row.id } }));
}

export async function holdsInForce(client: Pool | ClientBase, workspaceId: WorkspaceId): Promise<Hold[]> {
  const { rows } = await client.query<Row>(
    `${HOLDS} AND h.released_at IS NULL AND (h.until IS NULL OR h.until > clock_timestamp()) ORDER BY h.id`,
    [workspaceId],
  );
  return rows.map(holdOf);
}

/** In force from the commit on. Throws `person_required`, `person_inactive`, `agent_not_found`. */
export function placeHold(log: Pick<RunningLog, 'transact'>, who: Administrator, wanted: NewHold): Promise<Hold> {
  const { workspaceId, actor } = who;
  return log.transact(workspaceId, async (transaction) => {
    const { client } = transaction;
    const person = await signingPerson(client, who, 'confirm', transaction.now);
    const { kind, matter, reason, until } = wanted;
    if (until !== undefined && Date.parse(until) <= transaction.now.getTime())
      throw new Failure(400, 'legal_hold_over', 'The hold would be over already.', 'Give a time to come, or none.');
    const scope = await scopeOf(client, workspaceId, wanted.scope);
    const id = newId<string>('hld');
    const end = until === undefined ? undefined : new Date(until).toISOString();
    const eventId = transaction.log({
      kind: 'hold.placed',
      actor,
      hold_id: id,
      hold: kind,
      matter,
      reason,
      scope,
      until: end,
      person: person.email,
    });
    await client.query(
      `INSERT INTO legal_holds (workspace_id, id, kind, matter, reason, scope, until, placed_by, placed_by_id, event_id)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
      [workspaceId, id, kind, matter, reason, JSON.stringify(scope), end ?? null, actor, person.id, eventId],
    );
    return readHold(client, workspaceId, id);
  });
}

/** As records say it: the id of an agent, times in UTC. */
async function scopeOf(client: ClientBase, workspaceId: WorkspaceId, scope: NewHold['scope']) {
  const { agent, owner, session, run, from, to } = scope;
  return {
    ...(agent === undefined ? {} : { agent: await agentIdOf(client, workspaceId, agent) }),
    ...(owner === undefined ? {} : { owner }),
    ...(session === undefined ? {} : { session }),
    ...(run === undefined ? {} : { run }),
    ...(from === undefined ? {} : { from: new Date(from).toISOString() }),
    ...(to === undefined ? {} : { to: new Date(to).toISOString() }),
  };
}

async function agentIdOf(client: ClientBase, workspaceId: WorkspaceId, agent: string): Promise<string> {
  const { rows } = await client.query<{ id: string }>(
    'SELECT id FROM agents WHERE workspace_id = $1 AND (id = $2 OR lower(handle) = lower($2)) ORDER BY id = $2 DESC LIMIT 1',
    [workspaceId, agent],
  );
  if (rows[0] !== undefined) return rows[0].id;
  throw new Failure(404, 'agent_not_found', `There is no agent "${agent}".`, 'List agents with GET /v1/agents.');
}

/**
 * Written down at once; in effect when the record of it is sealed, which the caller has carried out. Throws
 * `legal_hold_not_found`, `legal_hold_closed`, `legal_hold_own`, `person_required`, `person_inactive`.
 */
export function releaseHold(
  log: Pick<RunningLog, 'transact'>,
  who: Administrator,
  id: string,
  reason: string,
): Promise<void> {
  const { workspaceId, actor } = who;
  return log.transact(workspaceId, async (transaction) => {
    const { client } = transaction;
    const person = await signingPerson(client, who, 'confirm', transaction.now);
    const { status, matter, placed_by, placed_by_id, placed_by_person } = await findRow(client, workspaceId, id);
    if (status !== 'in_force')
      throw new Failure(409, 'legal_hold_closed', `The hold "${id}" is ${status}.`, 'Nothing is to be done.');
    if (placed_by_id === person.id || placed_by === actor)
      throw new Failure(
        403,
        'legal_hold_own',
        `${person.email} has placed this hold.`,
        'Have another person release it.',
      );
    const eventId = transaction.log({
      kind: 'hold.released',
      actor,
      hold_id: id,
      matter,
      reason,
      person: person.email,
      person_id: person.id,
      placed_by_person,
    });
    await client.query(
      `INSERT INTO retention_work (workspace_id, event_id, kind, hold_id) VALUES ($1, $2, 'release', $3)`,
      [workspaceId, eventId, id],
    );
  });
}
