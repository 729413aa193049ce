/** The population of a campaign: everything there is to review, with what a reviewer needs to judge it. Frozen, and hashed. */
import { createHash } from 'node:crypto';
import { canonicalJson } from '@hivekey/action-log';
import type { JsonValue } from '@hivekey/policy';
import type { ClientBase } from 'pg';
import { z } from 'zod';
import type { Worlds } from '../blast-radius/index.ts';
import type { PersonId, WorkspaceId } from '../ids.ts';
import type { ControlledTypes } from '../versions/index.ts';
import { changesSince } from './changes-since.ts';
import { ITEM_TYPES, type ItemType } from './kinds.ts';
import { type Reconciliation, reconcile } from './reconcile.ts';
import { type Barred, barredFrom, type Directory } from './reviewers.ts';
import { type Exclusion, type Frozen, readSubjects, type Subject } from './subjects.ts';
import { isPrivileged, type Tier, tierOf } from './tier.ts';

/** Days for which use is counted. */
export const USE_DAYS = 90;
const DAY_MS = 86_400_000;

const scopeSchema = z.strictObject({
  types: z.array(z.enum(ITEM_TYPES)).min(1),
  agents: z
    .array(z.string().min(1).max(128))
    .min(1)
    .max(1000)
    .nullable()
    .meta({ description: 'Ids; null: all of them.' }),
  roles: z
    .array(z.string().min(1).max(128))
    .min(1)
    .max(1000)
    .nullable()
    .meta({ description: 'Names; null: all of them.' }),
});
export type Scope = z.output<typeof scopeSchema>;

const amount = z.enum(['bounded', 'unbounded', 'unknown']);

/** Beside an item for its reviewer, and in the frozen file. */
export const factsSchema = z
  .object({
    summary: z.string().meta({ description: 'What it grants, in words.' }),
    capabilities: z.array(z.string()),
    granted_at: z.string().nullable(),
    granted_by: z.string().nullable(),
    last_used_at: z.string().nullable(),
    use_count_90d: z.int().nullable().meta({ description: 'Allowed or held. Null: this is not counted by itself.' }),
    refused_90d: z.int().nullable().meta({ description: 'Refused by guards.' }),
    use_known_from: z.string().nullable().meta({ description: 'Null: nothing is known of use.' }),
    blast_radius_usd_24h: z.int().nullable().meta({ description: 'Cents; null: there is no number, and it is not 0.' }),
    blast_radius: amount.nullable().meta({ description: 'Null: it is not computed for this.' }),
    flags: z.array(z.string()),
    content: z.string().meta({ description: 'Digest of what it grants.' }),
    last_review: z.object({ item: z.string(), decision: z.string(), at: z.string() }).nullable(),
    changes: z.array(z.string()).meta({ description: 'Since the last review, in words.' }),
  })
  .meta({ id: 'ReviewFacts' });
export type Facts = z.output<typeof factsSchema>;

export interface DraftItem {
  readonly number: number;
  readonly id: string;
  readonly subject: Subject;
  readonly tier: Tier;
  readonly privileged: boolean;
  readonly facts: Facts;
  readonly barred: Barred;
}

export interface Population {
  readonly items: readonly DraftItem[];
  readonly reconciliations: readonly Reconciliation[];
  readonly exclusions: readonly Exclusion[];
  /** Canonical JSON (RFC 8785). */
  readonly document: string;
  /** SHA-256 of it, hex. */
  readonly sha256: string;
}

export interface FreezeContext {
  readonly worlds: Worlds;
  readonly controlled: ControlledTypes;
}

/** Of the workspace as it stands: to be called in the transaction that keeps it. */
export async function freeze(
  client: ClientBase,
  { worlds, controlled }: FreezeContext,
  workspaceId: WorkspaceId,
  campaign: string,
  scope: Scope,
  directory: Directory,
  now: Date,
): Promise<Population> {
  const frozen = await readSubjects(client, controlled, workspaceId, now);
  const { within, exclusions } = narrow(frozen, scope);
  const use = await readUse(client, workspaceId, now);
  const radius = await readRadii(worlds, workspaceId, within);
  const before = await lastReviews(
    client,
    workspaceId,
    within.map(({ key }) => key),
  );
  const width = Math.max(3, String(within.length).length);
  const items = within.map((subject, i): DraftItem => {
    const tier = tierOf(subject, frozen.set);
    const last = before.get(subject.key);
    const facts: Facts = {
      summary: subject.summary,
      capabilities: [...subject.capabilities],
      granted_at: subject.grantedAt?.toISOString() ?? null,
      granted_by: subject.grantedBy,
      ...use.of(subject),
      ...radius(subject),
      flags: [...subject.flags],
      content: subject.content,
      last_review: last === undefined ? null : { item: last.item, decision: last.decision, at: last.at.toISOString() },
      changes: [],
    };
    const barred = barredFrom(directory, subject.parts);
    const number = i + 1;
    return {
      number,
      id: `${campaign}-${String(number).padStart(width, '0')}`,
      subject,
      tier,
      privileged: isPrivileged(tier),
      facts: {
        ...facts,
        flags: [...facts.flags, ...(isUnused(subject, facts, now) ? ['unused_90d'] : [])],
        changes: changesSince(last, { facts, owner: subject.agent?.owner ?? null, roleVersion: subject.roleVersion }),
      },
      barred,
    };
  });
  const reconciliations = await reconcile(client, workspaceId);
  const document = canonicalJson({
    v: 1,
    kind: 'access_review_population',
    campaign,
    snapshot_at: now.toISOString(),
    scope,
    counts: countsOf(items),
    items: items.map(itemOnFile),
    exclusions,
    reconciliations,
  });
  return { items, reconciliations, exclusions, document, sha256: createHash('sha256').update(document).digest('hex') };
}

/** type → how many. */
export function countsOf(items: readonly DraftItem[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { subject } of items) counts[subject.type] = (counts[subject.type] ?? 0) + 1;
  return counts;
}

function itemOnFile({ id, subject, tier, privileged, facts }: DraftItem): JsonValue {
  const { type, key, title, agent, role, roleVersion } = subject;
  return {
    id,
    type,
    subject: key,
    title,
    agent_id: agent?.id ?? null,
    agent: agent?.name ?? null,
    owner: agent?.owner ?? null,
    role,
    role_version: roleVersion,
    tier,
    privileged,
    ...facts,
  };
}

/** What the scope leaves out is counted, with why. */
function narrow(
  { subjects, exclusions }: Frozen,
  scope: Scope,
): { within: readonly Subject[]; exclusions: readonly Exclusion[] } {
  const types: ReadonlySet<ItemType> = new Set(scope.types);
  const agents = scope.agents === null ? undefined : new Set(scope.agents);
  const roles = scope.roles === null ? undefined : new Set(scope.roles);
  const within: Subject[] = [];
  const left = new Map<string, number>();
  for (const subject of subjects) {
    const { type, agent, role } = subject;
    const isOfAgents = agents === undefined || (agent !== null && agents.has(agent.id));
    const isOfRoles = roles === undefined || (role !== null && roles.has(role));
    if (types.has(type) && isOfAgents && isOfRoles) within.push(subject);
    else left.set(type, (left.get(type) ?? 0) + 1);
  }
  return {
    within,
    exclusions: [
      ...exclusions.filter(({ count }) => count > 0),
      ...[...left].map(([what, count]) => ({ what, count, reason: 'outside the scope of the campaign' })),
    ],
  };
}

interface UseRow {
  agent_id: string;
  role: string;
  action: string;
  calls: number;
  refused: number;
  last_at: Date;
}

type Use = Pick<Facts, 'last_used_at' | 'use_count_90d' | 'refused_90d' | 'use_known_from'>;

async function readUse(
  client: ClientBase,
  workspaceId: WorkspaceId,
  now: Date,
): Promise<{ of(subject: Subject): Use }> {
  const from = new Date((Math.floor(now.getTime() / DAY_MS) - USE_DAYS) * DAY_MS).toISOString().slice(0, 10);
  const { rows } = await client.query<UseRow>(
    `SELECT u.agent_id, r.role, u.action, sum(u.calls)::float8 AS calls, sum(u.refused)::float8 AS refused, max(u.last_at) AS last_at
       FROM capability_use u, unnest(u.roles) AS r (role)
      WHERE u.workspace_id = $1 AND u.day >= $2::date GROUP BY 1, 2, 3`,
    [workspaceId, from],
  );
  const { rows: known } = await client.query<{ calls_from: Date | null }>(
    'SELECT calls_from FROM use_cursors WHERE workspace_id = $1',
    [workspaceId],
  );
  const knownFrom = known[0]?.calls_from?.toISOString() ?? null;
  const byWearer = Map.groupBy(rows, ({ agent_id, role }) => `${agent_id} ${role}`);
  return {
    of({ type, role, capabilities, wearers, lastUsedAt }) {
      const own = {
        last_used_at: lastUsedAt?.toISOString() ?? null,
        use_count_90d: null,
        refused_90d: null,
        use_known_from: null,
      };
      if (role === null || (type !== 'assignment' && type !== 'role')) return own;
      const granted = new Set(capabilities);
      const used = wearers
        .flatMap((agent) => byWearer.get(`${agent} ${role}`) ?? [])
        .filter(({ action }) => granted.has(action));
      const last = used.reduce<Date | undefined>(
        (at, { last_at }) => (at === undefined || last_at > at ? last_at : at),
        undefined,
      );
      return {
        last_used_at: last?.toISOString() ?? null,
        use_count_90d: used.reduce((sum, { calls }) => sum + calls, 0),
        refused_90d: used.reduce((sum, { refused }) => sum + refused, 0),
        use_known_from: knownFrom,
      };
    },
  };
}

/** Said only of what is older than that, where the log covers the time. */
function isUnused({ grantedAt }: Subject, { use_count_90d: count, use_known_from: from }: Facts, now: Date): boolean {
  const since = now.getTime() - USE_DAYS * DAY_MS;
  return (
    count === 0 &&
    grantedAt !== null &&
    grantedAt.getTime() <= since &&
    from !== null &&
    new Date(from).getTime() <= since
  );
}

type Radius = Pick<Facts, 'blast_radius' | 'blast_radius_usd_24h'>;

/** Without anybody's help, within 24 hours; of a role, what all who wear it can do. */
async function readRadii(
  worlds: Worlds,
  workspaceId: WorkspaceId,
  subjects: readonly Subject[],
): Promise<(subject: Subject) => Radius> {
  const none: Radius = { blast_radius: null, blast_radius_usd_24h: null };
  const read = await worlds.read(workspaceId);
  const ofAgents = new Map<string, Radius>();
  for (const { radius, agents } of await worlds.fleet(workspaceId, read))
    for (const { id } of agents) ofAgents.set(id, usdOf(radius.cells));
  const ofRoles = new Map<string, Radius>();
  const known = new Set(read.world.set.roles.map(({ name }) => name));
  for (const { type, role } of subjects)
    if (type === 'role' && role !== null && known.has(role)) {
      const view = { kind: 'role' as const, id: role, name: role, status: null };
      const radius = await worlds.radius(workspaceId, read, {
        subject: { kind: 'role', id: role },
        view,
        world: read.world,
      });
      ofRoles.set(role, usdOf(radius.cells));
    }
  return ({ type, agent, role }) =>
    (type === 'role' ? ofRoles.get(role ?? '') : agent === null ? undefined : ofAgents.get(agent.id)) ?? none;
}

type Cells = Awaited<ReturnType<Worlds['radius']>>['cells'];

function usdOf(cells: Cells): Radius {
  const cell = cells.find(({ unit, horizon, line }) => unit === 'usd' && horizon === '24h' && line === 'alone');
  // What spends no money has none to lose.
  if (cell === undefined) return { blast_radius: 'bounded', blast_radius_usd_24h: 0 };
  const { amount: found } = cell;
  return {
    blast_radius: found.kind,
    blast_radius_usd_24h: found.kind === 'bounded' ? Math.ceil(found.value) : null,
  };
}

export interface LastReview {
  readonly item: string;
  readonly decision: string;
  readonly at: Date;
  readonly facts: Facts;
  readonly owner: string | null;
  readonly roleVersion: number | null;
}

/** By subject, the last one that was decided. */
async function lastReviews(
  client: ClientBase,
  workspaceId: WorkspaceId,
  subjects: readonly string[],
): Promise<ReadonlyMap<string, LastReview>> {
  const { rows } = await client.query<{
    subject: string;
    item: string;
    decision: string;
    at: Date;
    facts: unknown;
    owner: string | null;
    role_version: number | null;
  }>(
    `SELECT DISTINCT ON (i.subject) i.subject, i.id AS item, i.decision, i.decided_at AS at, i.facts, i.owner, i.role_version
       FROM review_items i JOIN review_campaigns c ON c.workspace_id = i.workspace_id AND c.id = i.campaign_id AND c.status <> 'voided'
      WHERE i.workspace_id = $1 AND i.subject = ANY($2) AND i.decision IS NOT NULL
      ORDER BY i.subject, i.decided_at DESC`,
    [workspaceId, subjects],
  );
  return new Map(
    rows.map(({ subject, facts, role_version: roleVersion, ...row }) => [
      subject,
      { ...row, roleVersion, facts: factsSchema.parse(facts) },
    ]),
  );
}

/** Person id → why, as it is kept. */
export function barredOnRow(barred: Barred): Record<PersonId, string> {
  return Object.fromEntries(barred) as Record<PersonId, string>;
}
