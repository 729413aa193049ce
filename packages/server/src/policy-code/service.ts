/** Planning, posting and applying folders of policy files. */
import type { ClientBase } from 'pg';
import type { Administrator } from '../api/route.ts';
import {
  activateChange,
  type ChangeRow,
  type ChangesContext,
  findChange,
  insertDraft,
  MAX_OPERATIONS,
  nameOfChange,
  refuseUnlessWriter,
  submitChange,
} from '../changes/index.ts';
import { Failure } from '../errors.ts';
import type { WorkspaceId } from '../ids.ts';
import type { LoggedTransaction } from '../log/index.ts';
import { isReviewed, OBJECT_TYPES, type ObjectType, readControl } from '../versions/index.ts';
import { addCommit, lastApplied, type PostedPlan, postedPlans } from './commits.ts';
import { driftOf } from './drift.ts';
import { inSnapshot, type LiveObject, readLive, readNames } from './objects.ts';
import { digestOf, type Folder, isForFiles, type Plan, planOf } from './plan.ts';
import type { GitSource, PolicyCodeView } from './views.ts';

/** A change that asks for exactly what a plan does. */
type SameChange = Pick<ChangeRow, 'id' | 'number' | 'status'>;

export interface PlanAndChange {
  readonly plan: Plan;
  readonly change: SameChange | undefined;
}

/** Throws `policy_code_invalid`. */
export function planFolder(context: ChangesContext, workspaceId: WorkspaceId, folder: Folder): Promise<PlanAndChange> {
  return inSnapshot(context.pool, async (client) => {
    const plan = await planIn(client, context, workspaceId, folder);
    return { plan, change: (await standingOf(client, workspaceId, plan)).same[0] };
  });
}

async function planIn(
  client: ClientBase,
  { controlled }: Pick<ChangesContext, 'controlled'>,
  workspaceId: WorkspaceId,
  folder: Folder,
): Promise<Plan> {
  const types = new Set<ObjectType>([...folder.owned, ...folder.objects.map(({ type }) => type)]);
  const names = await readNames(client, workspaceId, types);
  const live = await readLive(client, workspaceId, controlled, types, names);
  const planned = planOf(folder, live, names, controlled);
  if (planned.ok) return planned.plan;
  throw new Failure(
    422,
    'policy_code_invalid',
    `${planned.problems.length} places of the folder cannot be used.`,
    'Correct the places in problems.',
    planned.problems,
  );
}

const OPEN: ReadonlySet<string> = new Set(['draft', 'submitted', 'approved', 'scheduled']);

interface Standing {
  /** Open changes that ask for exactly this, newest first, with the commit that they name. */
  readonly same: readonly (SameChange & Pick<PostedPlan, 'repository' | 'commit'>)[];
  /** A change of a folder that says the same, drafted on something that is not there any more. */
  readonly moved: SameChange | undefined;
}

async function standingOf(client: ClientBase, workspaceId: WorkspaceId, plan: Plan): Promise<Standing> {
  const same: Standing['same'][number][] = [];
  let moved: SameChange | undefined;
  for (const { change, digest, repository, commit } of await postedPlans(client, workspaceId, plan)) {
    const { id, number, status, operations } = await findChange(client, workspaceId, change);
    // A draft that was edited is not what was posted any more.
    if (digestOf(operations) !== digest) continue;
    if (digest === plan.digest && OPEN.has(status)) same.push({ id, number, status, repository, commit });
    else if (digest !== plan.digest && (OPEN.has(status) || status === 'stale')) moved ??= { id, number, status };
  }
  return { same, moved };
}

export interface Post {
  readonly folder: Folder;
  /** Null: the files are not those of a commit. */
  readonly source: GitSource | null;
  readonly title?: string | undefined;
  readonly justification?: string | undefined;
  readonly ticket?: string | undefined;
  /** Of the plan that is meant; undefined: whatever differs. */
  readonly digest?: string | undefined;
}

/**
 * Asks for what the folder says, and submits it. The same content of the same commit is asked for once. Nothing is asked for
 * where nothing differs. Throws `policy_code_invalid`, `policy_code_stale`, `policy_code_too_large`, and what drafting and
 * submitting throw.
 */
export async function postPlan(context: ChangesContext, who: Administrator, post: Post): Promise<PlanAndChange> {
  const { workspaceId } = who;
  const drafted = await context.log.transact(workspaceId, async (transaction) => {
    const plan = await planIn(transaction.client, context, workspaceId, post.folder);
    if (post.digest !== undefined && post.digest !== plan.digest) throw otherThanPlanned();
    if (plan.operations.length === 0) return { plan, change: undefined };
    const { same } = await standingOf(transaction.client, workspaceId, plan);
    const { repository = null, commit = null } = post.source ?? {};
    const standing = same.find((each) => each.repository === repository && each.commit === commit);
    return { plan, change: standing ?? (await draft(transaction, who, plan, post)) };
  });
  const { plan, change } = drafted;
  if (change?.status !== 'draft') return drafted;
  return { plan, change: await submitChange(context, who, change.id) };
}

const MAX_NAMED = 3;

async function draft(
  transaction: LoggedTransaction,
  who: Administrator,
  plan: Plan,
  { folder, source, title, justification, ticket }: Post,
): Promise<ChangeRow> {
  refuseUnlessWriter(who.roles, plan.operations);
  if (plan.operations.length > MAX_OPERATIONS) throw tooLarge(plan.operations.length);
  const row = await insertDraft(transaction, who, {
    class: 'normal',
    title: title ?? titleOf(plan),
    justification: [
      justification ?? '',
      ...(source === null
        ? ['Planned from files that are not those of a commit: Git does not say where they come from.']
        : []),
    ]
      .filter((text) => text !== '')
      .join('\n'),
    ticket: ticket ?? null,
    operations: plan.operations.map(({ type, id, document, base }) => ({ type, id, document, base })),
    activate_at: null,
    source,
    rollback_of: null,
  });
  await addCommit(transaction, who, { folder, plan, source, change: row.id, applied: false });
  return row;
}

function titleOf({ operations }: Plan): string {
  const named = operations.slice(0, MAX_NAMED).map(({ action, type, name }) => {
    return `${action} ${type.replaceAll('_', ' ')}${name === '*' ? '' : ` ${name}`}`;
  });
  const more = operations.length - named.length;
  return `${named.join(', ')}${more > 0 ? ` and ${more} more` : ''}`.slice(0, 200);
}

export interface Apply {
  readonly folder: Folder;
  readonly source: GitSource | null;
  /** Of the plan that is meant; undefined: whatever differs. */
  readonly digest?: string | undefined;
}

/**
 * Puts in force what the folder says: the approved change of exactly this content; where nothing of it is reviewed, a change
 * that needs nobody. Throws `policy_code_invalid`, `policy_code_stale`, `policy_code_not_approved`, `policy_code_waiting`, and what
 * activating throws.
 */
export async function applyFolder(context: ChangesContext, who: Administrator, apply: Apply): Promise<PlanAndChange> {
  const { workspaceId } = who;
  const { plan, change: found } = await inSnapshot(context.pool, (client) =>
    findApproved(client, context, workspaceId, apply),
  );
  if (plan.operations.length === 0) return { plan: await keepUnchanged(context, who, apply), change: undefined };
  const change = found ?? (await postPlan(context, who, { ...apply, digest: plan.digest })).change;
  if (change === undefined) throw otherThanPlanned();
  if (!isApproved(change)) throw notYetApproved(change);
  const activated = await activateChange(context, who, change.id);
  await keepCommit(context, who, apply, plan, activated);
  return { plan, change: activated };
}

/** The approved change of exactly this; undefined: none is needed. */
async function findApproved(
  client: ClientBase,
  context: ChangesContext,
  workspaceId: WorkspaceId,
  { folder, digest }: Apply,
): Promise<PlanAndChange> {
  const plan = await planIn(client, context, workspaceId, folder);
  if (digest !== undefined && digest !== plan.digest) throw otherThanPlanned();
  if (plan.operations.length === 0) return { plan, change: undefined };
  const { same, moved } = await standingOf(client, workspaceId, plan);
  const approved = same.find(isApproved);
  if (approved !== undefined) return { plan, change: approved };
  const waiting = same.find(({ status }) => status === 'submitted');
  if (waiting !== undefined) throw notYetApproved(waiting);
  const control = await readControl(client, workspaceId);
  if (plan.operations.some(({ type }) => isReviewed(control, type)))
    throw moved === undefined ? notAskedFor() : movedSince(moved);
  return { plan, change: undefined };
}

function isApproved({ status }: SameChange): boolean {
  return status === 'approved' || status === 'scheduled';
}

/** Remembers the commit of which everything is live already, unless it is the one that is remembered. */
function keepUnchanged(context: ChangesContext, who: Administrator, apply: Apply): Promise<Plan> {
  return context.log.transact(who.workspaceId, async (transaction) => {
    const { client } = transaction;
    const plan = await planIn(client, context, who.workspaceId, apply.folder);
    if (plan.operations.length > 0) throw otherThanPlanned();
    const last = await lastApplied(client, who.workspaceId);
    const isKnown = last?.folder === plan.folder && last.source?.commit === apply.source?.commit;
    if (!isKnown) await keepApplied(transaction, who, apply, plan, undefined);
    return plan;
  });
}

/** The change names the commit that it was planned from; another one that says the same is kept beside it. */
async function keepCommit(
  { log }: ChangesContext,
  who: Administrator,
  apply: Apply,
  plan: Plan,
  change: ChangeRow,
): Promise<void> {
  if (apply.source === null) return;
  const { repository, commit } = apply.source;
  if (change.source?.repository === repository && change.source.commit === commit) return;
  await log.transact(who.workspaceId, (transaction) => keepApplied(transaction, who, apply, plan, change));
}

async function keepApplied(
  transaction: LoggedTransaction,
  who: Administrator,
  { folder, source }: Apply,
  plan: Plan,
  change: ChangeRow | undefined,
): Promise<void> {
  await addCommit(transaction, who, { folder, plan, source, change: change?.id ?? null, applied: true });
  transaction.log({
    kind: 'policy_code.applied',
    actor: who.actor,
    repository: source?.repository,
    commit: source?.commit,
    commit_author: source?.author,
    signature: source?.signature.status,
    signing_key: source?.signature.key ?? undefined,
    change_id: change?.id,
    change: change && nameOfChange(change),
    sha256: plan.folder,
    objects: plan.hashes.length,
  });
}

/** What is live against what was last applied from files. */
export function readPolicyCode(
  { pool, controlled }: ChangesContext,
  workspaceId: WorkspaceId,
): Promise<PolicyCodeView> {
  return inSnapshot(pool, async (client) => {
    const applied = await lastApplied(client, workspaceId);
    if (applied === undefined) return NOTHING_APPLIED;
    const { source, owned, hashes, change, appliedAt, appliedBy } = applied;
    const types = new Set<ObjectType>([...owned, ...hashes.map(({ type }) => type)]);
    const names = await readNames(client, workspaceId, types);
    const objects = driftOf(hashes, owned, await readLive(client, workspaceId, controlled, types, names), names);
    return {
      object: 'policy_code',
      repository: source?.repository ?? null,
      commit: source?.commit ?? null,
      author: source?.author ?? null,
      signature: source?.signature ?? null,
      change,
      applied_at: appliedAt,
      applied_by: appliedBy,
      owned: [...owned].sort(),
      drifted: objects.some(({ state }) => state !== 'same'),
      objects: [...objects],
    };
  });
}

const NOTHING_APPLIED: PolicyCodeView = {
  object: 'policy_code',
  repository: null,
  commit: null,
  author: null,
  signature: null,
  change: null,
  applied_at: null,
  applied_by: null,
  owned: [],
  drifted: false,
  objects: [],
};

/** Of the types named, or of all; those that files have. */
export function readObjects(
  { pool, controlled }: ChangesContext,
  workspaceId: WorkspaceId,
  types: readonly ObjectType[] = OBJECT_TYPES,
): Promise<readonly LiveObject[]> {
  return inSnapshot(pool, async (client) => {
    const wanted = new Set(types);
    const live = await readLive(client, workspaceId, controlled, wanted, await readNames(client, workspaceId, wanted));
    return live.filter(isForFiles);
  });
}

/** Nobody reads more, and agents wait while a change is put in force. */
function tooLarge(operations: number): Failure {
  return new Failure(
    422,
    'policy_code_too_large',
    `The folder would change ${operations} objects, and a change has at most ${MAX_OPERATIONS}.`,
    'Ask for a part of it: a folder with some of the files, that owns nothing.',
  );
}

function otherThanPlanned(): Failure {
  return new Failure(
    409,
    'policy_code_stale',
    'What the folder would change now is not what was planned: files or what is live have changed since.',
    'Plan again.',
  );
}

function movedSince(change: SameChange): Failure {
  return new Failure(
    409,
    'policy_code_stale',
    `${nameOfChange(change)} was planned from these files, and what is live has changed since.`,
    'Plan and post it again, so that it is approved as what it does now.',
  );
}

function notAskedFor(): Failure {
  return new Failure(
    409,
    'policy_code_not_approved',
    'No open change asks for exactly what the folder would change.',
    'Ask for it with hivekey plan --post, and have it approved.',
  );
}

function notYetApproved(change: SameChange): Failure {
  return new Failure(
    409,
    'policy_code_waiting',
    `${nameOfChange(change)} is ${change.status}, and not approved yet.`,
    'Have somebody else approve it; hivekey apply --wait waits for that.',
  );
}
