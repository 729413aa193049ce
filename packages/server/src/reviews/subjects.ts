/**
 * What there is to review, read in the transaction that freezes it: the workspace is locked, so nothing of it is another thing
 * by the time the next statement reads.
 */
import { createHash } from 'node:crypto';
import { canonicalJson } from '@hivekey/action-log';
import { guardSentence, type JsonValue, type PolicySet, type Role } from '@hivekey/policy';
import type { ClientBase } from 'pg';
import type { PersonId, WorkspaceId } from '../ids.ts';
import { loadPolicySet } from '../roles/index.ts';
import type { ControlledTypes } from '../versions/index.ts';
import type { ItemType } from './kinds.ts';

/** Who had a part in it, as the log names actors, and in what. */
export interface Part {
  /** Id of a person, or an actor such as `key:ops` and `person:dana@acme.example`. */
  readonly by: string;
  readonly as: string;
}

export interface Subject {
  readonly type: ItemType;
  /** The same thing in every campaign. */
  readonly key: string;
  readonly title: string;
  readonly agent: ReviewedAgent | null;
  readonly role: string | null;
  readonly roleVersion: number | null;
  /** Capabilities that it grants. Sorted. */
  readonly capabilities: readonly string[];
  /** In plain words. */
  readonly summary: string;
  readonly grantedAt: Date | null;
  readonly grantedBy: string | null;
  readonly lastUsedAt: Date | null;
  readonly parts: readonly Part[];
  /** Agents that wear the role. */
  readonly wearers: readonly string[];
  readonly flags: readonly string[];
  /** Whoever holds it can change what agents may do. */
  readonly manages: boolean;
  /** Digest of what it grants: another one is a change since the last review. */
  readonly content: string;
}

interface ReviewedAgent {
  readonly id: string;
  readonly name: string;
  readonly ownerId: PersonId;
  readonly owner: string;
  readonly team: string | null;
  readonly ownerActive: boolean;
  readonly status: 'active' | 'suspended';
  readonly riskTier: 'low' | 'medium' | 'high' | 'critical' | null;
  readonly createdBy: string;
  readonly requestedById: PersonId | null;
  readonly requestedBy: string | null;
}

/** What is left out, with why. */
export interface Exclusion {
  readonly what: string;
  readonly count: number;
  readonly reason: string;
}

export interface Frozen {
  readonly subjects: readonly Subject[];
  readonly set: PolicySet;
  readonly exclusions: readonly Exclusion[];
}

const AGENTS = `
SELECT a.id, a.handle AS name, a.owner_id AS "ownerId", p.email AS owner, p.label AS team, p.active AS "ownerActive", s.status,
       a.risk_tier AS "riskTier", a.created_by AS "createdBy", q.requested_by_id AS "requestedById", q.requested_by AS "requestedBy"
  FROM agents a
  JOIN agent_state s ON s.workspace_id = a.workspace_id AND s.agent_id = a.id
  JOIN people p ON p.workspace_id = a.workspace_id AND p.id = a.owner_id
  LEFT JOIN agent_requests q ON q.workspace_id = a.workspace_id AND q.id = a.request_id
 WHERE a.workspace_id = $1 AND a.rehearsal_id IS NULL AND s.status <> 'revoked' ORDER BY a.id`;

/** What is not there to review any more: shown with its count, so that the inventory and this add up. */
const REVOKED = `
SELECT count(*)::int AS count FROM agents a JOIN agent_state s ON s.workspace_id = a.workspace_id AND s.agent_id = a.id
 WHERE a.workspace_id = $1 AND a.rehearsal_id IS NULL AND s.status = 'revoked'`;

const WORN = `SELECT agent_id, role, granted_at, granted_by FROM agent_roles WHERE workspace_id = $1 ORDER BY agent_id, position, role`;

const ROLES = `
SELECT r.name, v.revision, v.author, v.created_at, v.document -> 'metadata' ->> 'description' AS description,
       (SELECT f.author FROM role_revisions f WHERE f.workspace_id = r.workspace_id AND f.role = r.name ORDER BY f.revision LIMIT 1) AS creator,
       ARRAY(SELECT e.person_id FROM object_versions o JOIN change_edits e ON e.workspace_id = o.workspace_id AND e.change_id = o.change_id
              WHERE o.workspace_id = r.workspace_id AND o.object_type = 'role' AND o.object_id = r.name
                AND o.version = (SELECT max(m.version) FROM object_versions m
                                  WHERE m.workspace_id = r.workspace_id AND m.object_type = 'role' AND m.object_id = r.name)) AS authors
  FROM roles r JOIN role_revisions v ON v.workspace_id = r.workspace_id AND v.role = r.name AND v.revision = r.current_revision
 WHERE r.workspace_id = $1 ORDER BY r.name`;

// One that a stop ended carries an older epoch.
const CREDENTIALS = `
SELECT t.agent_id, 'token' AS kind, t.id, t.name, t.role, t.created_by, t.created_at, t.expires_at, t.last_used_at, NULL AS person_id
  FROM agent_tokens t JOIN agent_state s ON s.workspace_id = t.workspace_id AND s.agent_id = t.agent_id
 WHERE t.workspace_id = $1 AND t.revoked_at IS NULL AND t.expires_at > $2 AND t.authz_epoch = s.authz_epoch
UNION ALL
SELECT c.agent_id, c.kind, c.id, c.name, c.role, c.created_by, c.created_at, c.not_after, c.last_used_at, c.person_id
  FROM agent_credentials c JOIN agent_state s ON s.workspace_id = c.workspace_id AND s.agent_id = c.agent_id
 WHERE c.workspace_id = $1 AND c.revoked_at IS NULL AND c.not_after > $2 AND c.authz_epoch = s.authz_epoch
 ORDER BY id`;

const ADMIN_KEYS = `
SELECT k.id, k.name, k.roles, k.created_by, k.created_at, k.last_used_at, k.expires_at, k.person_id, p.email AS person
  FROM admin_keys k LEFT JOIN people p ON p.workspace_id = k.workspace_id AND p.id = k.person_id
 WHERE k.workspace_id = $1 AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > $2) ORDER BY k.id`;

const DELEGATIONS = `
SELECT d.id, d.from_id, f.email AS "from", d.to_id, t.email AS "to", d.capabilities, d.ends_at, d.created_at, d.created_by
  FROM delegations d
  JOIN people f ON f.workspace_id = d.workspace_id AND f.id = d.from_id
  JOIN people t ON t.workspace_id = d.workspace_id AND t.id = d.to_id
 WHERE d.workspace_id = $1 AND d.ended_at IS NULL AND d.ends_at > $2 ORDER BY d.id`;

const GRANTS = `
SELECT p.id, p.email, p.roles, p.authority, p.groups, p.created_at, p.break_glass,
       (SELECT max(k.last_used_at) FROM passkeys k WHERE k.workspace_id = p.workspace_id AND k.person_id = p.id) AS last_used_at
  FROM people p
 WHERE p.workspace_id = $1 AND p.active AND p.deleted_at IS NULL
   AND (p.break_glass OR cardinality(p.roles) > 0 OR coalesce(jsonb_array_length(p.authority), 0) > 0) ORDER BY p.id`;

const OVERRIDES = `
SELECT o.id, o.freeze_name, o.reason, o.requested_by, o.requested_by_id, o.approved_by, o.approved_by_id, o.starts_at, o.ends_at
  FROM freeze_overrides o WHERE o.workspace_id = $1 AND o.in_policy AND o.ends_at > $2 ORDER BY o.id`;

export async function readSubjects(
  client: ClientBase,
  controlled: ControlledTypes,
  workspaceId: WorkspaceId,
  now: Date,
): Promise<Frozen> {
  const { set } = await loadPolicySet(client, workspaceId);
  const roles = new Map(set.roles.map((role) => [role.name, role]));
  const { rows: agents } = await client.query<ReviewedAgent>(AGENTS, [workspaceId]);
  const { rows: revoked } = await client.query<{ count: number }>(REVOKED, [workspaceId]);
  const agentOf = new Map(agents.map((agent) => [agent.id, agent]));
  const { rows: worn } = await client.query<{ agent_id: string; role: string; granted_at: Date; granted_by: string }>(
    WORN,
    [workspaceId],
  );
  const live = worn.filter(({ agent_id: id }) => agentOf.has(id));
  const assignments = live.map((row) => assignmentOf(row, agentOf, roles));
  const wearers = Map.groupBy(live, ({ role }) => role);
  const definitions = await readRoles(client, workspaceId, roles, wearers, agentOf);
  const credentials = await readCredentials(client, workspaceId, now, agentOf, roles);
  const others = await readGrants(client, controlled, workspaceId, now);
  return {
    set,
    subjects: [...assignments, ...definitions, ...credentials, ...others],
    exclusions: [
      {
        what: 'agents',
        count: revoked[0]?.count ?? 0,
        reason: 'revoked before the snapshot: nothing is left of their access',
      },
    ],
  };
}

const day = (at: Date): string => at.toISOString().slice(0, 10);

function digest(value: JsonValue): string {
  return createHash('sha256').update(canonicalJson(value)).digest('hex');
}

const MOST_NAMED = 40;

/** "may crm.read, payments.pay (write, destructive). Held back by: …" */
function roleInWords(role: Role | undefined, name: string): string {
  if (role === undefined) return `The role ${name} cannot be read: it grants nothing that is known.`;
  const { allow, guards } = role;
  const named = allow.slice(0, MOST_NAMED).join(', ');
  const more = allow.length > MOST_NAMED ? ` and ${allow.length - MOST_NAMED} more` : '';
  const held = guards.slice(0, MOST_NAMED).map((guard) => guardSentence(guard));
  const grants = allow.length === 0 ? 'Grants nothing.' : `May use ${named}${more}.`;
  return held.length === 0
    ? `${grants} No guard of the role holds it back.`
    : `${grants} Held back: ${held.join('; ')}.`;
}

function contentOf(role: Role | undefined): string {
  if (role === undefined) return digest(null);
  return digest({ allow: role.allow.toSorted(), guards: role.guards.map((guard) => guardSentence(guard)) });
}

function agentParts({ ownerId, createdBy, requestedById, requestedBy }: ReviewedAgent): Part[] {
  return [
    { by: ownerId, as: 'owner of the agent' },
    { by: createdBy, as: 'creator of the agent' },
    ...(requestedById === null ? [] : [{ by: requestedById, as: 'asked for the agent' }]),
    ...(requestedBy === null ? [] : [{ by: requestedBy, as: 'asked for the agent' }]),
  ];
}

function agentFlags(agent: ReviewedAgent): string[] {
  return [...(agent.ownerActive ? [] : ['owner_left']), ...(agent.status === 'suspended' ? ['agent_suspended'] : [])];
}

function assignmentOf(
  row: { readonly agent_id: string; readonly role: string; readonly granted_at: Date; readonly granted_by: string },
  agents: ReadonlyMap<string, ReviewedAgent>,
  roles: ReadonlyMap<string, Role>,
): Subject {
  const agent = agents.get(row.agent_id);
  if (agent === undefined) throw new Error(`an assignment of the unknown agent ${row.agent_id}`);
  const role = roles.get(row.role);
  return {
    type: 'assignment',
    key: `assignment:${agent.id}:${row.role}`,
    title: `${agent.name} wears ${row.role}`,
    agent,
    role: row.role,
    roleVersion: role?.revision ?? null,
    capabilities: role?.allow.toSorted() ?? [],
    summary: roleInWords(role, row.role),
    grantedAt: row.granted_at,
    grantedBy: row.granted_by,
    lastUsedAt: null,
    parts: [...agentParts(agent), { by: row.granted_by, as: 'gave the role to the agent' }],
    wearers: [agent.id],
    flags: [...agentFlags(agent), ...(role === undefined ? ['role_unreadable'] : [])],
    manages: false,
    content: contentOf(role),
  };
}

/** What lets somebody change what agents may do, or who may. */
function manages(roles: readonly string[]): boolean {
  return roles.some((role) => role === 'admin' || role === 'operator' || role === 'author');
}

interface RoleRow {
  name: string;
  revision: number;
  author: string;
  created_at: Date;
  description: string | null;
  creator: string;
  authors: PersonId[];
}

async function readRoles(
  client: ClientBase,
  workspaceId: WorkspaceId,
  roles: ReadonlyMap<string, Role>,
  wearers: ReadonlyMap<string, readonly { readonly agent_id: string }[]>,
  agents: ReadonlyMap<string, ReviewedAgent>,
): Promise<Subject[]> {
  const { rows } = await client.query<RoleRow>(ROLES, [workspaceId]);
  return rows.map((row): Subject => {
    const role = roles.get(row.name);
    const worn = (wearers.get(row.name) ?? []).flatMap(({ agent_id: id }) => agents.get(id) ?? []);
    return {
      type: 'role',
      key: `role:${row.name}`,
      title: `the role ${row.name}`,
      agent: null,
      role: row.name,
      roleVersion: row.revision,
      capabilities: role?.allow.toSorted() ?? [],
      summary: `${row.description === null || row.description === '' ? '' : `${row.description} `}${roleInWords(role, row.name)}`,
      grantedAt: row.created_at,
      grantedBy: row.author,
      lastUsedAt: null,
      parts: [
        { by: row.author, as: 'author of the role' },
        { by: row.creator, as: 'creator of the role' },
        ...row.authors.map((by) => ({ by, as: 'author of the role' })),
        // Their own agents can do what it grants.
        ...worn.map(({ ownerId, name }) => ({ by: ownerId, as: `owner of ${name}, which wears the role` })),
      ],
      wearers: worn.map(({ id }) => id),
      flags: [...(worn.length === 0 ? ['unworn'] : []), ...(role === undefined ? ['role_unreadable'] : [])],
      manages: false,
      content: contentOf(role),
    };
  });
}

interface CredentialRow {
  agent_id: string;
  kind: string;
  id: string;
  name: string;
  role: string | null;
  created_by: string;
  created_at: Date;
  expires_at: Date;
  last_used_at: Date | null;
  person_id: PersonId | null;
}

interface KeyRow {
  id: string;
  name: string;
  roles: string[];
  created_by: string;
  created_at: Date;
  last_used_at: Date | null;
  expires_at: Date | null;
  person_id: PersonId | null;
  person: string | null;
}

async function readCredentials(
  client: ClientBase,
  workspaceId: WorkspaceId,
  now: Date,
  agents: ReadonlyMap<string, ReviewedAgent>,
  roles: ReadonlyMap<string, Role>,
): Promise<Subject[]> {
  const { rows } = await client.query<CredentialRow>(CREDENTIALS, [workspaceId, now]);
  const { rows: keys } = await client.query<KeyRow>(ADMIN_KEYS, [workspaceId, now]);
  const ofAgents = rows.flatMap((row): Subject[] => {
    const agent = agents.get(row.agent_id);
    if (agent === undefined) return [];
    const narrowed = row.role === null ? undefined : roles.get(row.role);
    return [
      {
        type: 'credential',
        key: `credential:${row.kind}:${row.id}`,
        title: `${row.kind} ${row.name === '' ? row.id : row.name} of ${agent.name}`,
        agent,
        role: row.role,
        roleVersion: narrowed?.revision ?? null,
        capabilities: narrowed?.allow.toSorted() ?? [],
        summary: `Lets whoever holds it act as ${agent.name}${row.role === null ? ' with all its roles' : ` with the role ${row.role} alone`}, until ${day(row.expires_at)}.`,
        grantedAt: row.created_at,
        grantedBy: row.created_by,
        lastUsedAt: row.last_used_at,
        parts: [
          ...agentParts(agent),
          { by: row.created_by, as: 'made the credential' },
          ...(row.person_id === null ? [] : [{ by: row.person_id, as: 'holder of the credential' }]),
        ],
        wearers: [agent.id],
        flags: [...agentFlags(agent), ...(row.last_used_at === null ? ['never_used'] : [])],
        manages: false,
        content: digest({ kind: row.kind, role: row.role, expires_at: row.expires_at.toISOString() }),
      },
    ];
  });
  const ofPeople = keys.map(
    (row): Subject => ({
      type: 'credential',
      key: `credential:admin_key:${row.id}`,
      title: `admin key ${row.name}${row.person === null ? '' : ` of ${row.person}`}`,
      agent: null,
      role: null,
      roleVersion: null,
      capabilities: [],
      summary: `Manages the workspace with the roles ${row.roles.join(', ')}${row.expires_at === null ? ', without an end' : `, until ${day(row.expires_at)}`}${row.person === null ? '. It is nobody’s' : ''}.`,
      grantedAt: row.created_at,
      grantedBy: row.created_by,
      lastUsedAt: row.last_used_at,
      parts: [
        { by: row.created_by, as: 'made the key' },
        { by: `key:${row.name}`, as: 'is the key' },
        ...(row.person_id === null ? [] : [{ by: row.person_id, as: 'holder of the key' }]),
      ],
      wearers: [],
      flags: [...(row.person_id === null ? ['nobodys_key'] : []), ...(row.last_used_at === null ? ['never_used'] : [])],
      manages: manages(row.roles),
      content: digest({ roles: row.roles.toSorted(), expires_at: row.expires_at?.toISOString() ?? null }),
    }),
  );
  return [...ofAgents, ...ofPeople];
}

const PLAIN = {
  agent: null,
  role: null,
  roleVersion: null,
  capabilities: [],
  wearers: [],
  lastUsedAt: null,
  flags: [],
  manages: false,
} as const;

async function readGrants(
  client: ClientBase,
  controlled: ControlledTypes,
  workspaceId: WorkspaceId,
  now: Date,
): Promise<Subject[]> {
  const { rows: delegations } = await client.query<{
    id: string;
    from_id: PersonId;
    from: string;
    to_id: PersonId;
    to: string;
    capabilities: string[] | null;
    ends_at: Date;
    created_at: Date;
    created_by: string;
  }>(DELEGATIONS, [workspaceId, now]);
  const { rows: people } = await client.query<{
    id: PersonId;
    email: string;
    roles: string[];
    authority: readonly { readonly capability: string }[] | null;
    groups: string[];
    created_at: Date;
    break_glass: boolean;
    last_used_at: Date | null;
  }>(GRANTS, [workspaceId]);
  const { rows: overrides } = await client.query<{
    id: string;
    freeze_name: string;
    reason: string;
    requested_by: string;
    requested_by_id: PersonId | null;
    approved_by: string | null;
    approved_by_id: PersonId | null;
    starts_at: Date;
    ends_at: Date;
  }>(OVERRIDES, [workspaceId, now]);
  return [
    ...delegations.map(
      (row): Subject => ({
        ...PLAIN,
        type: 'delegation',
        key: `delegation:${row.id}`,
        title: `${row.to} decides for ${row.from}`,
        capabilities: row.capabilities ?? [],
        summary: `${row.to} decides about held calls in the place of ${row.from}, ${row.capabilities === null ? 'of every capability' : `of ${row.capabilities.join(', ')}`}, until ${day(row.ends_at)}.`,
        grantedAt: row.created_at,
        grantedBy: row.created_by,
        parts: [
          { by: row.from_id, as: 'handed the say over' },
          { by: row.to_id, as: 'holder of the say' },
          { by: row.created_by, as: 'made the delegation' },
        ],
        content: digest({ to: row.to_id, capabilities: row.capabilities, ends_at: row.ends_at.toISOString() }),
      }),
    ),
    ...people.map((row): Subject => {
      const approves = (row.authority ?? []).map(({ capability }) => capability);
      return {
        ...PLAIN,
        type: row.break_glass ? 'break_glass' : 'grant',
        key: `${row.break_glass ? 'break_glass' : 'grant'}:${row.id}`,
        title: row.break_glass ? `the account for emergencies ${row.email}` : `what ${row.email} may do and approve`,
        summary: `${row.roles.length === 0 ? 'Has no role here.' : `Is ${row.roles.join(', ')} here.`} ${approves.length === 0 ? 'Approves nothing by authority.' : `May approve ${approves.slice(0, MOST_NAMED).join(', ')}.`}`,
        capabilities: approves,
        grantedAt: row.created_at,
        grantedBy: null,
        lastUsedAt: row.last_used_at,
        parts: [{ by: row.id, as: 'holder of the grant' }],
        flags: row.break_glass && row.last_used_at === null ? ['never_used'] : [],
        manages: manages(row.roles),
        content: digest({
          roles: row.roles.toSorted(),
          authority: (row.authority ?? []) as JsonValue,
          groups: row.groups.toSorted(),
        }),
      };
    }),
    ...(await readPatterns(client, controlled, workspaceId)),
    ...overrides.map(
      (row): Subject => ({
        ...PLAIN,
        type: 'temporary_grant',
        key: `temporary_grant:${row.id}`,
        title: `an exception to the freeze ${row.freeze_name}`,
        summary: `Changes go through the freeze ${row.freeze_name} until ${row.ends_at.toISOString()}: ${row.reason}`,
        grantedAt: row.starts_at,
        grantedBy: row.approved_by,
        parts: [row.requested_by, row.requested_by_id, row.approved_by, row.approved_by_id].flatMap((by, i) =>
          by === null ? [] : [{ by, as: i < 2 ? 'asked for the exception' : 'approved the exception' }],
        ),
        content: digest({ freeze: row.freeze_name, ends_at: row.ends_at.toISOString() }),
      }),
    ),
  ];
}

/** Patterns by which changes need nobody: approved once, and good until somebody takes them back. */
async function readPatterns(
  client: ClientBase,
  controlled: ControlledTypes,
  workspaceId: WorkspaceId,
): Promise<Subject[]> {
  const document = await controlled.get('change_settings')?.read(client, workspaceId, '*');
  const settings =
    typeof document === 'object' && document !== null && 'standard' in document ? document.standard : undefined;
  if (!Array.isArray(settings)) return [];
  const { rows } = await client.query<{ author: string; updated_at: Date }>(
    'SELECT author, updated_at FROM change_settings WHERE workspace_id = $1',
    [workspaceId],
  );
  return settings.map((pattern: JsonValue): Subject => {
    const name = typeof pattern === 'object' && pattern !== null && 'name' in pattern ? String(pattern.name) : '';
    return {
      ...PLAIN,
      type: 'standing_approval',
      key: `standing_approval:${name}`,
      title: `the standard change ${name}`,
      summary: `Changes that fit it need nobody: ${canonicalJson(pattern)}`,
      grantedAt: rows[0]?.updated_at ?? null,
      grantedBy: rows[0]?.author ?? null,
      parts: rows[0] === undefined ? [] : [{ by: rows[0].author, as: 'wrote the settings of changes' }],
      content: digest(pattern),
    };
  });
}
