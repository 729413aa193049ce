/**
 * An entry decided again: the record as it was hashed, the policy that it names as it was archived, the same decision
 * function. Nothing is guessed: where a window, a masked argument or state of that time has a say, it says so.
 */
import { parseJson } from '@hivekey/action-log';
import { Replay, type ReplayedCall } from '@hivekey/policy';
import { z } from 'zod';
import type { Administrator, ApiContext, EngagementScope } from '../api/route.ts';
import type { WorkspaceId } from '../ids.ts';
import { type ArchivedPolicy, findArchived, isIntact } from '../roles/index.ts';
import { checkEvent } from './boundary.ts';
import { openEngagementOf, refuseCustomer } from './engagement.ts';
import { keepRun } from './runs.ts';

export const MAX_ENTRIES = 100;

export const reperformSchema = z.strictObject({
  entries: z
    .array(z.string().trim().min(1).max(64))
    .min(1)
    .max(MAX_ENTRIES)
    .transform((ids) => [...new Set(ids)])
    .meta({ description: 'Ids of calls in the log.' }),
});

const decided = z.object({
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
    recorded: decided.nullable(),
    again: decided.nullable(),
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
  const cannot = (detail: string): Reperformed => ({ ...head, result: 'not_repeatable', detail });
  if (record.kind !== 'tool.call') return cannot(`it is a record of ${record.kind}, and no decision`);
  if (record.synthetic === true) return cannot('a test made it up: nothing was decided');
  if (record.policy === undefined) return cannot('the record names no policy');
  if (!archive.has(record.policy))
    archive.set(record.policy, await findArchived(pool, workspaceId, { kind: 'hash', hash: record.policy }));
  const policy = archive.get(record.policy);
  if (policy === undefined) return cannot('no policy of that hash was ever published');
  if (!isIntact(policy)) return cannot('what is archived of that policy does not have its hash');
  const call = replayed(policy, proof.canonical, proof.seq);
  if (call === undefined) return cannot('the record is not one that this version reads');
  const recorded = { ...call.before, rule: call.before.rule ?? null };
  if ('unreplayable' in call.after) return { ...cannot(call.after.detail), recorded };
  const again = { verdict: call.after.verdict, reason: call.after.reason, rule: call.after.rule ?? null };
  const isSame = again.verdict === recorded.verdict && again.rule === recorded.rule;
  return {
    ...head,
    result: isSame ? 'match' : 'differs',
    detail: isSame ? null : `recorded ${recorded.verdict}, decided again ${again.verdict}`,
    recorded,
    again,
  };
}

const recordSchema = z.looseObject({
  kind: z.string(),
  ts: z.string(),
  agent: z.string().optional(),
  action: z.string().optional(),
  policy: z.string().optional(),
  policy_revision: z.int().optional(),
  synthetic: z.boolean().optional(),
});

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

/** By itself: what was before it is not known here, so that a window that has a say is one that cannot be told. */
function replayed({ set }: ArchivedPolicy, canonical: string, seq: number): ReplayedCall | undefined {
  let call: ReplayedCall | undefined;
  const replay = new Replay({
    set,
    isFromStart: false,
    onCall: (each) => {
      call = each;
    },
  });
  replay.add(parseJson(canonical), seq);
  return call;
}
