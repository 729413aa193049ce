/**
 * A recorded decision made again: the canonical bytes of the record, the policy that it names as it was archived, the same
 * decision function. Pure. Nothing is guessed: where a window, a masked argument or state of that time has a say, it says so.
 */
import { parseJson } from '@hivekey/action-log';
import { Replay, type ReplayedCall, type Verdict } from '@hivekey/policy';
import { z } from 'zod';
import { type ArchivedPolicy, isIntact } from '../roles/index.ts';

interface Decided {
  readonly verdict: Verdict;
  readonly rule: string | null;
  readonly reason: string;
}

export type Redecided =
  | { readonly result: 'match' | 'differs'; readonly recorded: Decided; readonly again: Decided }
  | { readonly result: 'not_repeatable'; readonly detail: string; readonly recorded: Decided | null };

/** What is read of a record before it is known to be a decision. */
export const recordSchema = z.looseObject({
  kind: z.string(),
  ts: z.string(),
  agent: z.string().optional(),
  action: z.string().optional(),
  policy: z.string().optional(),
  policy_revision: z.int().optional(),
  synthetic: z.boolean().optional(),
});
export type DecisionRecord = z.output<typeof recordSchema>;

/** Why there is nothing to decide again, whatever the policy was; undefined where there is. */
export function notADecision({ kind, synthetic, policy }: DecisionRecord): string | undefined {
  if (kind !== 'tool.call') return `it is a record of ${kind}, and no decision`;
  if (synthetic === true) return 'a test made it up: nothing was decided';
  return policy === undefined ? 'the record names no policy' : undefined;
}

/** `policy`: of the hash that the record names; undefined where there is none. */
export function redecide(policy: ArchivedPolicy | undefined, canonical: string, seq: number): Redecided {
  const cannot = (detail: string): Redecided => ({ result: 'not_repeatable', detail, recorded: null });
  if (policy === undefined) return cannot('no policy of that hash was ever published');
  if (!isIntact(policy)) return cannot('what is archived of that policy does not have its hash');
  const call = replayed(policy, canonical, seq);
  if (call === undefined) return cannot('the record is not one that this version reads');
  const recorded = decidedOf(call.before);
  if ('unreplayable' in call.after) return { result: 'not_repeatable', detail: call.after.detail, recorded };
  const again = decidedOf(call.after);
  const isSame = again.verdict === recorded.verdict && again.rule === recorded.rule;
  return { result: isSame ? 'match' : 'differs', recorded, again };
}

function decidedOf({ verdict, rule, reason }: ReplayedCall['before']): Decided {
  return { verdict, rule: rule ?? null, reason };
}

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
