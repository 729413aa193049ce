/** What a reviewer wants in place of what is there: documents under change control, or no more than was used. */
import type { JsonValue } from '@hivekey/policy';
import { z } from 'zod';
import { Failure } from '../errors.ts';
import type { WorkspaceId } from '../ids.ts';
import { operationsOf, periodOf, proposalsOf } from '../least-privilege/index.ts';
import { contentHash } from '../versions/index.ts';
import type { ReviewContext } from './context.ts';
import { USE_DAYS } from './population.ts';
import { findItem, type ItemRow, type Operation } from './rows.ts';

const operation = z.strictObject({
  type: z.enum(['role', 'assignment', 'person_authority', 'change_settings']),
  id: z.string().min(1).max(256),
  document: z.unknown().meta({ description: 'In place of what is there. Null: that it be removed.' }),
});

export const modificationSchema = z.discriminatedUnion('kind', [
  z
    .strictObject({ kind: z.literal('reduce_to_used') })
    .meta({ description: 'Takes away what nobody used in 90 days, and lowers caps far above the largest use.' }),
  z.strictObject({ kind: z.literal('documents'), operations: z.array(operation).min(1).max(20) }),
]);

type Reader = Pick<ReviewContext, 'pool' | 'controlled' | 'clock'>;

/** Throws `review_item_not_found`, `nothing_to_reduce`, `modification_elsewhere`, `modification_unchanged`, and what is wrong with a document. */
export async function modificationOf(
  context: Reader,
  workspaceId: WorkspaceId,
  campaign: string,
  itemId: string,
  wanted: z.output<typeof modificationSchema>,
): Promise<readonly Operation[]> {
  const item = await findItem(context.pool, workspaceId, campaign, itemId);
  if (wanted.kind === 'documents') return documentsOf(context, workspaceId, item, wanted.operations);
  const { operations, covered } = await reductionOf(context, workspaceId, item);
  if (operations.length > 0) return operations;
  throw new Failure(
    409,
    'nothing_to_reduce',
    covered
      ? `All that ${item.title} grants was used, or nothing of it can be taken away by itself.`
      : `The log does not cover ${USE_DAYS} days: what was not used is not known.`,
    'Decide otherwise, or write the documents yourself.',
  );
}

export interface Reduction {
  readonly operations: readonly Operation[];
  /** What each of them does, with the use it is judged by. */
  readonly sentences: readonly { readonly sentence: string; readonly calls: number }[];
  readonly covered: boolean;
  readonly from: string;
  readonly to: string;
}

/**
 * "Reduce to what was used": proposals of least privilege about this item alone. Nothing is proposed that would have changed
 * the verdict of a call of the time, which is its simulated effect.
 */
export async function reductionOf(
  { pool, controlled, clock }: Reader,
  workspaceId: WorkspaceId,
  item: ItemRow,
): Promise<Reduction> {
  const period = periodOf(clock(), USE_DAYS);
  const times = { from: new Date(period.fromMs).toISOString(), to: new Date(period.toMs).toISOString() };
  const { proposals } = await proposalsOf({ pool, controlled }, workspaceId, period);
  const own = (proposals ?? []).filter(({ object: { type, id }, edit }) => {
    if (edit === undefined) return false;
    if (item.type === 'role') return type === 'role' && id === item.role;
    return item.type === 'assignment' && type === 'assignment' && id === item.agentId;
  });
  const operations = await operationsOf({ pool, controlled }, workspaceId, own);
  return {
    operations: operations.flatMap(({ type, ...rest }) => (type === 'workspace_guards' ? [] : [{ type, ...rest }])),
    sentences: own.map(({ sentence, evidence: { calls } }) => ({ sentence, calls })),
    covered: proposals !== undefined,
    ...times,
  };
}

async function documentsOf(
  { pool, controlled }: Reader,
  workspaceId: WorkspaceId,
  item: ItemRow,
  wanted: readonly z.output<typeof operation>[],
): Promise<readonly Operation[]> {
  const operations: Operation[] = [];
  for (const { type, id, document } of wanted) {
    if (!isOf(item, type, id))
      throw new Failure(
        422,
        'modification_elsewhere',
        `The ${type.replaceAll('_', ' ')} "${id}" is not what ${item.id} is about.`,
        'Draft a change of it: POST /v1/changes.',
      );
    const of = controlled.get(type);
    if (of === undefined) throw new Error(`nothing knows how to change a ${type}`);
    const parsed: JsonValue | null = document === null ? null : of.parse(id, document);
    const now = await of.read(pool, workspaceId, id);
    const base = now === undefined ? null : contentHash(now);
    if ((parsed === null ? null : contentHash(parsed)) === base)
      throw new Failure(
        422,
        'modification_unchanged',
        `This is what the ${type} "${id}" is already.`,
        'Keep it instead.',
      );
    operations.push({ type, id, document: parsed, base });
  }
  return operations;
}

/** What an item is about: nobody changes something else by reviewing it. */
function isOf({ type, agentId, role, subject }: ItemRow, of: Operation['type'], id: string): boolean {
  switch (type) {
    case 'assignment':
      return (of === 'assignment' && id === agentId) || (of === 'role' && id === role);
    case 'role':
      return of === 'role' && id === role;
    case 'grant':
      return of === 'person_authority' && subject === `grant:${id}`;
    case 'standing_approval':
      return of === 'change_settings' && id === '*';
    default:
      return false;
  }
}
