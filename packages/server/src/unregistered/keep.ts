/** Writes sightings down: few rows, however many identities somebody makes up. */
import type { Pool } from 'pg';
import { newId, type WorkspaceId } from '../ids.ts';
import type { ActionLog, LoggedTransaction } from '../log/index.ts';
import { MANY, type Seen } from './sighting.ts';

/** Rows of their own in a workspace, and of these from one address. */
const MAX_ROWS = 1000;
const MAX_ROWS_OF_SOURCE = 20;
const KEPT_DAYS = 90;
/** Where there is no room, those that came once make it for others: whoever makes up identities uses each once. */
const KEPT_DAYS_OF_ONE = 1;

/** Those that are known already; no record of the log, so that nothing waits for it. */
const COUNT_AGAIN = `
UPDATE unregistered_identities u
   SET count = u.count + n.count, last_seen = greatest(u.last_seen, to_timestamp(n.last_ms / 1000)),
       first_seen = least(u.first_seen, to_timestamp(n.first_ms / 1000))
  FROM unnest($2::text[], $3::text[], $4::text[], $5::float8[], $6::float8[], $7::bigint[])
         AS n (kind, identity, source, first_ms, last_ms, count)
 WHERE u.workspace_id = $1 AND u.kind = n.kind AND u.identity = n.identity AND u.source = n.source
RETURNING u.kind, u.identity, u.source`;

const ADD = `
INSERT INTO unregistered_identities (workspace_id, kind, identity, source, first_seen, last_seen, count, id, agent_id)
SELECT $1, n.kind, n.identity, n.source, to_timestamp(n.first_ms / 1000), to_timestamp(n.last_ms / 1000), n.count, n.id, n.agent_id
  FROM unnest($2::text[], $3::text[], $4::text[], $5::float8[], $6::float8[], $7::bigint[], $8::text[], $9::text[])
         AS n (kind, identity, source, first_ms, last_ms, count, id, agent_id)
    ON CONFLICT (workspace_id, kind, identity, source) DO UPDATE
   SET count = unregistered_identities.count + excluded.count,
       last_seen = greatest(unregistered_identities.last_seen, excluded.last_seen)
RETURNING id, kind, identity, source, agent_id`;

function valuesOf(workspaceId: WorkspaceId, lines: readonly Seen[]): unknown[] {
  return [
    workspaceId,
    lines.map(({ kind }) => kind),
    lines.map(({ identity }) => identity),
    lines.map(({ source }) => source),
    lines.map(({ firstMs }) => firstMs),
    lines.map(({ lastMs }) => lastMs),
    lines.map(({ count }) => count),
  ];
}

type Place = Pick<Seen, 'kind' | 'identity' | 'source'>;

function placeOf({ kind, identity, source }: Place): string {
  return JSON.stringify([kind, identity, source]);
}

export async function keepSightings(
  { pool, log }: { readonly pool: Pool; readonly log: ActionLog },
  workspaceId: WorkspaceId,
  sightings: readonly Seen[],
): Promise<void> {
  const lines = await withoutShadows(pool, workspaceId, sightings);
  if (lines.length === 0) return;
  const { rows } = await pool.query<Place>(COUNT_AGAIN, valuesOf(workspaceId, lines));
  const known = new Set(rows.map(placeOf));
  const others = lines.filter((line) => !known.has(placeOf(line)));
  if (others.length === 0) return;
  const { own, many } = await divided(pool, workspaceId, others);
  if (many.length > 0) await add(pool, workspaceId, many);
  if (own.length > 0) await log.transact(workspaceId, (transaction) => addOwn(transaction, workspaceId, own));
}

/** The shadow agents of rehearsals are nobody. */
async function withoutShadows(pool: Pool, workspaceId: WorkspaceId, lines: readonly Seen[]): Promise<readonly Seen[]> {
  const ids = lines.flatMap(({ agentId }) => (agentId === undefined ? [] : [agentId]));
  if (ids.length === 0) return lines;
  const { rows } = await pool.query<{ id: string }>(
    'SELECT id FROM agents WHERE workspace_id = $1 AND id = ANY($2) AND rehearsal_id IS NULL',
    [workspaceId, ids],
  );
  const registered = new Set(rows.map(({ id }) => id));
  return lines.filter(({ agentId }) => agentId === undefined || registered.has(agentId));
}

/** Which get a row of their own, as far as there is room; the others are counted together. */
async function divided(
  pool: Pool,
  workspaceId: WorkspaceId,
  lines: readonly Seen[],
): Promise<{ readonly own: readonly Seen[]; readonly many: readonly Seen[] }> {
  await pool.query(
    `DELETE FROM unregistered_identities WHERE workspace_id = $1
        AND (last_seen < clock_timestamp() - make_interval(days => $2)
             OR count = 1 AND last_seen < clock_timestamp() - make_interval(days => $3)
                AND (SELECT count(*) FROM unregistered_identities WHERE workspace_id = $1) >= $4)`,
    [workspaceId, KEPT_DAYS, KEPT_DAYS_OF_ONE, MAX_ROWS],
  );
  const { rows } = await pool.query<{ source: string; rows: number }>(
    'SELECT source, count(*) AS rows FROM unregistered_identities WHERE workspace_id = $1 AND identity <> $2 GROUP BY source',
    [workspaceId, MANY],
  );
  const ofSource = new Map(rows.map((row) => [row.source, row.rows]));
  let total = rows.reduce((sum, row) => sum + row.rows, 0);
  const own: Seen[] = [];
  const many = new Map<string, Seen>();
  for (const line of lines) {
    const there = ofSource.get(line.source) ?? 0;
    if (line.identity !== MANY && total < MAX_ROWS && there < MAX_ROWS_OF_SOURCE) {
      own.push(line);
      total += 1;
      ofSource.set(line.source, there + 1);
      continue;
    }
    // An address that has rows has one more at most; others have none.
    const among = { ...line, identity: MANY, source: there > 0 ? line.source : MANY, agentId: undefined };
    const before = many.get(placeOf(among));
    many.set(placeOf(among), before === undefined ? among : joined(before, among));
  }
  return { own, many: [...many.values()] };
}

function joined(a: Seen, b: Seen): Seen {
  return {
    ...a,
    count: a.count + b.count,
    firstMs: Math.min(a.firstMs, b.firstMs),
    lastMs: Math.max(a.lastMs, b.lastMs),
  };
}

interface Added extends Place {
  readonly id: string;
  readonly agent_id: string | null;
}

async function add(
  client: Pick<Pool, 'query'> | LoggedTransaction['client'],
  workspaceId: WorkspaceId,
  lines: readonly Seen[],
): Promise<readonly Added[]> {
  const { rows } = await client.query<Added>(ADD, [
    ...valuesOf(workspaceId, lines),
    lines.map(() => newId<string>('unr')),
    lines.map(({ agentId }) => agentId ?? null),
  ]);
  return rows;
}

/** Each of them is told of once. */
async function addOwn(
  { client, log }: LoggedTransaction,
  workspaceId: WorkspaceId,
  lines: readonly Seen[],
): Promise<void> {
  for (const { id, kind, identity, source, agent_id: agentId } of await add(client, workspaceId, lines))
    log({
      kind: 'identity.unregistered',
      actor: 'system',
      identity_id: id,
      identity_kind: kind,
      identity,
      src_ip: source,
      agent_id: agentId ?? undefined,
    });
}
