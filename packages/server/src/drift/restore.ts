/** Putting back what was approved, where rows were edited past HiveKey: all of it at once, in one transaction. */
import type { Administrator, ApiContext } from '../api/route.ts';
import { Failure } from '../errors.ts';
import type { LoggedTransaction } from '../log/index.ts';
import { isDrifted, loadPolicyState, publishPolicy } from '../roles/index.ts';
import {
  approvedDocument,
  type ControlledTypes,
  differing,
  nameOf,
  newestRefs,
  type ObjectRef,
  type ObjectType,
  standOn,
} from '../versions/index.ts';

/** What others refer to comes first; what is removed goes in the opposite order, after everything else. */
const ORDER: readonly ObjectType[] = [
  'mcp_server',
  'http_api',
  'capability',
  'definition',
  'sources',
  'freeze',
  'role',
  'workspace_guards',
  'assignment',
];

type Context = Pick<ApiContext, 'pool' | 'log' | 'path' | 'controlled' | 'renewCapabilities' | 'drift'>;

/** How many objects were put back. Throws `drift_not_restored`, and what an edit of one of them throws. */
export async function restoreApproved(context: Context, who: Administrator, reason: string): Promise<number> {
  const { log, path, controlled, drift } = context;
  const { workspaceId } = who;
  const restored = await log.transact(workspaceId, async (transaction) => {
    standOn(transaction, { kind: 'restored' });
    const { client } = transaction;
    const edited = await editedNow(transaction, who, controlled);
    for (const { type, id } of inOrder(edited)) {
      const document = (await approvedDocument(client, workspaceId, { type, id })) ?? null;
      await controlled.get(type)?.apply(transaction, who, id, document);
    }
    await context.renewCapabilities(transaction, workspaceId);
    const [left] = await editedNow(transaction, who, controlled);
    if (left !== undefined) throw notRestored(left);
    if (isDrifted(await loadPolicyState(client, workspaceId)) || edited.some(({ isPolicy }) => isPolicy))
      publishPolicy(transaction, workspaceId, who.actor);
    transaction.log({
      kind: 'drift.restored',
      actor: who.actor,
      reason,
      objects: edited.slice(0, MAX_NAMES).map(({ type, id }) => ({ type, id })),
      objects_count: edited.length,
    });
    return edited.length;
  });
  path.invalidate(workspaceId);
  await drift.check(workspaceId);
  return restored;
}

/** The first ones; a record has at most 64 KiB. */
const MAX_NAMES = 100;

interface Edited extends ObjectRef {
  readonly isPolicy: boolean;
  readonly isNew: boolean;
}

async function editedNow(
  { client }: LoggedTransaction,
  { workspaceId }: Administrator,
  controlled: ControlledTypes,
): Promise<readonly Edited[]> {
  const refs = new Map((await newestRefs(client, workspaceId)).map((ref) => [JSON.stringify(ref), ref]));
  for (const { type, list } of controlled.values())
    for (const id of (await list(client, workspaceId)).keys()) refs.set(JSON.stringify({ type, id }), { type, id });
  const differ = await differing(client, workspaceId, controlled, [...refs.values()]);
  return differ.map(({ type, id, before }) => ({
    type,
    id,
    isPolicy: controlled.get(type)?.isPolicy === true,
    isNew: before === undefined,
  }));
}

function inOrder(edited: readonly Edited[]): readonly Edited[] {
  const place = ({ type, isNew }: Edited): number => {
    const at = ORDER.includes(type) ? ORDER.indexOf(type) : ORDER.length;
    return isNew ? 2 * ORDER.length - at : at;
  };
  return edited.toSorted((a, b) => place(a) - place(b));
}

function notRestored(left: ObjectRef): Failure {
  return new Failure(
    409,
    'drift_not_restored',
    `What was approved of ${nameOf(left)} cannot be put back from what is kept.`,
    'Put its rows back from a backup, or switch it off and let it in again.',
  );
}
