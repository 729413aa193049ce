/** What has happened that is reviewed by itself: each starts one mini-review, of just that. */
import type { Pool } from 'pg';
import type { Worlds } from '../blast-radius/index.ts';
import type { WorkspaceId } from '../ids.ts';
import { hasRisen } from './changes-since.ts';
import type { Cause } from './launch.ts';
import type { PolicyVersion } from './policy.ts';
import { type Facts, USE_DAYS } from './population.ts';

/** Looked back so far: a server that was down that long has other troubles. */
const BACK_DAYS = 30;

export interface Happened {
  /** Once for each. */
  readonly key: string;
  readonly cause: Extract<Cause, { kind: 'event' }>;
  readonly agents: readonly string[] | null;
  readonly roles: readonly string[] | null;
}

const MOVED = `
SELECT h.number::text AS number, h.agent_id, a.handle AS agent, f.email AS "from", t.email AS "to"
  FROM ownership_history h
  JOIN agents a ON a.workspace_id = h.workspace_id AND a.id = h.agent_id AND a.rehearsal_id IS NULL
  JOIN agent_state s ON s.workspace_id = a.workspace_id AND s.agent_id = a.id AND s.status <> 'revoked'
  JOIN people f ON f.workspace_id = h.workspace_id AND f.id = h.from_id
  JOIN people t ON t.workspace_id = h.workspace_id AND t.id = h.to_id
 WHERE h.workspace_id = $1 AND h.at > greatest($2::timestamptz, now() - make_interval(days => ${BACK_DAYS}))
   AND NOT EXISTS (SELECT FROM review_triggers k WHERE k.workspace_id = h.workspace_id AND k.key = 'owner_moved:' || h.number)
 ORDER BY h.number LIMIT 100`;

const WIDENED = `
SELECT e.event_id, e.record ->> 'role' AS role, e.record ->> 'role_rev' AS revision
  FROM actions e
 WHERE e.workspace_id = $1 AND e.kind = 'role.changed' AND e.record ->> 'role' IS NOT NULL AND e.record ->> 'role' <> 'workspace'
   AND e.record ->> 'change' = 'updated' AND e.record -> 'loosens' = 'true'
   AND e.ts > greatest($2::timestamptz, now() - make_interval(days => ${BACK_DAYS}))
   AND EXISTS (SELECT FROM roles r WHERE r.workspace_id = e.workspace_id AND r.name = e.record ->> 'role' AND r.current_revision > 0)
   AND NOT EXISTS (SELECT FROM review_triggers k WHERE k.workspace_id = e.workspace_id AND k.key = 'role_widened:' || e.event_id)
 ORDER BY e.seq LIMIT 100`;

/** Said only where the log covers the time. Again after as long, where it was kept and is not used still. */
const UNUSED = `
SELECT a.id AS agent_id, a.handle AS agent, array_agg(w.role ORDER BY w.role) AS roles
  FROM agent_roles w
  JOIN agents a ON a.workspace_id = w.workspace_id AND a.id = w.agent_id AND a.rehearsal_id IS NULL
  JOIN agent_state s ON s.workspace_id = a.workspace_id AND s.agent_id = a.id AND s.status = 'active'
  JOIN use_cursors c ON c.workspace_id = w.workspace_id AND c.calls_from < now() - make_interval(days => ${USE_DAYS})
 WHERE w.workspace_id = $1 AND w.granted_at < now() - make_interval(days => ${USE_DAYS})
   AND NOT EXISTS (SELECT FROM capability_use u WHERE u.workspace_id = w.workspace_id AND u.agent_id = w.agent_id
                      AND u.day >= (now() AT TIME ZONE 'UTC')::date - ${USE_DAYS} AND w.role = ANY(u.roles))
   AND NOT EXISTS (SELECT FROM review_items i
                     JOIN review_campaigns g ON g.workspace_id = i.workspace_id AND g.id = i.campaign_id AND g.status <> 'voided'
                    WHERE i.workspace_id = w.workspace_id AND i.subject = 'assignment:' || w.agent_id || ':' || w.role
                      AND g.snapshot_at > now() - make_interval(days => ${USE_DAYS}))
 GROUP BY a.id, a.handle ORDER BY a.id LIMIT 100`;

/** The last decided item of each agent that has an amount to compare with. */
const REVIEWED = `
SELECT DISTINCT ON (i.agent_id) i.agent_id, i.agent, i.id AS item, i.facts
  FROM review_items i JOIN review_campaigns g ON g.workspace_id = i.workspace_id AND g.id = i.campaign_id AND g.status <> 'voided'
 WHERE i.workspace_id = $1 AND i.item_type = 'assignment' AND i.agent_id IS NOT NULL
 ORDER BY i.agent_id, g.snapshot_at DESC, i.number`;

export async function whatHappened(
  { pool, worlds }: { readonly pool: Pool; readonly worlds: Worlds },
  workspaceId: WorkspaceId,
  { policy: { events }, at }: PolicyVersion,
): Promise<readonly Happened[]> {
  // Not what happened before anybody asked for it.
  const since = at ?? new Date(0);
  const happened: Happened[] = [];
  if (events.owner_moved) {
    const { rows } = await pool.query<{ number: string; agent_id: string; agent: string; from: string; to: string }>(
      MOVED,
      [workspaceId, since],
    );
    for (const { number, agent_id: id, agent, from, to } of rows)
      happened.push(ofAgent(`owner_moved:${number}`, 'owner_moved', id, `${agent} is ${to}'s; it was ${from}'s`));
  }
  if (events.role_widened) {
    const { rows } = await pool.query<{ event_id: string; role: string; revision: string }>(WIDENED, [
      workspaceId,
      since,
    ]);
    for (const { event_id: eventId, role, revision } of rows)
      happened.push({
        key: `role_widened:${eventId}`,
        cause: {
          kind: 'event',
          event: 'role_widened',
          subject: role,
          detail: `revision ${revision} of ${role} lets through more than the one before`,
        },
        agents: null,
        roles: [role],
      });
  }
  if (events.unused) {
    const { rows } = await pool.query<{ agent_id: string; agent: string; roles: string[] }>(UNUSED, [workspaceId]);
    const day = new Date().toISOString().slice(0, 10);
    for (const { agent_id: id, agent, roles } of rows)
      happened.push({
        ...ofAgent(
          `unused:${id}:${day}`,
          'unused',
          id,
          `${agent} did nothing as ${roles.join(', ')} for ${USE_DAYS} days`,
        ),
        roles,
      });
  }
  if (events.blast_radius_up) happened.push(...(await risen(pool, worlds, workspaceId)));
  return happened;
}

function ofAgent(key: string, event: Happened['cause']['event'], subject: string, detail: string): Happened {
  return { key, cause: { kind: 'event', event, subject, detail }, agents: [subject], roles: null };
}

async function risen(pool: Pool, worlds: Worlds, workspaceId: WorkspaceId): Promise<readonly Happened[]> {
  const { rows } = await pool.query<{ agent_id: string; agent: string; item: string; facts: Facts }>(REVIEWED, [
    workspaceId,
  ]);
  if (rows.length === 0) return [];
  const read = await worlds.read(workspaceId);
  const now = new Map<string, Pick<Facts, 'blast_radius' | 'blast_radius_usd_24h'>>();
  for (const { radius, agents } of await worlds.fleet(workspaceId, read)) {
    const cell = radius.cells.find(
      ({ unit, horizon, line }) => unit === 'usd' && horizon === '24h' && line === 'alone',
    );
    const kind = cell?.amount.kind ?? 'bounded';
    const value = cell === undefined ? 0 : cell.amount.kind === 'bounded' ? Math.ceil(cell.amount.value) : null;
    for (const { id } of agents) now.set(id, { blast_radius: kind, blast_radius_usd_24h: value });
  }
  return rows.flatMap(({ agent_id: id, agent, item, facts }) => {
    const is = now.get(id);
    if (is === undefined || !hasRisen(facts, is)) return [];
    return [
      ofAgent(
        `blast_radius_up:${id}:${item}`,
        'blast_radius_up',
        id,
        `what ${agent} can lose within 24 h is more than half above what ${item} had`,
      ),
    ];
  });
}
