/** What the log has of a tool: allowed calls that were carried out, or may have been. */
import type { Period } from '@hivekey/evidence';
import { currencyOf } from '@hivekey/policy';
import type { ClientBase, Pool } from 'pg';
import { Failure } from '../errors.ts';
import type { WorkspaceId } from '../ids.ts';
import type { OwnCall } from './compare.ts';

/** Calls of one comparison. */
const MAX_CALLS = 500_000;

interface Row {
  event_id: string;
  ts: Date;
  impact: Record<string, number> | null;
  spent: Record<string, number> | null;
  reference: string | null;
  outcome: OwnCall['outcome'];
}

/** A call's tool: the namespace of its server or API; of an agent's own tool the first part of its name. */
export const TOOL_OF_CALL = `coalesce(c.record ->> 'namespace', split_part(c.action, '.', 1))`;

// What a live test of a detection made up was never carried out; what asked for more before it did anything was not yet.
const CALLS = `
SELECT c.event_id, c.ts, c.record -> 'impact' AS impact, r.record -> 'spent' AS spent, r.record ->> 'tool_reference' AS reference,
       coalesce(c.outcome, 'open') AS outcome
  FROM actions c
  LEFT JOIN LATERAL (SELECT record FROM actions r
                      WHERE r.workspace_id = c.workspace_id AND r.call_event_id = c.event_id AND r.kind = 'tool.result'
                      ORDER BY r.outcome = 'unknown', r.seq LIMIT 1) r ON true
 WHERE c.workspace_id = $1 AND c.kind = 'tool.call' AND c.verdict = 'allow' AND c.ts >= $2 AND c.ts < $3
   AND ${TOOL_OF_CALL} = $4 AND (cardinality($5::text[]) = 0 OR c.action = ANY($5)) AND NOT c.record ? 'synthetic'
   AND coalesce(c.outcome, 'open') IN ('success', 'unknown', 'open') AND coalesce(r.record ->> 'error_code', '') <> 'input_required'
 ORDER BY c.seq LIMIT ${MAX_CALLS + 1}`;

/** In the order of the log. Throws `tie_out_too_large`. */
export async function ownCalls(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  tool: string,
  capabilities: readonly string[],
  { from, to }: Period,
): Promise<readonly OwnCall[]> {
  const { rows } = await client.query<Row>(CALLS, [workspaceId, from, to, tool, capabilities]);
  if (rows.length > MAX_CALLS)
    throw new Failure(
      413,
      'tie_out_too_large',
      `The log has more than ${MAX_CALLS} calls of ${tool} in that time.`,
      'Compare shorter periods.',
    );
  return rows.map(({ event_id: eventId, ts, reference, outcome, impact, spent }) => ({
    eventId,
    at: ts.toISOString(),
    reference,
    outcome,
    ...moneyOf({ ...impact, ...spent }),
  }));
}

/** A capability spends one currency at most. */
function moneyOf(units: Readonly<Record<string, number>>): Pick<OwnCall, 'amountMinor' | 'currency'> {
  for (const [unit, amountMinor] of Object.entries(units)) {
    const currency = currencyOf(unit);
    if (currency !== undefined) return { amountMinor, currency };
  }
  return { amountMinor: null, currency: null };
}
