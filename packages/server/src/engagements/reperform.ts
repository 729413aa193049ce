/** Entries that somebody names, decided again; what came of it is kept. */
import { parseJson } from '@hivekey/action-log';
import { z } from 'zod';
import type { Administrator, ApiContext, EngagementScope } from '../api/route.ts';
import type { WorkspaceId } from '../ids.ts';
import { type ArchivedPolicy, findArchived } from '../roles/index.ts';
import { checkEvent } from './boundary.ts';
import { openEngagementOf, refuseCustomer } from './engagement.ts';
import { notADecision, recordSchema, redecide } from './redecide.ts';
import { keepRun } from './runs.ts';

const MAX_ENTRIES = 100;

export const reperformSchema = z.strictObject({
  entries: z
    .array(z.string().trim().min(1).max(64))
    .min(1)
    .max(MAX_ENTRIES)
    .transform((ids) => [...new Set(ids)])
    .meta({ description: 'Ids of calls in the log.' }),
});

const decidedSchema = z.object({
  verdict: z.enum(['allow', 'deny', 'review']),
  rule: z.string().nullable(),
  reason: z.string(),
});

export const reperformedSchema = z
  .object({
    event_id: z.string(),
    seq: z.int().nullable(),
    result: z.enum(['match', 'differs', 'not_repeatable', 'not_found']),
    detail: z.string().nullable().meta({ description: 'Why it differs, or cannot be decided again.' }),
    at: z.string().nullable(),
    agent: z.string().nullable(),
    action: z.string().nullable(),
    entry_hash: z.string().nullable().meta({ description: 'Of the bytes that were read.' }),
    policy: z.string().nullable().meta({ description: 'The hash that the record names.' }),
    policy_revision: z.int().nullable(),
    recorded: decidedSchema.nullable(),
    again: decidedSchema.nullable(),
  })
  .meta({ id: 'Reperformed' });
export type Reperformed = z.output<typeof reperformedSchema>;

type Deciders = Pick<ApiContext, 'pool' | 'log'>;

/** Throws `engagement_not_found`, `engagement_over`, `auditor_required`. What is not in the period is not found. */
export async function reperform(
  context: Deciders,
  who: Administrator,
  engagementId: string,
  ids: readonly string[],
): Promise<{ readonly id: string; readonly at: number; readonly results: Reperformed[] }> {
  refuseCustomer(who, engagementId);
  const { from, to } = await openEngagementOf(context.pool, who.workspaceId, engagementId);
  const scope = { fromMs: from.getTime(), toMs: to.getTime() };
  const archive = new Map<string, ArchivedPolicy | undefined>();
  const results: Reperformed[] = [];
  for (const id of ids) results.push(await decideAgain(context, who.workspaceId, scope, archive, id));
  const count = (result: Reperformed['result']) => results.filter((each) => each.result === result).length;
  const summary = {
    count: results.length,
    match: count('match'),
    differs: count('differs'),
    not_repeatable: count('not_repeatable'),
    not_found: count('not_found'),
  };
  const run = await context.log.transact(who.workspaceId, (transaction) =>
    keepRun(transaction, who, engagementId, {
      kind: 'reperformance',
      step: null,
      input: { entries: ids },
      result: { ...summary, results },
      shown: summary.match === results.length,
      record: { kind: 'engagement.reperformed', ...summary, entries: ids },
    }),
  );
  return { ...run, results };
}

/** One entry, of the period. `archive`: policies that were read before. */
export async function decideAgain(
  { pool, log }: Deciders,
  workspaceId: WorkspaceId,
  scope: Pick<EngagementScope, 'fromMs' | 'toMs'>,
  archive: Map<string, ArchivedPolicy | undefined>,
  id: string,
): Promise<Reperformed> {
  const isThere = await checkEvent(pool, workspaceId, id, scope).then(
    () => true,
    () => false,
  );
  const proof = isThere ? await log.prove(workspaceId, id) : undefined;
  if (proof === undefined) return { ...NOTHING, event_id: id, detail: 'the log has no such entry in the period' };
  const record = recordSchema.parse(parseJson(proof.canonical));
  const head = {
    ...NOTHING,
    event_id: id,
    seq: proof.seq,
    at: record.ts,
    entry_hash: proof.entry_hash,
    agent: record.agent ?? null,
    action: record.action ?? null,
    policy: record.policy ?? null,
    policy_revision: record.policy_revision ?? null,
  };
  const why = notADecision(record);
  if (why !== undefined || record.policy === undefined)
    return { ...head, result: 'not_repeatable', detail: why ?? null };
  if (!archive.has(record.policy))
    archive.set(record.policy, await findArchived(pool, workspaceId, { kind: 'hash', hash: record.policy }));
  const made = redecide(archive.get(record.policy), proof.canonical, proof.seq);
  if (made.result === 'not_repeatable') return { ...head, ...made };
  const { recorded, again } = made;
  const isSame = made.result === 'match';
  const detail = isSame ? null : `recorded ${recorded.verdict}, decided again ${again.verdict}`;
  return { ...head, ...made, detail };
}

const NOTHING: Omit<Reperformed, 'event_id'> = {
  seq: null,
  result: 'not_found',
  detail: null,
  at: null,
  agent: null,
  action: null,
  entry_hash: null,
  policy: null,
  policy_revision: null,
  recorded: null,
  again: null,
};
