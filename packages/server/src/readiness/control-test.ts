/** What a test of a control is: a query over the whole population of a period, and what it takes to rely on its answer. */
import type { ControlId } from '@hivekey/evidence/controls';
import type { PoolClient } from 'pg';
import type { Alike } from '../blast-radius/index.ts';
import type { WorkspaceId } from '../ids.ts';
import type { Parameters } from './parameters.ts';
import type { SourceName } from './sources.ts';

/** One instant of the database, a period, and the rules as they are enforced. */
export interface TestScope {
  /** In a transaction that reads one snapshot. */
  readonly client: PoolClient;
  readonly workspaceId: WorkspaceId;
  /** ISO 8601 UTC, inclusive. */
  readonly from: string;
  /** Exclusive: the end of the period, or the instant of the snapshot where it is not over. */
  readonly to: string;
  /** Instant of the snapshot: what is said of the period later, such as why a difference is none, counts up to here. */
  readonly asOf: string;
  readonly parameters: Parameters;
  /** What agents could do at the end of the period, under the policy of then; computed once for all tests. */
  readonly fleet: () => Promise<readonly Alike[]>;
}

export interface ControlTest {
  readonly id: ControlId;
  /**
   * One row for each member of the population: `record_id`, `kind` (null: it does not deviate), `sentence`, `href`. $1 is the
   * workspace, $2 the beginning, $3 the end (exclusive); `values` are $4 and on.
   */
  readonly query: string;
  readonly values?: (scope: TestScope) => Promise<readonly unknown[]> | readonly unknown[];
  readonly sources: readonly SourceName[];
  /** Why a clean population is not enough to pass; null: it is. Asked with the number of members. */
  readonly missing?: (scope: TestScope, population: number) => Promise<string | null> | string | null;
}

/** Days of a quarter: what is to happen once in each is looked for in each of so many. */
const QUARTER_MS = 92 * 86_400_000;

/** The period in equal parts of a quarter at most. */
function quartersOf({
  from,
  to,
}: Pick<TestScope, 'from' | 'to'>): readonly { readonly from: Date; readonly to: Date }[] {
  const [fromMs, toMs] = [Date.parse(from), Date.parse(to)];
  const parts = Math.max(1, Math.ceil((toMs - fromMs) / QUARTER_MS));
  const at = (part: number): Date => new Date(fromMs + ((toMs - fromMs) * part) / parts);
  return Array.from({ length: parts }, (_, part) => ({ from: at(part), to: at(part + 1) }));
}

/** Null where each quarter of the period has one of what `query` selects ($1 workspace, $2 from, $3 to; `found`: whether). */
export async function missingInQuarters(scope: TestScope, what: string, query: string): Promise<string | null> {
  for (const { from, to } of quartersOf(scope)) {
    const { rows } = await scope.client.query<{ found: boolean }>(query, [scope.workspaceId, from, to]);
    if (rows[0]?.found !== true)
      return `There is no ${what} from ${from.toISOString().slice(0, 10)} to ${to.toISOString().slice(0, 10)}.`;
  }
  return null;
}
