/** The policy in force, read as one snapshot. */
import {
  type Capability,
  checkCapability,
  checkGuards,
  checkSources,
  type FreezeOverride,
  freezeFromDocument,
  type JsonObject,
  type PolicySet,
  type Risk,
  roleFromDocument,
} from '@hivekey/policy';
import type { ClientBase, Pool } from 'pg';
import { Failure } from '../errors.ts';
import type { WorkspaceId } from '../ids.ts';
import type { LoggedTransaction } from '../log/index.ts';

const capabilityRows = (workspaceId: string): string => `
SELECT coalesce(json_agg(json_build_object('name', c.name, 'description', c.description, 'access', c.access, 'destructive', c.destructive,
                                           'impact', c.impact, 'input_schema', c.input_schema, 'external', c.external, 'about', c.about, 'reference', c.reference) ORDER BY c.name), '[]')
  FROM capabilities c WHERE c.workspace_id = ${workspaceId}`;

// One statement is one snapshot: revision and content always belong together.
const SNAPSHOT = `
SELECT s.policy_revision,
  (SELECT coalesce(json_agg(json_build_object('name', r.name, 'revision', v.revision, 'document', v.document) ORDER BY r.name), '[]')
     FROM roles r JOIN role_revisions v ON v.workspace_id = r.workspace_id AND v.role = r.name AND v.revision = r.current_revision
    WHERE r.workspace_id = s.workspace_id) AS roles,
  (SELECT g.guards FROM workspace_guard_revisions g WHERE g.workspace_id = s.workspace_id ORDER BY g.revision DESC LIMIT 1) AS guards,
  (${capabilityRows('s.workspace_id')}) AS capabilities,
  (SELECT coalesce(array_agg(DISTINCT k.target), '{}') FROM containments k
    WHERE k.workspace_id = s.workspace_id AND k.scope = 'tool' AND k.lifted_at IS NULL) AS stopped_tools,
  (SELECT coalesce(json_agg(json_build_object('document', f.document, 'overrides',
            (SELECT coalesce(json_agg(json_build_object('id', o.id, 'fromMs', floor(extract(epoch FROM o.starts_at) * 1000),
                                                        'untilMs', floor(extract(epoch FROM o.ends_at) * 1000)) ORDER BY o.starts_at, o.id), '[]')
               FROM freeze_overrides o WHERE o.workspace_id = f.workspace_id AND o.freeze_name = f.name AND o.in_policy)) ORDER BY f.name), '[]')
     FROM freezes f JOIN workspaces w ON w.id = f.workspace_id
    WHERE f.workspace_id = s.workspace_id
      AND (NOT f.document -> 'scope' ? 'environments' OR f.document -> 'scope' -> 'environments' ? w.environment)) AS freezes,
  (SELECT coalesce(json_agg(json_build_object('document', t.document, 'revision', r.current_revision + 1) ORDER BY t.role), '[]')
     FROM role_candidates t JOIN roles r ON r.workspace_id = t.workspace_id AND r.name = t.role
    WHERE t.workspace_id = s.workspace_id) AS candidates,
  (SELECT coalesce(json_agg(json_build_object('tool', x.subject, 'id', x.id, 'level', x.level, 'untilMs', floor(extract(epoch FROM x.expires_at) * 1000)) ORDER BY x.id), '[]')
     FROM risk_signals x WHERE x.workspace_id = s.workspace_id AND x.kind = 'tool' AND x.cleared_at IS NULL AND x.expires_at > now()) AS tool_risks,
  (SELECT o.document FROM source_revisions o WHERE o.workspace_id = s.workspace_id ORDER BY o.revision DESC LIMIT 1) AS sources,
  (SELECT coalesce(max(m.version), 0)::text FROM mcp_catalogues m WHERE m.workspace_id = s.workspace_id) AS catalogue_version,
  (SELECT json_build_object('revision', p.revision, 'hash', p.policy_hash) FROM policy_revisions p
    WHERE p.workspace_id = s.workspace_id ORDER BY p.revision DESC LIMIT 1) AS published
  FROM workspace_state s WHERE s.workspace_id = $1`;

interface SnapshotRow {
  policy_revision: number;
  roles: { name: string; revision: number; document: unknown }[];
  guards: unknown;
  capabilities: {
    name: string;
    description: string;
    access: string;
    destructive: boolean;
    impact: JsonObject;
    input_schema: JsonObject | null;
    external: boolean | null;
    about: JsonObject | null;
    reference: string | null;
  }[];
  sources: unknown;
  tool_risks: (Risk & { tool: string })[];
  freezes: { document: unknown; overrides: FreezeOverride[] }[];
  candidates: { document: unknown; revision: number }[];
  stopped_tools: string[];
  catalogue_version: string;
  published: PublishedPolicy | null;
}

/** As it stands in the archive of what was published. */
export interface PublishedPolicy {
  readonly revision: number;
  readonly hash: string;
}

interface Surroundings {
  /** The newest one; undefined: there never was one. */
  readonly published: PublishedPolicy | undefined;
  /** Capabilities under a tool stop. */
  readonly stoppedTools: ReadonlySet<string>;
  /** What detectors say of capabilities. It is no part of the policy; a change is a revision of it, as that of a stop is. */
  readonly toolRisks: ReadonlyMap<string, readonly Risk[]>;
  /** Of the MCP servers' catalogue that belongs to this revision. */
  readonly catalogueVersion: string;
}

export interface PolicySnapshot extends Surroundings {
  readonly set: PolicySet;
}

/** What the rows say, whether or not it can be read. */
export interface PolicyState extends Surroundings {
  readonly revision: number;
  readonly set: PolicySet | PolicyUnreadable;
}

/** A stored document no longer passes its own check: nothing may be decided with it. */
export class PolicyUnreadable extends Failure {
  constructor(problem: string) {
    super(
      503,
      'policy_unreadable',
      `What is stored of the policy cannot be read: ${problem}.`,
      'It was edited past HiveKey: see GET /v1/drift, and put back what was approved with POST /v1/drift/restore.',
    );
  }
}

/** The policy in force in the workspace. Throws PolicyUnreadable rather than leave a rule out. */
export async function loadPolicySet(client: Pool | ClientBase, workspaceId: WorkspaceId): Promise<PolicySnapshot> {
  const { set, revision: _, ...surroundings } = await loadPolicyState(client, workspaceId);
  if (set instanceof PolicyUnreadable) throw set;
  return { set, ...surroundings };
}

export async function loadPolicyState(client: Pool | ClientBase, workspaceId: WorkspaceId): Promise<PolicyState> {
  const { rows } = await client.query<SnapshotRow>({ name: 'policy-snapshot', text: SNAPSHOT, values: [workspaceId] });
  const row = rows[0];
  if (row === undefined) throw new PolicyUnreadable(`workspace ${workspaceId} has no state`);
  return {
    revision: row.policy_revision,
    set: setIn(row),
    published: row.published ?? undefined,
    stoppedTools: new Set(row.stopped_tools),
    toolRisks: Map.groupBy(row.tool_risks, ({ tool }) => tool),
    catalogueVersion: row.catalogue_version,
  };
}

function setIn(row: SnapshotRow): PolicySet | PolicyUnreadable {
  try {
    return readSet(row);
  } catch (error) {
    if (error instanceof PolicyUnreadable) return error;
    throw error;
  }
}

function readSet(row: SnapshotRow): PolicySet {
  const roles = row.roles.map(({ name, revision, document }) =>
    checkedValue(roleFromDocument(document, revision), `role ${name}`),
  );
  const workspaceGuards = checkedValue(checkGuards(row.guards ?? [], 'workspace'), 'workspace guards');
  const capabilities = row.capabilities.map(readCapability);
  const freezes = row.freezes.map(({ document, overrides }) =>
    checkedValue(freezeFromDocument(document, overrides), 'change freeze'),
  );
  const candidates = row.candidates.map(({ document, revision }) =>
    checkedValue(roleFromDocument(document, revision), 'candidate of a role'),
  );
  return {
    revision: row.policy_revision,
    roles,
    workspaceGuards,
    capabilities,
    freezes,
    candidates,
    ...sourcesIn(row.sources),
  };
}

function readCapability({
  input_schema,
  external,
  about,
  reference,
  ...rest
}: SnapshotRow['capabilities'][number]): Capability {
  const given = Object.entries({ input_schema, external, about, reference }).filter(([, value]) => value !== null);
  return checkedValue(checkCapability({ ...rest, ...Object.fromEntries(given) }), `capability ${rest.name}`);
}

/** Of the policy, its capabilities alone. Throws PolicyUnreadable. */
export async function loadCapabilities(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
): Promise<readonly Capability[]> {
  const { rows } = await client.query<Pick<SnapshotRow, 'capabilities'>>({
    name: 'policy-capabilities',
    text: `SELECT (${capabilityRows('$1')}) AS capabilities`,
    values: [workspaceId],
  });
  return (rows[0]?.capabilities ?? []).map(readCapability);
}

function sourcesIn(document: unknown): Pick<PolicySet, 'sources'> {
  if (document === null) return {};
  const { trusted, untrusted, unmarked } = checkedValue(checkSources(document), 'sources');
  return { sources: { trusted, untrusted, unmarked } };
}

function checkedValue<T>(
  checked: { ok: true; value: T } | { ok: false; problems: readonly { message: string }[] },
  what: string,
): T {
  if (checked.ok) return checked.value;
  throw new PolicyUnreadable(`${what}: ${checked.problems.map((problem) => problem.message).join('; ')}`);
}

/** Declares a capability or updates it. A discovered definition never overwrites what a person declared. */
export async function upsertCapability(
  transaction: LoggedTransaction,
  workspaceId: WorkspaceId,
  capability: Capability,
  source: 'declared' | 'discovered',
): Promise<void> {
  await transaction.client.query(
    `INSERT INTO capabilities (workspace_id, name, description, access, destructive, impact, input_schema, source, external, about, reference)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
     ON CONFLICT (workspace_id, name) DO UPDATE SET
       description = excluded.description, access = excluded.access, destructive = excluded.destructive,
       impact = excluded.impact, input_schema = excluded.input_schema, source = excluded.source,
       external = excluded.external, about = excluded.about, reference = excluded.reference, updated_at = now()
     WHERE capabilities.source = 'discovered' OR excluded.source = 'declared'`,
    [
      workspaceId,
      capability.name,
      capability.description,
      capability.access,
      capability.destructive,
      JSON.stringify(capability.impact),
      capability.inputSchema === undefined ? null : JSON.stringify(capability.inputSchema),
      source,
      capability.external ?? null,
      capability.about === undefined ? null : JSON.stringify(capability.about),
      capability.reference ?? null,
    ],
  );
}
