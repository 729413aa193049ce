/** Publishing: what a transaction has changed becomes the policy in force, as a numbered, hashed revision. */
import { type Difference, type PolicySet, policyDiff, policyHash } from '@hivekey/policy';
import type { ClientBase, Pool } from 'pg';
import { Failure } from '../errors.ts';
import type { WorkspaceId } from '../ids.ts';
import type { BeforeCommit, LoggedTransaction } from '../log/index.ts';
import { basisOf, provenanceOfEdit } from '../versions/index.ts';
import { findArchived, isIntact } from './archive.ts';
import { loadPolicyState, type PolicyState, PolicyUnreadable } from './policy-set.ts';

/** Key of the step that publishes. */
const STEP = 'policy';

/** Those that change more than which tools are stopped. */
const edits = new WeakSet<LoggedTransaction>();
/** Those that began while the rows were not what was published. */
const onDrift = new WeakSet<LoggedTransaction>();

/**
 * Makes what the transaction changed the policy in force: the next revision, with its hash and its content kept. It
 * comes once, at the end of the transaction, however many changes ask for it. Updating the state row meets every
 * recording transaction, so no action is recorded under the old policy after this commits. `stops`: nothing but which
 * tools are stopped has changed, which waits for nothing.
 */
export function publishPolicy(
  transaction: LoggedTransaction,
  workspaceId: WorkspaceId,
  actor: string,
  what: 'set' | 'stops' = 'set',
): void {
  if (what === 'set') edits.add(transaction);
  transaction.atEnd(STEP, () => publishNow(transaction, workspaceId, actor));
}

/**
 * Looks, from outside of the transaction, whether what it goes out from is what was published: whoever edits rows past
 * HiveKey does not have them published with the next change that somebody else makes.
 */
export function noticePolicyDrift(pool: Pool): BeforeCommit {
  return async (transaction, { workspaceId, steps }) => {
    if (steps.has(STEP) && isDrifted(await loadPolicyState(pool, workspaceId))) onDrift.add(transaction);
  };
}

/** Whether the rows are not what was published last. */
export function isDrifted({ set, published }: Pick<PolicyState, 'set' | 'published'>): boolean {
  if (published === undefined) return false;
  return set instanceof PolicyUnreadable || policyHash(set) !== published.hash;
}

/** Whether the rows are what was published last, but for change freezes. */
export async function differsInFreezesAlone(client: ClientBase, workspaceId: WorkspaceId): Promise<boolean> {
  const { set } = await loadPolicyState(client, workspaceId);
  const archived = await findArchived(client, workspaceId, { kind: 'newest' });
  if (set instanceof PolicyUnreadable || archived === undefined || !isIntact(archived)) return false;
  return policyHash({ ...set, freezes: [] }) === policyHash({ ...archived.set, freezes: [] });
}

async function publishNow(transaction: LoggedTransaction, workspaceId: WorkspaceId, actor: string): Promise<void> {
  const { client } = transaction;
  const isUnsafe = onDrift.has(transaction) && basisOf(transaction).kind !== 'restored';
  if (isUnsafe && edits.has(transaction)) throw policyDrift();
  await client.query(
    'UPDATE workspace_state SET policy_revision = policy_revision + 1, updated_at = now() WHERE workspace_id = $1',
    [workspaceId],
  );
  const { revision, set: rows, stoppedTools, published } = await loadPolicyState(client, workspaceId);
  const set = isUnsafe ? await publishedSet(transaction, workspaceId) : rows;
  if (set instanceof PolicyUnreadable) throw set;
  const hash = policyHash(set);
  const document = { ...set, revision, stoppedTools: [...stoppedTools].sort() };
  await client.query(
    `INSERT INTO policy_revisions (workspace_id, revision, policy_hash, document, actor, created_at)
     VALUES ($1, $2, $3, $4, $5, clock_timestamp())`,
    [workspaceId, revision, hash, JSON.stringify(document), actor],
  );
  transaction.log({
    kind: 'policy.changed',
    actor,
    policy: hash,
    policy_revision: revision,
    ...(published === undefined ? {} : { prev_policy: published.hash }),
    ...(edits.has(transaction) ? await provenanceOfEdit(transaction, workspaceId, actor) : { basis: 'stop' }),
    loosens: await loosens(client, workspaceId, set, published, hash),
  });
}

/** Whether it may let through what the one before did not. Undefined: there was none that can be read. */
async function loosens(
  client: ClientBase,
  workspaceId: WorkspaceId,
  set: PolicySet,
  published: PolicyState['published'],
  hash: string,
): Promise<boolean | undefined> {
  if (published?.hash === hash) return false;
  const before =
    published === undefined
      ? undefined
      : await findArchived(client, workspaceId, { kind: 'revision', revision: published.revision });
  if (before === undefined || !isIntact(before)) return undefined;
  return isLooser(policyDiff(before.set, set));
}

/** A stop is published over what was in force, whatever the rows say meanwhile. */
async function publishedSet({ client }: LoggedTransaction, workspaceId: WorkspaceId) {
  const archived = await findArchived(client, workspaceId, { kind: 'newest' });
  if (archived === undefined || !isIntact(archived)) throw policyDrift();
  return archived.set;
}

function policyDrift(): Failure {
  return new Failure(
    409,
    'policy_drift',
    'The policy was edited past HiveKey, and is not published with another change.',
    'See GET /v1/drift, and put back what was approved with POST /v1/drift/restore.',
  );
}

/** What is neither certain to narrow nor neutral. */
export function isLooser({ direction }: Difference): boolean {
  return direction === 'widens' || direction === 'changes';
}
