/** What was asked for this payee before, by any agent. */
import { type JsonObject, type JsonValue, payeesOf, watchArguments } from '@hivekey/policy';
import type { Pool } from 'pg';
import type { z } from 'zod';
import type { fullApprovalSchema } from './approval.ts';
import type { ApprovalRow } from './rows.ts';

/** Records hold arguments, not payees: as many are looked through. */
const LOOK_AT = 1_000;
/** Of arguments, as text: agents write them, and each reading of an approval holds them all. */
const LOOK_AT_BYTES = 4 * 1024 * 1024;
const SHOWN = 10;
/** What stands in place of a sensitive argument, in the view and in the log: one is as good as another. */
const MASK = '***';

type PayeeHistory = z.output<typeof fullApprovalSchema>['history']['payee'];

interface CallRow {
  event_id: string;
  ts: Date;
  agent: string;
  verdict: string;
  outcome: string | null;
  impact: Record<string, number> | null;
  args: JsonValue;
  /** How many there are, one more than is looked through at the most. */
  found: number;
}

const CALLS = `
SELECT event_id, ts, agent, verdict, outcome, impact, args, found FROM (
  SELECT *, sum(octet_length(args::text)) OVER (ORDER BY seq DESC) AS bytes, (count(*) OVER ())::int AS found FROM (
    SELECT seq, event_id, ts, agent, verdict, outcome, record -> 'impact' AS impact, record -> 'args' AS args FROM actions
     WHERE workspace_id = $1 AND action = $2 AND kind = 'tool.call' AND ts > now() - interval '30 days'
       AND record ->> 'approval_id' IS DISTINCT FROM $3 AND NOT record ? 'synthetic'
     ORDER BY seq DESC LIMIT ${LOOK_AT + 1}) newest) measured
 WHERE bytes <= ${LOOK_AT_BYTES} ORDER BY seq DESC`;

/** Of this capability and the last 30 days, newest first; null when the call names no payee. `view`: what deciders see. */
export async function callsToPayee(
  pool: Pool,
  { workspace_id, id, capability }: ApprovalRow,
  { arguments: args }: JsonObject,
): Promise<PayeeHistory> {
  const payees = payeesIn(args);
  if (payees.length === 0) return null;
  const { rows } = await pool.query<CallRow>(CALLS, [workspace_id, capability, id]);
  const looked = rows.slice(0, LOOK_AT).map((row) => ({ ...row, paid: payeesInLog(row.args) }));
  return {
    payees: [...payees],
    calls: looked
      .filter(({ paid }) => paid.known.some((payee) => payees.includes(payee)))
      .slice(0, SHOWN)
      .map(({ event_id, ts, agent, verdict, outcome, impact }) => ({
        event_id,
        ts: ts.toISOString(),
        agent,
        verdict,
        outcome,
        impact: impact ?? {},
      })),
    looked_at: looked.length,
    complete: looked.length === (rows[0]?.found ?? 0) && looked.every(({ paid }) => paid.areAll),
  };
}

/** The log keeps arguments shortened and masked: some payees of a call may not stand in it. */
function payeesInLog(args: JsonValue): { readonly known: readonly string[]; readonly areAll: boolean } {
  const watched = isObject(args) ? watchArguments(args) : undefined;
  if (watched === undefined) return { known: payeesIn(args), areAll: false };
  const known = payeesIn(watched.arguments);
  return { known, areAll: watched.lookedAt.size === 0 };
}

function payeesIn(args: JsonValue | undefined): readonly string[] {
  return isObject(args) ? payeesOf(args).filter((payee) => payee !== MASK) : [];
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
