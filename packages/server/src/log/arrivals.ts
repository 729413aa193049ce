/** What callers bring, made into entries with their records. */
import { settle } from '@hivekey/policy';
import { type EventId, newEventId } from '../ids.ts';
import { type CallReference, type Intent, isDone, type Outcome, type RecordResult } from '../path/index.ts';
import { creditsOf } from './credits.ts';
import type { IntentEntry, PlainEntry } from './entries.ts';
import { callRecord, factsOf, resultRecord } from './records.ts';

/** Throws a TypeError for an intent that no caller may bring. */
export function intentEntry(
  intent: Intent,
  nowMs: number,
  resolve: (result: RecordResult) => void,
  reject: (error: Error) => void,
): IntentEntry {
  const eventId = newEventId(nowMs);
  const { evaluation, evenIfStopped } = intent;
  if (evenIfStopped === true && evaluation.verdict !== 'deny')
    throw new TypeError('only a denial is recorded even if stopped');
  checkAmounts(intent);
  const entry = { kind: 'intent', intent, eventId, nowMs, attempts: 0, resolve, reject } as const;
  if (
    intent.gate !== undefined ||
    evaluation.demands.length > 0 ||
    (evaluation.verdict === 'allow' && evaluation.charges.length > 0)
  )
    return { ...entry, ready: undefined };
  // Written out already now, while an earlier batch is being committed.
  const decision = settle(evaluation, []);
  return { ...entry, ready: { decision, text: callRecord(intent, decision, eventId, nowMs) } };
}

/** The result of a call, what it gives back of the call's reservations, and what a success leaves. */
export function resultEntry(call: CallReference, outcome: Outcome, nowMs: number, resolve: () => void): PlainEntry {
  const eventId: EventId = newEventId(nowMs);
  const { principal, action, eventId: settles, reservations, leaves } = call;
  const credits = creditsOf(reservations, outcome);
  const text = resultRecord(factsOf(principal, action, settles), outcome, principal, eventId, nowMs, credits);
  return {
    kind: 'plain',
    eventId,
    text,
    settles,
    ...(credits.length === 0 ? {} : { credits }),
    ...(leaves === undefined || !isDone(outcome) ? {} : { leaves }),
    attempts: 0,
    resolve,
  };
}

function checkAmounts({ evaluation: { demands, charges } }: Intent): void {
  for (const { amount } of [...demands, ...charges])
    if (!Number.isSafeInteger(amount) || amount < 0)
      throw new TypeError('an amount is a whole number from 0 to 2^53 - 1');
  for (const { windowSeconds } of demands)
    if (!Number.isInteger(windowSeconds) || windowSeconds < 1 || windowSeconds > 2 ** 31 - 1)
      throw new TypeError('a window is a whole number of seconds');
}
