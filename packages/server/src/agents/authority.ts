/** Who gave an agent what, when, and on whose word, as at any instant: the auditor's first question. */
import type { Pool } from 'pg';
import { z } from 'zod';
import { Failure } from '../errors.ts';
import type { WorkspaceId } from '../ids.ts';
import { attributesView } from './attributes.ts';
import { type AuthorityRecords, readRecords } from './authority-records.ts';
import { type Agent, readAgent } from './read.ts';

const event = z.string().nullable().meta({ description: 'The record that says so. Null: no record.' });

export const authoritySchema = z
  .object({
    object: z.literal('authority'),
    agent: z.string(),
    agent_id: z.string(),
    at: z.string().meta({ description: 'ISO 8601.' }),
    exists: z.boolean().meta({ description: 'Whether the agent had been made by then. If not, all else is empty.' }),
    summary: z.string(),
    admission: z
      .object({
        request: z.string(),
        reason: z.string(),
        requested_by: z.string(),
        requested_at: z.int(),
        requested_event: event,
        approved_by: z.string(),
        approved_at: z.int(),
        approval_reason: z.string(),
        approved_event: event,
      })
      .nullable()
      .meta({ description: 'Null: nobody but who made it let it in, as far as there is a record.' }),
    created: z.object({ at: z.int(), by: z.string(), event }).nullable(),
    first_credential_at: z.int().nullable(),
    first_action_at: z.int().nullable(),
    owner: z
      .object({
        owner: z.string(),
        since: z.int(),
        given_by: z.string(),
        reason: z.string(),
        accepted_at: z.int().nullable(),
        event,
      })
      .nullable(),
    roles: z.array(
      z.object({
        role: z.string(),
        granted_by: z.string(),
        granted_at: z.int(),
        event,
        removed_by: z.string().nullable(),
        removed_at: z.int().nullable().meta({ description: 'Later than the instant asked about.' }),
        revision: z
          .object({
            revision: z.int(),
            author: z.string(),
            at: z.int(),
            sha256: z.string(),
            allow: z.array(z.string()),
            guards: z.int(),
            event,
          })
          .nullable()
          .meta({ description: 'Of the role, as it was in force.' }),
      }),
    ),
    version: z
      .object({
        version: z.int(),
        attributes: attributesView,
        sha256: z.string(),
        author: z.string(),
        at: z.int(),
        event,
      })
      .nullable()
      .meta({ description: 'What the agent was made of. Null: nothing was declared.' }),
    credentials: z.array(
      z.object({
        kind: z.enum(['token', 'key', 'federation', 'connection']),
        id: z.string(),
        name: z.string(),
        role: z.string().nullable().meta({ description: 'The one role that it is narrowed to.' }),
        created_by: z.string(),
        created_at: z.int(),
        expires_at: z.int(),
        ended_at: z.int().nullable(),
        event,
      }),
    ),
    deputies: z.array(z.object({ name: z.string(), added_by: z.string(), added_at: z.int() })),
    quarantines: z.array(
      z.object({
        id: z.string(),
        role: z.string().nullable(),
        reason: z.string(),
        actor: z.string(),
        since: z.int(),
        event,
      }),
    ),
    stops: z.array(
      z.object({
        id: z.string(),
        scope: z.string(),
        target: z.string(),
        reason: z.string(),
        actor: z.string(),
        ordered_at: z.int(),
        event,
      }),
    ),
    no_record: z.array(z.string()).meta({ description: 'What is not known, in words.' }),
  })
  .meta({ id: 'Authority' });

export type Authority = z.output<typeof authoritySchema>;

const seconds = (column: string): string => `floor(extract(epoch FROM ${column}))::bigint`;

/** Each: $1 workspace, $2 agent, $3 the instant. */
const ROLES = `
SELECT h.role, h.granted_by, ${seconds('h.granted_at')} AS granted_at, extract(epoch FROM h.granted_at) * 1000 AS granted_ms,
       h.removed_by, ${seconds('h.removed_at')} AS removed_at, v.revision, v.author, ${seconds('v.created_at')} AS revised_at, v.sha256,
       v.document
  FROM agent_role_history h
  LEFT JOIN LATERAL (SELECT r.* FROM role_revisions r
                      WHERE r.workspace_id = h.workspace_id AND r.role = h.role AND r.created_at <= $3
                      ORDER BY r.revision DESC LIMIT 1) AS v ON true
 WHERE h.workspace_id = $1 AND h.agent_id = $2 AND h.granted_at <= $3 AND (h.removed_at IS NULL OR h.removed_at > $3)
 ORDER BY h.number`;

const OWNER = `
SELECT p.email AS owner, ${seconds('h.at')} AS since, h.actor AS given_by, h.reason, ${seconds('h.accepted_at')} AS accepted_at
  FROM ownership_history h JOIN people p ON p.workspace_id = h.workspace_id AND p.id = h.to_id
 WHERE h.workspace_id = $1 AND h.agent_id = $2 AND h.at <= $3 ORDER BY h.number DESC LIMIT 1`;

const ADMISSION = `
SELECT q.id AS request, q.reason, q.requested_by, ${seconds('a.requested_at')} AS requested_at, a.approved_by,
       ${seconds('a.approved_at')} AS approved_at, coalesce(q.decision_reason, '') AS approval_reason
  FROM agents a JOIN agent_requests q ON q.workspace_id = a.workspace_id AND q.id = a.request_id
 WHERE a.workspace_id = $1 AND a.id = $2 AND a.approved_at <= $3`;

const VERSION = `
SELECT v.version, v.attributes, v.sha256, v.author, ${seconds('v.created_at')} AS at
  FROM agent_versions v
 WHERE v.workspace_id = $1 AND v.agent_id = $2 AND v.created_at <= $3 ORDER BY v.version DESC LIMIT 1`;

// One that a stop ended carries an older epoch; it lived until the stop, which also wrote the cutoff.
const CREDENTIALS = `
SELECT t.kind, t.id, t.name, t.role, t.created_by, ${seconds('t.created_at')} AS created_at,
       ${seconds('t.expires_at')} AS expires_at, ${seconds('t.revoked_at')} AS ended_at
  FROM (SELECT 'token' AS kind, workspace_id, agent_id, id, name, role, created_by, created_at, expires_at, revoked_at, authz_epoch
          FROM agent_tokens WHERE workspace_id = $1 AND agent_id = $2
        UNION ALL
        SELECT kind, workspace_id, agent_id, id, name, role, created_by, created_at, not_after, revoked_at, authz_epoch
          FROM agent_credentials WHERE workspace_id = $1 AND agent_id = $2) AS t
  JOIN agent_state s ON s.workspace_id = t.workspace_id AND s.agent_id = t.agent_id
 WHERE t.created_at <= $3 AND t.expires_at > $3
   AND (t.revoked_at IS NULL OR t.revoked_at > $3) AND (t.authz_epoch = s.authz_epoch OR s.authz_cutoff > $3)
 ORDER BY t.created_at, t.id`;

const DEPUTIES = `
SELECT coalesce(p.email, d."group") AS name, d.added_by, ${seconds('d.added_at')} AS added_at
  FROM agent_deputies d LEFT JOIN people p ON p.workspace_id = d.workspace_id AND p.id = d.person_id
 WHERE d.workspace_id = $1 AND d.agent_id = $2 AND d.added_at <= $3 ORDER BY 1`;

const QUARANTINES = `
SELECT q.id, q.role, q.reason, q.actor, ${seconds('q.entered_at')} AS since, q.event_id AS event
  FROM quarantines q
 WHERE q.workspace_id = $1 AND q.agent_id = $2 AND q.entered_at <= $3 AND (q.ended_at IS NULL OR q.ended_at > $3)
 ORDER BY q.entered_at`;

// Of the whole workspace's stops, too: whom one covers was settled when it was ordered.
const STOPS = `
SELECT k.id, k.scope, k.target, k.reason, k.actor, ${seconds('k.ordered_at')} AS ordered_at, k.event_id AS event
  FROM containments k
 WHERE k.workspace_id = $1 AND k.ordered_at <= $3 AND (k.lifted_at IS NULL OR k.lifted_at > $3)
   AND (k.scope = 'workspace' OR EXISTS (
     SELECT FROM containment_agents c WHERE c.workspace_id = k.workspace_id AND c.containment_id = k.id AND c.agent_id = $2))
 ORDER BY k.ordered_at`;

interface RoleRow {
  role: string;
  granted_by: string;
  granted_at: number;
  granted_ms: number;
  removed_by: string | null;
  removed_at: number | null;
  revision: number | null;
  author: string;
  revised_at: number;
  sha256: string;
  document: { readonly scope?: { readonly allow?: string[] }; readonly guards?: readonly unknown[] };
}

type Without<Key extends string, Value> = Omit<NonNullable<Value>, Key>;

/** Throws `agent_not_found`, `at_in_future`. */
export async function readAuthority(
  pool: Pool,
  workspaceId: WorkspaceId,
  agentOrId: string,
  instant: Date | undefined,
): Promise<Authority> {
  const agent = await readAgent(pool, workspaceId, agentOrId);
  const { rows: times } = await pool.query<{ at: Date; is_future: boolean; exists: boolean }>(
    `SELECT coalesce($3::timestamptz, clock_timestamp()) AS at, $3::timestamptz > clock_timestamp() AS is_future,
            a.created_at <= coalesce($3::timestamptz, clock_timestamp()) AS exists
       FROM agents a WHERE a.workspace_id = $1 AND a.id = $2`,
    [workspaceId, agent.id, instant ?? null],
  );
  const [time] = times;
  if (time === undefined) throw new Error(`the agent ${agent.id} is gone`);
  if (time.is_future)
    throw new Failure(422, 'at_in_future', 'That instant is still to come.', 'Name one that has passed, or none.');
  if (!time.exists) return nothingYet(agent, time.at);
  const values = [workspaceId, agent.id, time.at];
  const [admission, owner, roles, version, credentials, deputies, quarantines, stops, records] = await Promise.all([
    pool.query<Without<'requested_event' | 'approved_event', Authority['admission']>>(ADMISSION, values),
    pool.query<Without<'event', Authority['owner']>>(OWNER, values),
    pool.query<RoleRow>(ROLES, values),
    pool.query<Without<'event', Authority['version']>>(VERSION, values),
    pool.query<Without<'event', Authority['credentials'][number]>>(CREDENTIALS, values),
    pool.query<Authority['deputies'][number]>(DEPUTIES, values),
    pool.query<Authority['quarantines'][number]>(QUARANTINES, values),
    pool.query<Authority['stops'][number]>(STOPS, values),
    readRecords(pool, workspaceId, agent),
  ]);
  const before = (at: number | null): number | null => (at !== null && at * 1000 <= time.at.getTime() ? at : null);
  const [asked] = admission.rows;
  const [owned] = owner.rows;
  const [made] = version.rows;
  const known = {
    object: 'authority' as const,
    agent: agent.name,
    agent_id: agent.id,
    at: time.at.toISOString(),
    exists: true,
    admission:
      asked === undefined
        ? null
        : { ...asked, requested_event: records.requested(), approved_event: records.admitted() },
    created: { at: agent.created, by: agent.created_by, event: records.created() },
    first_credential_at: before(agent.first_credential_at),
    first_action_at: before(agent.first_action_at),
    owner: owned === undefined ? null : { ...owned, event: records.owner(owned.owner, owned.since) },
    roles: roles.rows.map((row) => roleOf(row, records)),
    version: made === undefined ? null : { ...made, event: records.version(made.version) },
    credentials: credentials.rows.map((row) => ({ ...row, event: records.credential(row.id) })),
    deputies: deputies.rows,
    quarantines: quarantines.rows,
    stops: stops.rows,
  };
  return { ...known, summary: summaryOf(known), no_record: missingIn(known) };
}

function roleOf(row: RoleRow, records: AuthorityRecords): Authority['roles'][number] {
  const {
    role,
    granted_by,
    granted_at,
    removed_by,
    removed_at,
    revision,
    author,
    revised_at: at,
    sha256,
    document,
  } = row;
  return {
    role,
    granted_by,
    granted_at,
    event: records.role(role, row.granted_ms),
    removed_by,
    removed_at,
    revision:
      revision === null
        ? null
        : {
            revision,
            author,
            at,
            sha256,
            allow: document.scope?.allow ?? [],
            guards: document.guards?.length ?? 0,
            event: records.revision(role, revision),
          },
  };
}

function nothingYet({ id, name }: Agent, at: Date): Authority {
  return {
    object: 'authority',
    agent: name,
    agent_id: id,
    at: at.toISOString(),
    exists: false,
    summary: `${name} did not exist yet.`,
    admission: null,
    created: null,
    first_credential_at: null,
    first_action_at: null,
    owner: null,
    roles: [],
    version: null,
    credentials: [],
    deputies: [],
    quarantines: [],
    stops: [],
    no_record: [],
  };
}

/** The same with its actors, and its summary, in other words. */
export function withActors(authority: Authority, named: (actor: string) => string): Authority {
  const { admission, created, owner, version, roles, credentials } = authority;
  const changed: Authority = {
    ...authority,
    admission: admission && {
      ...admission,
      requested_by: named(admission.requested_by),
      approved_by: named(admission.approved_by),
    },
    created: created && { ...created, by: named(created.by) },
    owner: owner && { ...owner, given_by: named(owner.given_by) },
    version: version && { ...version, author: named(version.author) },
    roles: roles.map((role) => ({
      ...role,
      granted_by: named(role.granted_by),
      revision: role.revision && { ...role.revision, author: named(role.revision.author) },
    })),
    credentials: credentials.map((each) => ({ ...each, created_by: named(each.created_by) })),
  };
  return authority.exists ? { ...changed, summary: summaryOf(changed) } : authority;
}

type Known = Omit<Authority, 'summary' | 'no_record'>;

function day(at: number): string {
  return new Date(at * 1000).toISOString().slice(0, 10);
}

function summaryOf({ agent, roles, owner, admission, created, stops, quarantines, credentials }: Known): string {
  const worn =
    roles.length === 0
      ? `${agent} wears no role and may do nothing`
      : `${agent} may do what ${roles
          .map(({ role, granted_by: by, granted_at: at, revision }) => {
            const written = revision === null ? '' : ` revision ${revision.revision} written by ${revision.author},`;
            return `${role} (${written} given by ${by} on ${day(at)})`.replace('( ', '(');
          })
          .join(' and ')} ${roles.length === 1 ? 'allows' : 'allow'}`;
  const from =
    admission === null
      ? `it was created by ${created?.by ?? 'nobody known'} without a request`
      : `it was asked for by ${admission.requested_by} and let in by ${admission.approved_by} on ${day(admission.approved_at)}`;
  const held = [
    stops.length > 0 ? 'it is stopped' : '',
    quarantines.length > 0 ? 'it is in quarantine' : '',
    credentials.length === 0 ? 'it has no live credential' : '',
  ].filter((words) => words !== '');
  return `${[worn, `${owner?.owner ?? 'nobody'} is accountable for it`, from, ...held].join('; ')}.`;
}

function missingIn({ admission, created, owner, roles, version, credentials }: Known): string[] {
  const missing = [
    admission === null ? 'No record that somebody other than whoever created it let it in.' : '',
    admission !== null && (admission.requested_event === null || admission.approved_event === null)
      ? 'No record on the log of the request, or of its approval.'
      : '',
    created?.event === null ? 'No record on the log of its creation.' : '',
    owner !== null && owner.accepted_at === null ? 'No record that its owner accepted it.' : '',
    version === null ? 'No record of model, prompt version and tools: nothing was declared.' : '',
    ...roles.flatMap(({ role, event: of, revision }) => [
      of === null ? `No record on the log of who gave it ${role}.` : '',
      revision === null
        ? `No record of what ${role} allowed.`
        : revision.event === null
          ? `No record on the log of revision ${revision.revision} of ${role}.`
          : '',
    ]),
    ...credentials.map(({ id, event: of }) => (of === null ? `No record on the log of the credential ${id}.` : '')),
    'No record of deputies who do not stand in any more.',
  ];
  return missing.filter((words) => words !== '');
}
