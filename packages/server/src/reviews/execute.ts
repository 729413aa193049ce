/**
 * A decision is the change that takes effect: what a reviewer took away goes by the functions that everybody else takes it away
 * by. What change control wants reviewed is drafted and submitted in the reviewer's name, and waits for another person there.
 */
import type { JsonValue } from '@hivekey/policy';
import { revokeCredential } from '../agent-auth/index.ts';
import { readAgent, revokeToken, suspendAgentIn } from '../agents/index.ts';
import type { Administrator } from '../api/route.ts';
import { activateChange, carryOut, findChange, insertDraft, submitChange } from '../changes/index.ts';
import { endDelegation } from '../delegations/index.ts';
import { Failure } from '../errors.ts';
import { endOverride } from '../freezes/index.ts';
import { revokeKey } from '../identity/index.ts';
import type { AgentId, KeyId, WorkspaceId } from '../ids.ts';
import { endAccount } from '../passkeys/index.ts';
import { publishPolicy } from '../roles/index.ts';
import { contentHash } from '../versions/index.ts';
import type { ReviewContext } from './context.ts';
import type { DecisionRow, ItemRow, Operation } from './rows.ts';

export type Executed =
  /** In force now, or before. */
  | { readonly kind: 'done' }
  /** Waits for somebody else to approve it. */
  | { readonly kind: 'change'; readonly changeId: string };

/** What the review of a change of it takes; whether it may be made was decided by who approves it. */
const WRITER = ['admin', 'author', 'operator'] as const;

/** In whose name it goes: the reviewer's; of a missed deadline nobody's. */
export function inNameOf(workspaceId: WorkspaceId, decision: DecisionRow | undefined): Administrator {
  if (decision === undefined)
    // Nobody's credential: whatever asks for a person refuses it.
    return { workspaceId, credentialId: '' as KeyId, actor: 'system', via: 'key', roles: WRITER };
  const { actor, credentialId, personId, person } = decision;
  return {
    workspaceId,
    credentialId: credentialId as KeyId,
    actor,
    via: 'key',
    roles: WRITER,
    person: { id: personId, email: person },
  };
}

/** Throws the Failure of whatever refuses it. Done twice it changes nothing the second time. */
export async function execute(
  context: ReviewContext,
  who: Administrator,
  item: ItemRow,
  kind: 'revoke' | 'modify' | 'suspend',
  decision: DecisionRow | undefined,
): Promise<Executed> {
  const reason = `${item.id}: ${decision?.reason ?? 'nobody decided by the due date'}`;
  if (kind === 'suspend') {
    await suspend(context, who, item, reason);
    return { kind: 'done' };
  }
  if (kind === 'modify') return applyOrDraft(context, who, item, decision?.operations ?? [], reason);
  const id = item.subject.slice(item.subject.lastIndexOf(':') + 1);
  switch (item.type) {
    case 'assignment':
    case 'role':
    case 'grant':
    case 'standing_approval':
      return applyOrDraft(context, who, item, await withoutIt(context, who.workspaceId, item), reason);
    case 'credential':
      await endCredential(context, who, item, id);
      return { kind: 'done' };
    case 'delegation':
      await done('delegation_over', () => endDelegation(context.log, who, id, reason));
      return { kind: 'done' };
    case 'break_glass':
      await done('break_glass_not_found', () => endAccount(context, who, id));
      return { kind: 'done' };
    case 'temporary_grant':
      await endException(context, who, id);
      return { kind: 'done' };
  }
}

/** That it was over already is what was wanted. */
async function done(code: string, run: () => Promise<unknown>): Promise<void> {
  try {
    await run();
  } catch (error) {
    if (!(error instanceof Failure) || error.code !== code) throw error;
  }
}

/** The agent; of a role, every agent that wears it. Calls in flight are aborted before this resolves. */
export async function suspend(
  context: ReviewContext,
  who: Administrator,
  item: ItemRow,
  reason: string,
): Promise<void> {
  const { pool, log, path } = context;
  const { workspaceId } = who;
  const ids =
    item.agentId !== null
      ? [item.agentId]
      : (
          await pool.query<{ id: string }>(
            `SELECT a.id FROM agent_roles w JOIN agents a ON a.workspace_id = w.workspace_id AND a.id = w.agent_id
              WHERE w.workspace_id = $1 AND w.role = $2 AND a.rehearsal_id IS NULL ORDER BY a.id`,
            [workspaceId, item.type === 'role' ? item.role : null],
          )
        ).rows.map(({ id }) => id);
  if (ids.length === 0) return;
  await log.transact(workspaceId, async (transaction) => {
    for (const id of ids) await suspendAgentIn(transaction, who, id, reason);
  });
  await path.stop(workspaceId, { kind: 'agents', agentIds: new Set(ids as AgentId[]) });
}

/** The documents in which it is not there any more; none where it is gone. */
async function withoutIt(
  { pool, controlled }: ReviewContext,
  workspaceId: WorkspaceId,
  item: ItemRow,
): Promise<readonly Operation[]> {
  const operations: Operation[] = [];
  const add = async (
    type: Operation['type'],
    id: string,
    edit: (document: JsonValue) => JsonValue | null,
  ): Promise<void> => {
    const before = await controlled.get(type)?.read(pool, workspaceId, id);
    if (before === undefined) return;
    const document = edit(before);
    const base = contentHash(before);
    if (document === null || contentHash(document) !== base) operations.push({ type, id, document, base });
  };
  const withoutRole = (document: JsonValue): JsonValue => ({
    roles: listOf(document, 'roles').filter((each) => each !== item.role),
  });
  switch (item.type) {
    case 'assignment':
      if (item.agentId !== null) await add('assignment', item.agentId, withoutRole);
      break;
    case 'role': {
      const { rows } = await pool.query<{ id: string }>(
        `SELECT w.agent_id AS id FROM agent_roles w JOIN agents a ON a.workspace_id = w.workspace_id AND a.id = w.agent_id
          WHERE w.workspace_id = $1 AND w.role = $2 AND a.rehearsal_id IS NULL ORDER BY 1`,
        [workspaceId, item.role],
      );
      for (const { id } of rows) await add('assignment', id, withoutRole);
      if (item.role !== null) await add('role', item.role, () => null);
      break;
    }
    case 'grant':
      await add('person_authority', item.subject.slice('grant:'.length), (document) => ({
        authority: [],
        groups: listOf(document, 'groups'),
        roles: [],
      }));
      break;
    case 'standing_approval': {
      const name = item.subject.slice('standing_approval:'.length);
      await add('change_settings', '*', (document) => ({
        ...(typeof document === 'object' && document !== null && !Array.isArray(document) ? document : {}),
        standard: listOf(document, 'standard').filter(
          (each) => !(typeof each === 'object' && each !== null && 'name' in each && each.name === name),
        ),
      }));
      break;
    }
    default:
      throw new Error(`a ${item.type} is no document`);
  }
  return operations;
}

function listOf(document: JsonValue, member: string): readonly JsonValue[] {
  const found =
    typeof document === 'object' && document !== null && member in document
      ? (document as Record<string, JsonValue>)[member]
      : undefined;
  return Array.isArray(found) ? found : [];
}

/** Throws `review_change_moved` where what it was decided on is not there any more. */
async function applyOrDraft(
  context: ReviewContext,
  who: Administrator,
  item: ItemRow,
  operations: readonly Operation[],
  reason: string,
): Promise<Executed> {
  const { pool, log, path, controlled } = context;
  const { workspaceId } = who;
  const left: Operation[] = [];
  for (const operation of operations) {
    const document = await controlled.get(operation.type)?.read(pool, workspaceId, operation.id);
    const hash = document === undefined ? null : contentHash(document);
    if (hash === (operation.document === null ? null : contentHash(operation.document))) continue;
    if (hash !== operation.base)
      throw new Failure(
        409,
        'review_change_moved',
        `The ${operation.type.replaceAll('_', ' ')} "${operation.id}" is another than it was when ${item.id} was decided.`,
        'Draft what was decided on what is there now, or have two people make an exception.',
      );
    left.push(operation);
  }
  if (left.length === 0) return { kind: 'done' };
  try {
    await log.transact(workspaceId, async (transaction) => {
      await carryOut(transaction, controlled, who, left);
      if (left.some(({ type }) => controlled.get(type)?.isPolicy === true))
        publishPolicy(transaction, workspaceId, who.actor);
    });
    path.invalidate(workspaceId);
    return { kind: 'done' };
  } catch (error) {
    if (!(error instanceof Failure) || error.code !== 'change_required') throw error;
    // Of a deadline there is nobody in whose name it could be asked for: it waits for people, and the agent stands still meanwhile.
    if (who.person === undefined) {
      await suspend(context, who, item, reason);
      throw error;
    }
  }
  const { id } = await log.transact(workspaceId, (transaction) =>
    insertDraft(transaction, who, {
      class: 'normal',
      title: `Access review: ${item.title}`.slice(0, 200),
      justification: reason.slice(0, 4000),
      ticket: item.id,
      operations: left,
      activate_at: null,
      source: null,
      rollback_of: null,
    }),
  );
  await submitChange(context, who, id);
  return { kind: 'change', changeId: id };
}

export type ChangeState =
  | { readonly kind: 'done' }
  | { readonly kind: 'waiting'; readonly status: string }
  /** It will not come any more. */
  | { readonly kind: 'over'; readonly status: string };

/** How the change of a decision stands; one that was approved is put in force. */
export async function followChange(context: ReviewContext, who: Administrator, changeId: string): Promise<ChangeState> {
  const { status } = await findChange(context.pool, who.workspaceId, changeId);
  if (status === 'activated') return { kind: 'done' };
  if (status === 'draft') {
    await submitChange(context, who, changeId);
    return { kind: 'waiting', status: 'submitted' };
  }
  if (status === 'approved') {
    await activateChange(context, who, changeId);
    return { kind: 'done' };
  }
  return status === 'submitted' || status === 'scheduled' ? { kind: 'waiting', status } : { kind: 'over', status };
}

async function endCredential(
  { log, pool }: ReviewContext,
  who: Administrator,
  item: ItemRow,
  id: string,
): Promise<void> {
  const [, kind] = item.subject.split(':');
  if (kind === 'admin_key') {
    await revokeKey(log, who.workspaceId, id, who.actor);
    return;
  }
  if (kind === 'token') {
    await revokeToken(log, who, id);
    return;
  }
  const { name } = await readAgent(pool, who.workspaceId, item.agentId ?? '');
  await revokeCredential(log, who, name, id);
}

async function endException({ log, pool }: ReviewContext, who: Administrator, id: string): Promise<void> {
  const { rows } = await pool.query<{ freeze: string }>(
    'SELECT freeze_name AS freeze FROM freeze_overrides WHERE workspace_id = $1 AND id = $2',
    [who.workspaceId, id],
  );
  const [found] = rows;
  if (found !== undefined) await done('override_closed', () => endOverride(log, who, found.freeze, id));
}
