/** Breakers, and where each agent stands with them. */
import type { ClientBase, Pool } from 'pg';
import { Failure } from '../errors.ts';
import type { AgentId, EventId, WorkspaceId } from '../ids.ts';
import type { ActionLog, LoggedTransaction } from '../log/index.ts';
import { roleNotFound } from '../roles/index.ts';
import { type Breaker, type BreakerDocument, type BreakerView, breakerDocument } from './breaker.ts';
import type { Activity } from './judge.ts';

export interface Administrator {
  readonly workspaceId: WorkspaceId;
  readonly actor: string;
}

interface Row {
  name: string;
  document: BreakerDocument;
  author: string;
  updated_at: number;
  agents: BreakerView['agents'];
}

const BREAKERS = `
SELECT b.name, b.document, b.author, floor(extract(epoch FROM b.updated_at))::bigint AS updated_at,
       (SELECT coalesce(json_agg(json_build_object('agent', a.handle, 'agent_id', s.agent_id, 'state', s.state,
                 'since', floor(extract(epoch FROM s.since))::bigint, 'trips', s.trips, 'response', s.response)
                 ORDER BY a.handle COLLATE "C"), '[]')
          FROM breaker_states s JOIN agents a ON a.workspace_id = s.workspace_id AND a.id = s.agent_id
         WHERE s.workspace_id = b.workspace_id AND s.breaker = b.name) AS agents
  FROM breakers b WHERE b.workspace_id = $1`;

function viewOf({ document, ...row }: Row): BreakerView {
  return { object: 'breaker', ...breakerDocument.parse(document), ...row };
}

export async function listBreakers(pool: Pool, workspaceId: WorkspaceId): Promise<BreakerView[]> {
  const { rows } = await pool.query<Row>(`${BREAKERS} ORDER BY b.name COLLATE "C"`, [workspaceId]);
  return rows.map(viewOf);
}

/** Throws `breaker_not_found`. */
export async function readBreaker(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  name: string,
): Promise<BreakerView> {
  const { rows } = await client.query<Row>(`${BREAKERS} AND b.name = $2`, [workspaceId, name]);
  if (rows[0] !== undefined) return viewOf(rows[0]);
  throw new Failure(404, 'breaker_not_found', `There is no breaker "${name}".`, 'List them with GET /v1/breakers.');
}

/** Creates or changes one. Where agents stand with it stays. Throws `role_not_found`. */
export function putBreaker(
  log: ActionLog,
  who: Administrator,
  name: string,
  document: BreakerDocument,
): Promise<BreakerView> {
  return log.transact(who.workspaceId, (transaction) => putBreakerIn(transaction, who, name, document));
}

export async function putBreakerIn(
  { client, log: record }: LoggedTransaction,
  { workspaceId, actor }: Administrator,
  name: string,
  document: BreakerDocument,
): Promise<BreakerView> {
  for (const role of [document.role, ...(document.roles ?? [])]) {
    if (role === undefined) continue;
    const known = await client.query(
      'SELECT FROM roles WHERE workspace_id = $1 AND name = $2 AND current_revision > 0',
      [workspaceId, role],
    );
    if (known.rowCount === 0) throw roleNotFound(role);
  }
  const { rows } = await client.query<{ created: boolean }>(
    `INSERT INTO breakers (workspace_id, name, document, author) VALUES ($1, $2, $3, $4)
       ON CONFLICT (workspace_id, name) DO UPDATE SET document = excluded.document, author = excluded.author, updated_at = now()
       RETURNING xmax = 0 AS created`,
    [workspaceId, name, JSON.stringify(document), actor],
  );
  // The first one begins to watch here: what was before is nobody's business.
  await client.query(
    `INSERT INTO breaker_cursors (workspace_id, next_seq)
       SELECT $1, coalesce((SELECT next_seq FROM projection_cursor WHERE workspace_id = $1), 1) ON CONFLICT DO NOTHING`,
    [workspaceId],
  );
  record({
    kind: 'breaker.changed',
    actor,
    breaker: name,
    change: rows[0]?.created === true ? 'created' : 'updated',
    rule: document,
  });
  return readBreaker(client, workspaceId, name);
}

/** Whom it put into quarantine stays there until a person releases them. Throws `breaker_not_found`. */
export function removeBreaker(log: ActionLog, who: Administrator, name: string): Promise<BreakerView> {
  return log.transact(who.workspaceId, (transaction) => removeBreakerIn(transaction, who, name));
}

export async function removeBreakerIn(
  { client, log: record }: LoggedTransaction,
  { workspaceId, actor }: Administrator,
  name: string,
): Promise<BreakerView> {
  const breaker = await readBreaker(client, workspaceId, name);
  await client.query('DELETE FROM breakers WHERE workspace_id = $1 AND name = $2', [workspaceId, name]);
  record({ kind: 'breaker.changed', actor, breaker: name, change: 'removed' });
  return breaker;
}

export async function loadBreakers(client: Pool | ClientBase, workspaceId: WorkspaceId): Promise<Breaker[]> {
  const { rows } = await client.query<{ name: string; document: unknown }>(
    'SELECT name, document FROM breakers WHERE workspace_id = $1 ORDER BY name',
    [workspaceId],
  );
  return rows.map(({ name, document }) => ({ name, document: breakerDocument.parse(document) }));
}

/** Where an agent stands with a breaker that has tripped for it. */
export interface Standing {
  readonly breaker: string;
  readonly agentId: AgentId;
  readonly state: 'open' | 'half_open' | 'closed';
  readonly response: string | null;
  readonly eventId: EventId;
  /** Of an open one: its cooldown is over, by the database's clock. */
  readonly isCool: boolean;
  /** Of an open one: what stands for it has been ended. */
  readonly isEnded: boolean;
  /** The quarantine that stands for it is its own. */
  readonly isOwn: boolean;
}

const STANDINGS = `
SELECT s.breaker, s.agent_id AS "agentId", s.state, s.response, s.event_id AS "eventId",
       s.since <= clock_timestamp() - make_interval(secs => (b.document ->> 'cooldown_seconds')::float8) AS "isCool",
       (q.ended_at IS NOT NULL OR k.lifted_at IS NOT NULL) AS "isEnded",
       coalesce(q.actor = 'breaker:' || s.breaker, false) AS "isOwn"
  FROM breaker_states s
  JOIN breakers b ON b.workspace_id = s.workspace_id AND b.name = s.breaker
  LEFT JOIN quarantines q ON q.workspace_id = s.workspace_id AND q.id = s.response
  LEFT JOIN containments k ON k.workspace_id = s.workspace_id AND k.id = s.response
 WHERE s.workspace_id = $1`;

export async function loadStandings(client: Pool | ClientBase, workspaceId: WorkspaceId): Promise<Standing[]> {
  return (await client.query<Standing>(STANDINGS, [workspaceId])).rows;
}

/** With the row locked, for whoever changes it. */
export async function lockStanding(
  client: ClientBase,
  workspaceId: WorkspaceId,
  breaker: string,
  agentId: AgentId,
): Promise<Standing | undefined> {
  const { rows } = await client.query<Standing>(`${STANDINGS} AND s.breaker = $2 AND s.agent_id = $3 FOR UPDATE OF s`, [
    workspaceId,
    breaker,
    agentId,
  ]);
  return rows[0];
}

export async function setStanding(
  client: ClientBase,
  workspaceId: WorkspaceId,
  breaker: string,
  agentId: AgentId,
  to: { readonly state: Standing['state']; readonly eventId: EventId; readonly response: string | null },
): Promise<void> {
  await client.query(
    `INSERT INTO breaker_states AS s (workspace_id, breaker, agent_id, state, event_id, response, trips)
     VALUES ($1, $2, $3, $4, $5, $6, CASE WHEN $4 = 'open' THEN 1 ELSE 0 END)
     ON CONFLICT (workspace_id, breaker, agent_id) DO UPDATE SET
       state = excluded.state, event_id = excluded.event_id, response = excluded.response, since = clock_timestamp(),
       trips = s.trips + excluded.trips`,
    [workspaceId, breaker, agentId, to.state, to.eventId, to.response],
  );
}

/**
 * What the agent did within $4 seconds, behind the record $3 on the log (NULL: whatever stands there). A record that
 * is not projected yet has nothing behind it that is.
 */
const ACTIVITY = `
SELECT count(*)::int AS calls, (count(*) FILTER (WHERE verdict = 'deny'))::int AS denied,
       (count(*) FILTER (WHERE verdict = 'deny' AND reason_class = 'scope'))::int AS probed,
       (count(*) FILTER (WHERE outcome IN ('success', 'error')))::int AS ended,
       (count(*) FILTER (WHERE outcome = 'error'))::int AS failed,
       coalesce(sum((record -> 'impact' ->> $5)::numeric) FILTER (WHERE verdict = 'allow'), 0)::float8 AS spent
  FROM actions
 WHERE workspace_id = $1 AND agent_id = $2 AND kind = 'tool.call' AND ts > now() - make_interval(secs => $4)
   AND reason_class NOT IN ('containment', 'credential')
   AND ($3::text IS NULL OR seq > (SELECT r.seq FROM actions r WHERE r.workspace_id = $1 AND r.event_id = $3))`;

export async function activityOf(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  agentId: AgentId,
  behind: EventId | undefined,
  { window_seconds: seconds, unit }: BreakerDocument,
): Promise<Activity> {
  const { rows } = await client.query<Activity>(ACTIVITY, [workspaceId, agentId, behind, seconds, unit ?? '']);
  if (rows[0] === undefined) throw new Error('a count has one row');
  return rows[0];
}
