/** Campaigns, items and what was said of them, as they are stored. */
import type { JsonValue } from '@hivekey/policy';
import type { ClientBase, Pool } from 'pg';
import { Failure } from '../errors.ts';
import type { PersonId, WorkspaceId } from '../ids.ts';
import type { ItemType } from './kinds.ts';
import { policyDocument, type ReviewPolicy } from './policy.ts';
import { type Facts, factsSchema } from './population.ts';
import type { Basis } from './reviewers.ts';
import type { Tier } from './tier.ts';

export interface CampaignRow {
  readonly id: string;
  readonly kind: 'scheduled' | 'manual' | 'event';
  readonly cause: { readonly [name: string]: JsonValue };
  readonly scope: { readonly [name: string]: JsonValue };
  readonly policyVersion: number;
  readonly policy: ReviewPolicy;
  readonly ownerId: PersonId;
  readonly owner: string;
  readonly launchedBy: string;
  readonly snapshotAt: Date;
  readonly snapshotSha256: string;
  readonly dueAt: Date;
  readonly status: 'running' | 'closed' | 'voided';
  readonly missedAt: Date | null;
  readonly recheckSeed: string | null;
  readonly recheckAt: Date | null;
  readonly closedAt: Date | null;
  readonly closedBy: string | null;
  readonly voidedAt: Date | null;
  readonly voidedBy: string | null;
  readonly voidReason: string | null;
}

export const CAMPAIGN = `c.id, c.kind, c.cause, c.scope, c.policy_version AS "policyVersion", c.policy, c.owner_id AS "ownerId", c.owner,
  c.launched_by AS "launchedBy", c.snapshot_at AS "snapshotAt", c.snapshot_sha256 AS "snapshotSha256", c.due_at AS "dueAt", c.status,
  c.missed_at AS "missedAt", c.recheck_seed AS "recheckSeed", c.recheck_at AS "recheckAt", c.closed_at AS "closedAt",
  c.closed_by AS "closedBy", c.voided_at AS "voidedAt", c.voided_by AS "voidedBy", c.void_reason AS "voidReason"`;

/** Throws `review_not_found`. */
export async function findCampaign(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  id: string,
): Promise<CampaignRow> {
  const { rows } = await client.query<CampaignRow>(
    `SELECT ${CAMPAIGN} FROM review_campaigns c WHERE c.workspace_id = $1 AND c.id = $2`,
    [workspaceId, id],
  );
  const [row] = rows;
  if (row !== undefined) return { ...row, policy: policyDocument.parse(row.policy) };
  throw new Failure(404, 'review_not_found', `There is no review "${id}".`, 'List them with GET /v1/reviews.');
}

/** Throws `review_over`. */
export function refuseOver({ id, status }: Pick<CampaignRow, 'id' | 'status'>): void {
  if (status === 'running') return;
  throw new Failure(
    409,
    'review_over',
    `The review ${id} is ${status}: nothing of it changes any more.`,
    'Launch another one.',
  );
}

export interface ItemRow {
  readonly campaign: string;
  readonly number: number;
  readonly id: string;
  readonly type: ItemType;
  readonly subject: string;
  readonly title: string;
  readonly agentId: string | null;
  readonly agent: string | null;
  readonly ownerId: PersonId | null;
  readonly owner: string | null;
  readonly role: string | null;
  readonly roleVersion: number | null;
  readonly tier: Tier;
  readonly privileged: boolean;
  readonly facts: Facts;
  readonly barred: Readonly<Record<string, string>>;
  readonly decision: 'keep' | 'modify' | 'revoke' | null;
  readonly decidedAt: Date | null;
  readonly missedAt: Date | null;
  readonly missedAct: 'suspended' | 'revoked' | 'nothing' | null;
  readonly assignments: readonly AssignmentRow[];
  readonly decisions: readonly DecisionRow[];
}

export interface AssignmentRow {
  readonly number: number;
  readonly personId: PersonId;
  readonly reviewer: string;
  readonly basis: Basis;
  readonly note: string;
  readonly assignedAt: Date;
  readonly assignedBy: string;
  readonly reassignedFrom: string | null;
  readonly reason: string | null;
  readonly firstOpenedAt: Date | null;
  readonly lastOpenedAt: Date | null;
  readonly endedAt: Date | null;
}

export interface DecisionRow {
  readonly number: number;
  readonly assignment: number;
  readonly personId: PersonId;
  readonly person: string;
  readonly decision: 'keep' | 'modify' | 'revoke' | 'escalate';
  readonly reason: string;
  readonly operations: readonly Operation[] | null;
  readonly stagedDays: number | null;
  readonly decidedAt: Date;
  readonly via: string;
  readonly bulkGroup: string | null;
  readonly secondsOnItem: number | null;
  readonly submittedAt: Date | null;
  readonly supersededAt: Date | null;
  readonly actor: string;
  readonly credentialId: string;
}

/** One object of change control as it shall be, and the content hash it was drafted on. */
export interface Operation {
  readonly type: 'role' | 'assignment' | 'person_authority' | 'change_settings';
  readonly id: string;
  readonly document: JsonValue | null;
  readonly base: string | null;
}

const ITEMS = `
SELECT i.campaign_id AS campaign, i.number, i.id, i.item_type AS type, i.subject, i.title, i.agent_id AS "agentId", i.agent,
       i.owner_id AS "ownerId", i.owner, i.role, i.role_version AS "roleVersion", i.tier, i.privileged, i.facts, i.barred,
       i.decision, i.decided_at AS "decidedAt", i.missed_at AS "missedAt", i.missed_act AS "missedAct"
  FROM review_items i WHERE i.workspace_id = $1`;

const ASSIGNMENTS = `
SELECT a.campaign_id AS campaign, a.item, a.number, a.person_id AS "personId", p.email AS reviewer, a.basis, a.note,
       a.assigned_at AS "assignedAt", a.assigned_by AS "assignedBy", a.reassigned_from AS "reassignedFrom", a.reason,
       a.first_opened_at AS "firstOpenedAt", a.last_opened_at AS "lastOpenedAt", a.ended_at AS "endedAt"
  FROM review_assignments a JOIN people p ON p.workspace_id = a.workspace_id AND p.id = a.person_id
 WHERE a.workspace_id = $1 AND (a.campaign_id, a.item) IN (SELECT * FROM unnest($2::text[], $3::int[])) ORDER BY a.number`;

const DECISIONS = `
SELECT d.campaign_id AS campaign, d.item, d.number, d.assignment, d.person_id AS "personId", p.email AS person, d.decision, d.reason,
       d.operations, d.staged_days AS "stagedDays", d.decided_at AS "decidedAt", d.via, d.bulk_group AS "bulkGroup",
       d.seconds_on_item AS "secondsOnItem", d.submitted_at AS "submittedAt", d.superseded_at AS "supersededAt", d.actor,
       d.credential_id AS "credentialId"
  FROM review_decisions d JOIN people p ON p.workspace_id = d.workspace_id AND p.id = d.person_id
 WHERE d.workspace_id = $1 AND (d.campaign_id, d.item) IN (SELECT * FROM unnest($2::text[], $3::int[])) ORDER BY d.number`;

type Bare = Omit<ItemRow, 'assignments' | 'decisions'>;

async function complete(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  items: readonly Bare[],
): Promise<ItemRow[]> {
  if (items.length === 0) return [];
  const keys = [workspaceId, items.map(({ campaign }) => campaign), items.map(({ number }) => number)];
  const { rows: assignments } = await client.query<AssignmentRow & Of>(ASSIGNMENTS, keys);
  const { rows: decisions } = await client.query<DecisionRow & Of>(DECISIONS, keys);
  const key = ({ campaign, item }: Of): string => `${campaign} ${item}`;
  const assigned = Map.groupBy(assignments, key);
  const decided = Map.groupBy(decisions, key);
  return items.map((item) => ({
    ...item,
    facts: factsSchema.parse(item.facts),
    assignments: assigned.get(`${item.campaign} ${item.number}`) ?? [],
    decisions: decided.get(`${item.campaign} ${item.number}`) ?? [],
  }));
}

interface Of {
  readonly campaign: string;
  readonly item: number;
}

/** All of a campaign, in their order. */
export async function itemsOf(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  campaign: string,
): Promise<readonly ItemRow[]> {
  const { rows } = await client.query<Bare>(`${ITEMS} AND i.campaign_id = $2 ORDER BY i.number`, [
    workspaceId,
    campaign,
  ]);
  return complete(client, workspaceId, rows);
}

/** Up to `limit` after the number. */
export async function pageOfItems(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  campaign: string,
  after: number,
  limit: number,
): Promise<readonly ItemRow[]> {
  const { rows } = await client.query<Bare>(
    `${ITEMS} AND i.campaign_id = $2 AND i.number > $3 ORDER BY i.number LIMIT $4`,
    [workspaceId, campaign, after, limit],
  );
  return complete(client, workspaceId, rows);
}

/** In the order of the ids. Throws `review_item_not_found`. */
export async function findItems(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  campaign: string,
  ids: readonly string[],
): Promise<readonly ItemRow[]> {
  const { rows } = await client.query<Bare>(`${ITEMS} AND i.campaign_id = $2 AND i.id = ANY($3)`, [
    workspaceId,
    campaign,
    ids,
  ]);
  const found = new Map((await complete(client, workspaceId, rows)).map((item) => [item.id, item]));
  return ids.map((id) => {
    const item = found.get(id);
    if (item !== undefined) return item;
    throw new Failure(
      404,
      'review_item_not_found',
      `The review ${campaign} has no item "${id}".`,
      'List them with GET /v1/reviews/:review/items.',
    );
  });
}

/** Throws `review_item_not_found`. */
export async function findItem(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  campaign: string,
  id: string,
): Promise<ItemRow> {
  const [item] = await findItems(client, workspaceId, campaign, [id]);
  if (item === undefined) throw new Error('an item that was found is there');
  return item;
}

/** What waits for a person, in every running campaign. */
export async function itemsFor(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  personId: PersonId,
): Promise<readonly ItemRow[]> {
  const { rows } = await client.query<Bare>(
    `${ITEMS} AND EXISTS (
       SELECT FROM review_assignments a JOIN review_campaigns c ON c.workspace_id = a.workspace_id AND c.id = a.campaign_id
        WHERE a.workspace_id = i.workspace_id AND a.campaign_id = i.campaign_id AND a.item = i.number AND a.person_id = $2
          AND a.ended_at IS NULL AND c.status = 'running')
     ORDER BY i.campaign_id, i.number`,
    [workspaceId, personId],
  );
  return complete(client, workspaceId, rows);
}

export interface RemediationRow {
  readonly campaign: string;
  readonly item: number;
  readonly itemId: string;
  readonly title: string;
  readonly privileged: boolean;
  readonly id: string;
  readonly kind: 'revoke' | 'modify' | 'suspend';
  readonly decision: number | null;
  readonly dueAt: Date;
  readonly openedAt: Date;
  readonly notBefore: Date | null;
  readonly suspendedAt: Date | null;
  readonly attempts: number;
  readonly changeId: string | null;
  readonly executedAt: Date | null;
  readonly executedBy: string | null;
  readonly verifiedAt: Date | null;
  readonly verificationMethod: string | null;
  readonly verifiedState: string | null;
  readonly verifiedSha256: string | null;
  readonly problem: string | null;
  readonly exceptionById: PersonId | null;
  readonly exceptionBy: string | null;
  readonly exceptionReason: string | null;
  readonly exceptionUntil: Date | null;
  readonly exceptionAskedAt: Date | null;
  readonly exceptedBy: string | null;
  readonly exceptedAt: Date | null;
}

const REMEDIATIONS = `
SELECT r.campaign_id AS campaign, r.item, i.id AS "itemId", i.title, i.privileged, r.id, r.kind, r.decision, r.due_at AS "dueAt",
       r.opened_at AS "openedAt", r.not_before AS "notBefore", r.suspended_at AS "suspendedAt", r.attempts, r.change_id AS "changeId",
       r.executed_at AS "executedAt", r.executed_by AS "executedBy", r.verified_at AS "verifiedAt",
       r.verification_method AS "verificationMethod", r.verified_state AS "verifiedState", r.verified_sha256 AS "verifiedSha256",
       r.problem, r.exception_by_id AS "exceptionById", r.exception_by AS "exceptionBy", r.exception_reason AS "exceptionReason",
       r.exception_until AS "exceptionUntil", r.exception_asked_at AS "exceptionAskedAt", r.excepted_by AS "exceptedBy",
       r.excepted_at AS "exceptedAt"
  FROM review_remediations r
  JOIN review_items i ON i.workspace_id = r.workspace_id AND i.campaign_id = r.campaign_id AND i.number = r.item
 WHERE r.workspace_id = $1`;

export async function remediationsOf(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  campaign: string,
): Promise<readonly RemediationRow[]> {
  const { rows } = await client.query<RemediationRow>(
    `${REMEDIATIONS} AND r.campaign_id = $2 ORDER BY r.item, r.opened_at, r.id`,
    [workspaceId, campaign],
  );
  return rows;
}

/** Throws `remediation_not_found`. */
export async function findRemediation(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  campaign: string,
  id: string,
): Promise<RemediationRow> {
  const { rows } = await client.query<RemediationRow>(`${REMEDIATIONS} AND r.campaign_id = $2 AND r.id = $3`, [
    workspaceId,
    campaign,
    id,
  ]);
  const [row] = rows;
  if (row !== undefined) return row;
  throw new Failure(
    404,
    'remediation_not_found',
    `The review ${campaign} has no remediation "${id}".`,
    'List them with GET /v1/reviews/:review/remediations.',
  );
}

/** Neither verified, nor excepted by two people for as long as they said. */
export function isOpen({ verifiedAt, exceptedAt, exceptionUntil }: RemediationRow, now: Date): boolean {
  if (verifiedAt !== null) return false;
  return exceptedAt === null || (exceptionUntil !== null && exceptionUntil.getTime() <= now.getTime());
}
