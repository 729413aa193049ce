/**
 * What happened, in order: the records of the log that an incident is about, found anew at each look, and the notes of
 * people. Nothing has to be copied by hand, and nothing that was left out by somebody is missing.
 */
import type { Pool } from 'pg';
import { z } from 'zod';
import { listAlerts } from '../alerts/index.ts';
import type { WorkspaceId } from '../ids.ts';
import type { LogRecord } from '../log/index.ts';
import { type IncidentRow, linksOf } from './incident.ts';
import { notesOf } from './notes.ts';
import { sentenceOf } from './sentences.ts';

export const timelineSchema = z
  .object({
    object: z.literal('incident_timeline'),
    incident: z.string(),
    from: z.string().nullable().meta({ description: 'Of agents and approvals, records from then on are shown.' }),
    to: z.string(),
    complete: z.boolean().meta({ description: 'False: there is more than is shown; the log has all of it.' }),
    entries: z.array(
      z.object({
        at: z.string(),
        kind: z.string().meta({ description: 'Of the record; `note`.' }),
        why: z
          .enum(['alert', 'evidence', 'agent', 'approval', 'change', 'containment', 'incident', 'event', 'note'])
          .meta({ description: 'What it is here for.' }),
        actor: z.string(),
        sentence: z.string(),
        event_id: z.string(),
        agent: z.string().nullable(),
      }),
    ),
  })
  .meta({ id: 'IncidentTimeline' });
type Timeline = z.output<typeof timelineSchema>;
type Entry = Timeline['entries'][number];

const MAX_ENTRIES = 1_000;
const MAX_ALERTS = 200;
/** Of each alert, the first records of its evidence. */
const MAX_EVIDENCE = 25;

/** What matters of an agent's own records, beside its calls. */
const OF_AGENTS = [
  'agent.changed',
  'agent.revoked',
  'agent.restored',
  'agent.versioned',
  'token.minted',
  'token.revoked',
  'credential.added',
  'credential.revoked',
  'quarantine.entered',
  'quarantine.ended',
  'breaker.tripped',
  'breaker.closed',
  'risk.raised',
  'risk.cleared',
  'approval.requested',
  'approval.decided',
  'approval.granted',
  'approval.stopped',
  'approval.expired',
];

interface Found {
  readonly seq: number;
  readonly record: LogRecord;
}

/** One query for each index that there is. $1 workspace, $2 ids, $3 and $4 the period, $5 at most so many. */
const QUERIES: Readonly<Record<Exclude<Entry['why'], 'note'>, string>> = {
  alert: `kind LIKE 'alert.%' AND record ->> 'alert_id' = ANY($2)`,
  incident: `kind LIKE 'incident.%' AND kind <> 'incident.noted' AND record ->> 'incident_id' = ANY($2)`,
  evidence: `event_id = ANY($2)`,
  event: `event_id = ANY($2)`,
  change: `kind LIKE 'change.%' AND record ->> 'change_id' = ANY($2)`,
  containment: `kind LIKE 'containment.%' AND record ->> 'containment_id' = ANY($2)`,
  approval: `kind LIKE 'approval.%' AND record ->> 'approval_id' = ANY($2) AND ts >= $3 AND ts <= $4`,
  agent: `kind NOT IN ('tool.call', 'tool.result') AND kind = ANY('{${OF_AGENTS.join(',')}}') AND agent_id = ANY($2) AND ts >= $3 AND ts <= $4`,
};

export async function timelineOf(
  pool: Pool,
  workspaceId: WorkspaceId,
  incident: IncidentRow,
  now: Date,
): Promise<Timeline> {
  const [alerts, links, notes] = await Promise.all([
    listAlerts(pool, workspaceId, { incident: incident.id, synthetic: 'include' }, undefined, MAX_ALERTS),
    linksOf(pool, workspaceId, incident.id),
    notesOf(pool, workspaceId, incident.id),
  ]);
  const linked = (kind: string): readonly string[] => links.filter((each) => each.kind === kind).map(({ ref }) => ref);
  const agents = alerts.filter(({ subject }) => subject.kind === 'agent').map(({ subject }) => subject.id);
  const began = Math.min(
    incident.began_at ?? incident.opened_at,
    ...alerts.map((each) => each.window_from ?? each.opened_at),
  );
  const period = {
    from: new Date(began * 1000),
    to: incident.closed_at === null ? now : new Date(incident.closed_at * 1000 + 1000),
  };
  const steps = await recordsFor(
    pool,
    workspaceId,
    'alert',
    alerts.map(({ id }) => id),
    period,
  );
  const stopped = steps.flatMap(({ record }) =>
    typeof record.containment_id === 'string' ? [record.containment_id] : [],
  );
  const ids: Readonly<Record<Exclude<Entry['why'], 'note' | 'alert'>, readonly string[]>> = {
    incident: [incident.id],
    evidence: alerts.flatMap(({ evidence }) => evidence.slice(0, MAX_EVIDENCE)),
    event: linked('event'),
    change: [...linked('change'), ...(await changesOfFollowUps(pool, workspaceId, incident.id))],
    containment: [...linked('containment'), ...stopped],
    approval: linked('approval'),
    agent: [...linked('agent'), ...agents],
  };
  const found = new Map<string, Entry & { readonly seq: number }>();
  let isComplete = steps.length < MAX_ENTRIES && alerts.length < MAX_ALERTS;
  const add = (why: Entry['why'], rows: readonly Found[]): void => {
    isComplete &&= rows.length < MAX_ENTRIES;
    for (const { seq, record } of rows)
      if (!found.has(record.event_id)) found.set(record.event_id, { ...entryOf(record, why), seq });
  };
  add('alert', steps);
  for (const why of ['incident', 'evidence', 'event', 'change', 'containment', 'approval', 'agent'] as const)
    add(why, await recordsFor(pool, workspaceId, why, ids[why], period));
  const entries = [
    ...[...found.values()].map(({ seq, ...entry }) => ({ seq, entry })),
    ...notes.map((note) => ({
      seq: Number.MAX_SAFE_INTEGER,
      entry: {
        at: note.at.toISOString(),
        kind: 'note',
        why: 'note' as const,
        actor: `person:${note.author}`,
        sentence: note.text,
        event_id: note.event_id,
        agent: null,
      },
    })),
  ].toSorted((a, b) => (a.entry.at === b.entry.at ? a.seq - b.seq : a.entry.at < b.entry.at ? -1 : 1));
  return {
    object: 'incident_timeline',
    incident: incident.id,
    from: period.from.toISOString(),
    to: period.to.toISOString(),
    complete: isComplete && entries.length <= MAX_ENTRIES,
    entries: entries.slice(0, MAX_ENTRIES).map(({ entry }) => entry),
  };
}

async function recordsFor(
  pool: Pool,
  workspaceId: WorkspaceId,
  why: Exclude<Entry['why'], 'note'>,
  ids: readonly string[],
  { from, to }: { readonly from: Date; readonly to: Date },
): Promise<readonly Found[]> {
  if (ids.length === 0) return [];
  const isBounded = QUERIES[why].includes('$3');
  const { rows } = await pool.query<Found>(
    `SELECT seq, record FROM actions WHERE workspace_id = $1 AND ${QUERIES[why]} ORDER BY seq LIMIT ${MAX_ENTRIES}`,
    isBounded ? [workspaceId, [...new Set(ids)], from, to] : [workspaceId, [...new Set(ids)]],
  );
  return rows;
}

async function changesOfFollowUps(
  pool: Pool,
  workspaceId: WorkspaceId,
  incidentId: string,
): Promise<readonly string[]> {
  const { rows } = await pool.query<{ change_id: string }>(
    'SELECT change_id FROM incident_follow_ups WHERE workspace_id = $1 AND incident_id = $2 AND change_id IS NOT NULL',
    [workspaceId, incidentId],
  );
  return rows.map(({ change_id: id }) => id);
}

function entryOf(record: LogRecord, why: Entry['why']): Entry {
  const { agent, actor } = record;
  return {
    at: record.ts,
    kind: record.kind,
    why,
    actor: typeof actor === 'string' ? actor : typeof agent === 'string' ? `agent:${agent}` : 'system',
    sentence: sentenceOf(record),
    event_id: record.event_id,
    agent: typeof agent === 'string' ? agent : null,
  };
}
