/**
 * Launching a campaign: the population is frozen, hashed and given to reviewers in one transaction. The workspace is locked in
 * it, so that nothing that is reviewed changes while it is written down.
 */
import type { ClientBase, Pool } from 'pg';
import { Failure } from '../errors.ts';
import type { PersonId, WorkspaceId } from '../ids.ts';
import { countUse } from '../least-privilege/index.ts';
import type { LoggedTransaction } from '../log/index.ts';
import type { ReviewContext } from './context.ts';
import { readDirectory } from './directory.ts';
import { type PolicyVersion, readPolicy } from './policy.ts';
import { barredOnRow, countsOf, type DraftItem, freeze, type Population, type Scope } from './population.ts';
import { type Assigned, assignReviewers, type Directory, peopleBehind } from './reviewers.ts';

const DAY_MS = 86_400_000;
/** On one record, which has at most 64 KiB. */
const MAX_NAMED = 100;
/** Steps of counting use before it is frozen; the rest is counted as time goes on. */
const STEPS_BEFORE = 4;

/** Why there is a campaign. */
export type Cause =
  | { readonly kind: 'scheduled'; readonly slot: string }
  | { readonly kind: 'manual'; readonly reason: string }
  | {
      readonly kind: 'event';
      readonly event: 'owner_moved' | 'role_widened' | 'blast_radius_up' | 'unused';
      /** Of an agent, or the name of a role. */
      readonly subject: string;
      readonly detail: string;
    };

export interface Wanted {
  readonly cause: Cause;
  /** As it stands in the log. */
  readonly actor: string;
  readonly person?: string | undefined;
  readonly scope: Scope;
  readonly dueDays: number;
  /** What is started once by it; undefined: a person wants it. */
  readonly trigger?: string;
}

export interface Launched {
  readonly id: string;
  readonly items: number;
  /** Items that nobody may review. */
  readonly unassigned: number;
}

/**
 * Undefined where the trigger has started one already, or there is nothing to review. Throws `review_owner_missing`,
 * `review_reviewers_missing` and `review_empty` for a person.
 */
export async function launch(
  context: ReviewContext,
  workspaceId: WorkspaceId,
  wanted: Wanted,
): Promise<Launched | undefined> {
  const { pool, worlds, log } = context;
  const { trigger } = wanted;
  // Asked again inside: without this every look would keep calls waiting for nothing.
  if (trigger !== undefined && (await isStarted(pool, workspaceId, trigger))) return undefined;
  for (let step = 0; step < STEPS_BEFORE; step += 1) if (!(await countUse(pool, workspaceId))) break;
  // Computed before, and found again inside as long as nothing changes meanwhile: calls wait while the workspace is locked.
  await worlds.fleet(workspaceId, await worlds.read(workspaceId));
  return log.transact(workspaceId, async (transaction) => {
    if (trigger !== undefined && (await isStarted(transaction.client, workspaceId, trigger))) return undefined;
    return launchIn(transaction, context, workspaceId, wanted);
  });
}

async function isStarted(client: Pool | ClientBase, workspaceId: WorkspaceId, trigger: string): Promise<boolean> {
  const { rowCount } = await client.query('SELECT FROM review_triggers WHERE workspace_id = $1 AND key = $2', [
    workspaceId,
    trigger,
  ]);
  return rowCount !== 0;
}

async function launchIn(
  transaction: LoggedTransaction,
  context: ReviewContext,
  workspaceId: WorkspaceId,
  wanted: Wanted,
): Promise<Launched | undefined> {
  const { client, now } = transaction;
  const policy = await readPolicy(client, workspaceId);
  const directory = await readDirectory(client, workspaceId);
  const owner = ownerOf(directory, policy);
  const id = await freeName(transaction, workspaceId, wanted.cause, now);
  const population = await freeze(client, context, workspaceId, id, wanted.scope, directory, now);
  const isWanted = wanted.cause.kind === 'manual';
  if (population.items.length === 0) {
    if (isWanted) throw new Failure(409, 'review_empty', 'There is nothing of this to review.', 'Widen the scope.');
    return undefined;
  }
  const assigned = population.items.map((item) => ({
    item,
    reviewers: assignReviewers(directory, {
      subject: item.subject,
      privileged: item.privileged,
      barred: item.barred,
      policy: policy.policy,
      ownerId: owner.id,
    }),
  }));
  const unassigned = assigned.filter(({ reviewers }) => reviewers.length === 0);
  if (isWanted && unassigned.length > 0) throw nobodyLeft(unassigned.map(({ item }) => item));
  const dueAt = new Date(now.getTime() + wanted.dueDays * DAY_MS);
  const eventId = transaction.log({
    kind: 'review.launched',
    actor: wanted.actor,
    person: wanted.person,
    severity: unassigned.length > 0 ? 'high' : undefined,
    campaign: id,
    cause: wanted.cause,
    scope: wanted.scope.agents === null && wanted.scope.roles === null ? { types: wanted.scope.types } : wanted.scope,
    policy_version: policy.version,
    owner: owner.email,
    due_at: dueAt.toISOString(),
    snapshot_sha256: population.sha256,
    items: population.items.length,
    by_type: countsOf(population.items),
    reconciliations: population.reconciliations.length,
    unassigned: unassigned.length,
    unassigned_items: unassigned.slice(0, MAX_NAMED).map(({ item }) => item.id),
    to: [...new Set([owner.email])],
  });
  await client.query(
    `INSERT INTO review_campaigns (workspace_id, id, kind, cause, scope, policy_version, policy, owner_id, owner, launched_by,
                                   snapshot_at, snapshot_sha256, due_at, event_id)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`,
    [
      workspaceId,
      id,
      wanted.cause.kind,
      JSON.stringify(wanted.cause),
      JSON.stringify(wanted.scope),
      policy.version,
      JSON.stringify(policy.policy),
      owner.id,
      owner.email,
      wanted.actor,
      now,
      population.sha256,
      dueAt,
      eventId,
    ],
  );
  await keep(transaction, workspaceId, id, population);
  await keepAssignments(transaction, workspaceId, id, directory, assigned);
  if (wanted.trigger !== undefined)
    await client.query('INSERT INTO review_triggers (workspace_id, key, campaign_id) VALUES ($1, $2, $3)', [
      workspaceId,
      wanted.trigger,
      id,
    ]);
  return { id, items: population.items.length, unassigned: unassigned.length };
}

/** Whoever answers for reviews. Throws `review_owner_missing`. */
function ownerOf(
  directory: Directory,
  { policy: { owner } }: PolicyVersion,
): { readonly id: PersonId; readonly email: string } {
  const person = owner === null ? undefined : directory.byEmail.get(owner);
  if (person?.active === true && !person.breakGlass) return person;
  throw new Failure(
    409,
    'review_owner_missing',
    owner === null ? 'Nobody answers for access reviews.' : `${owner}, who answers for access reviews, is not active.`,
    'Name the owner in the policy of reviews: PUT /v1/review-policy.',
  );
}

function nobodyLeft(items: readonly DraftItem[]): Failure {
  return new Failure(
    409,
    'review_reviewers_missing',
    `${items.length} items have nobody left who may review them: each candidate has a part in them.`,
    'Name fallbacks, and a superior of the owner, in the policy of reviews: PUT /v1/review-policy.',
    items.slice(0, MAX_NAMED).map(({ id, subject }) => ({ code: 'nobody_left', message: `${id}: ${subject.title}` })),
  );
}

/** AR-2026-Q3, AR-2026-M2, AR-2026-E7; one that was voided keeps its name. */
async function freeName(
  { client }: LoggedTransaction,
  workspaceId: WorkspaceId,
  cause: Cause,
  now: Date,
): Promise<string> {
  const year = now.getUTCFullYear();
  const stem = cause.kind === 'scheduled' ? `AR-${cause.slot}` : `AR-${year}-${cause.kind === 'manual' ? 'M' : 'E'}`;
  const { rows } = await client.query<{ id: string }>(
    'SELECT id FROM review_campaigns WHERE workspace_id = $1 AND starts_with(id, $2)',
    [workspaceId, stem],
  );
  const taken = new Set(rows.map(({ id }) => id));
  if (cause.kind === 'scheduled' && !taken.has(stem)) return stem;
  for (let n = cause.kind === 'scheduled' ? 2 : 1; ; n += 1) {
    const name = cause.kind === 'scheduled' ? `${stem}.${n}` : `${stem}${n}`;
    if (!taken.has(name)) return name;
  }
}

async function keep(
  { client }: LoggedTransaction,
  workspaceId: WorkspaceId,
  campaign: string,
  { items, document }: Population,
): Promise<void> {
  await client.query('INSERT INTO review_populations (workspace_id, campaign_id, document) VALUES ($1, $2, $3)', [
    workspaceId,
    campaign,
    document,
  ]);
  const rows = items.map(({ number, id, subject, tier, privileged, facts, barred }) => ({
    number,
    id,
    item_type: subject.type,
    subject: subject.key,
    title: subject.title,
    agent_id: subject.agent?.id ?? null,
    agent: subject.agent?.name ?? null,
    owner_id: subject.agent?.ownerId ?? null,
    owner: subject.agent?.owner ?? null,
    role: subject.role,
    role_version: subject.roleVersion,
    tier,
    privileged,
    facts,
    barred: barredOnRow(barred),
  }));
  await client.query(
    `INSERT INTO review_items (workspace_id, campaign_id, number, id, item_type, subject, title, agent_id, agent, owner_id, owner,
                               role, role_version, tier, privileged, facts, barred)
     SELECT $1, $2, r.number, r.id, r.item_type, r.subject, r.title, r.agent_id, r.agent, r.owner_id, r.owner, r.role, r.role_version,
            r.tier, r.privileged, r.facts, r.barred
       FROM jsonb_to_recordset($3::jsonb) AS r (number int, id text, item_type text, subject text, title text, agent_id text, agent text,
         owner_id text, owner text, role text, role_version int, tier text, privileged boolean, facts jsonb, barred jsonb)`,
    [workspaceId, campaign, JSON.stringify(rows)],
  );
}

async function keepAssignments(
  transaction: LoggedTransaction,
  workspaceId: WorkspaceId,
  campaign: string,
  directory: Directory,
  assigned: readonly { readonly item: DraftItem; readonly reviewers: readonly Assigned[] }[],
): Promise<void> {
  const { client, now, log } = transaction;
  const rows = assigned.flatMap(({ item, reviewers }) =>
    reviewers.map(({ personId, basis, note }, i) => ({
      item: item.number,
      number: i + 1,
      person_id: personId,
      basis,
      note,
    })),
  );
  await client.query(
    `INSERT INTO review_assignments (workspace_id, campaign_id, item, number, person_id, basis, note, assigned_at, assigned_by)
     SELECT $1, $2, r.item, r.number, r.person_id, r.basis, r.note, $4, 'system'
       FROM jsonb_to_recordset($3::jsonb) AS r (item int, number int, person_id text, basis text, note text)`,
    [workspaceId, campaign, JSON.stringify(rows), now],
  );
  const ids = new Map(assigned.map(({ item }) => [item.number, item.id]));
  for (const [personId, mine] of Map.groupBy(rows, ({ person_id }) => person_id)) {
    const reviewer = directory.people.get(personId)?.email;
    log({
      kind: 'review.assigned',
      actor: 'system',
      campaign,
      reviewer,
      items: mine.length,
      items_named: mine.slice(0, MAX_NAMED).map(({ item }) => ids.get(item)),
      basis: Object.fromEntries([...Map.groupBy(mine, ({ basis }) => basis)].map(([basis, of]) => [basis, of.length])),
      to: reviewer === undefined ? [] : [reviewer],
    });
  }
}

/** What a launch now would be, without one: counts, who would review how much, and what nobody may. */
export async function previewLaunch(
  context: ReviewContext,
  workspaceId: WorkspaceId,
  scope: Scope,
): Promise<{
  readonly items: number;
  readonly byType: Record<string, number>;
  readonly byTier: Record<string, number>;
  readonly reviewers: readonly { readonly reviewer: string; readonly items: number }[];
  readonly unassigned: readonly { readonly subject: string; readonly why: readonly string[] }[];
  readonly reconciliations: Population['reconciliations'];
  readonly exclusions: Population['exclusions'];
}> {
  const client = await context.pool.connect();
  try {
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    const { rows } = await client.query<{ now: Date }>('SELECT now() AS now');
    const policy = await readPolicy(client, workspaceId);
    const directory = await readDirectory(client, workspaceId);
    const owner = ownerOf(directory, policy);
    const now = rows[0]?.now ?? new Date(context.clock());
    const { items, reconciliations, exclusions } = await freeze(
      client,
      context,
      workspaceId,
      'preview',
      scope,
      directory,
      now,
    );
    await client.query('COMMIT');
    const counts = new Map<string, number>();
    const unassigned: { subject: string; why: string[] }[] = [];
    for (const { subject, privileged, barred } of items) {
      const found = assignReviewers(directory, {
        subject,
        privileged,
        barred,
        policy: policy.policy,
        ownerId: owner.id,
      });
      for (const { personId } of found) {
        const email = directory.people.get(personId)?.email ?? personId;
        counts.set(email, (counts.get(email) ?? 0) + 1);
      }
      if (found.length === 0)
        unassigned.push({
          subject: subject.title,
          why: [...barred].map(([personId, why]) => `${directory.people.get(personId)?.email ?? personId}: ${why}`),
        });
    }
    const byTier: Record<string, number> = {};
    for (const { tier } of items) byTier[tier] = (byTier[tier] ?? 0) + 1;
    return {
      items: items.length,
      byType: countsOf(items),
      byTier,
      reviewers: [...counts]
        .map(([reviewer, count]) => ({ reviewer, items: count }))
        .toSorted((a, b) => b.items - a.items),
      unassigned,
      reconciliations,
      exclusions,
    };
  } finally {
    await client.query('ROLLBACK').catch(() => undefined);
    client.release();
  }
}

/** Also those of now: who has got a part in it since it was frozen. */
export function nowBarred(
  directory: Directory,
  frozen: Readonly<Record<string, string>>,
  now: readonly { readonly by: string; readonly as: string }[],
): ReadonlyMap<PersonId, string> {
  const barred = new Map(Object.entries(frozen) as [PersonId, string][]);
  for (const { by, as } of now) for (const id of peopleBehind(directory, by)) if (!barred.has(id)) barred.set(id, as);
  return barred;
}
