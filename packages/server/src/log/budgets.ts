/** Windows as people ask about them: how full they are now, and whether counters and log agree. */
import type { Pool, PoolClient } from 'pg';
import type { WorkspaceId } from '../ids.ts';
import { readWindows } from './read-windows.ts';
import { COMPARE_CREDITS, COMPARE_ENTRIES, COMPARE_TOTALS } from './sql/compare-budgets.ts';
import { toNumber } from './windows.ts';

/** Most counters told of one window that is kept apart. */
const COUNTERS_OF_A_WINDOW = 100;

export interface AskedWindow {
  /** Of the counter; where it is kept apart, what the keys of its counters begin with. */
  readonly key: string;
  readonly isKeptApart: boolean;
  readonly windowSeconds: number;
}

export interface BudgetState {
  readonly key: string;
  readonly used: number;
  /** Seconds until the first of what is used leaves the window; absent when nothing is used. */
  readonly freesInSeconds?: number;
}

/** For each window its counters, fullest first where it is kept apart; all as one state of the database. */
export async function readBudgets(
  pool: Pool,
  workspaceId: WorkspaceId,
  asked: readonly AskedWindow[],
): Promise<readonly (readonly BudgetState[])[]> {
  return inSnapshot(pool, async (client) => {
    const keys: (readonly string[])[] = [];
    for (const { key, isKeptApart } of asked)
      keys.push(isKeptApart ? await countersUnder(client, workspaceId, key) : [key]);
    const windows = asked.map(({ windowSeconds }, i) => (keys[i] ?? []).map((key) => ({ key, windowSeconds })));
    const ledger = await readWindows(client, workspaceId, [], windows.flat());
    return windows.map((of) =>
      of.map((window): BudgetState => {
        const used = toNumber(ledger.used(window));
        const freesInSeconds = ledger.nextFreesInSeconds(window);
        return used === 0 || freesInSeconds === undefined
          ? { key: window.key, used }
          : { key: window.key, used, freesInSeconds };
      }),
    );
  });
}

async function countersUnder(client: PoolClient, workspaceId: WorkspaceId, prefix: string): Promise<string[]> {
  const { rows } = await client.query<{ key: string }>(
    `SELECT key FROM window_counters WHERE workspace_id = $1 AND starts_with(key, $2)
      ORDER BY last_at_us DESC LIMIT ${COUNTERS_OF_A_WINDOW}`,
    [workspaceId, prefix],
  );
  return rows.map(({ key }) => key);
}

/** A counter and the log, where they do not say the same. */
interface BudgetDifference {
  readonly key: string;
  /** The entry; null for the counter as a whole. */
  readonly version: number | null;
  readonly what: 'charges' | 'credits' | 'total';
  /** Units by the counter, and by the records; text, since sums have no end. */
  readonly counted: string;
  readonly recorded: string;
}

export interface BudgetComparison {
  /** Entries of counters that were compared. */
  readonly entries: number;
  readonly differences: readonly BudgetDifference[];
}

/**
 * Compares what counters hold with what records say was charged and given back, entry by entry, over the last 30
 * days and up to `asOfUs`: a time of the database whose records have been projected.
 */
export async function compareBudgets(pool: Pool, workspaceId: WorkspaceId, asOfUs: number): Promise<BudgetComparison> {
  return inSnapshot(pool, async (client) => {
    const differences: BudgetDifference[] = [];
    for (const text of [COMPARE_ENTRIES, COMPARE_CREDITS])
      differences.push(...(await client.query<BudgetDifference>(text, [workspaceId, asOfUs])).rows);
    differences.push(...(await client.query<BudgetDifference>(COMPARE_TOTALS, [workspaceId])).rows);
    const { rows } = await client.query<{ entries: number }>(
      'SELECT count(*)::int AS entries FROM window_entries WHERE workspace_id = $1 AND at_us BETWEEN 1 AND $2',
      [workspaceId, asOfUs],
    );
    return { entries: rows[0]?.entries ?? 0, differences };
  });
}

export async function databaseTimeUs(pool: Pool): Promise<number> {
  const { rows } = await pool.query<{ us: number }>(
    'SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS us',
  );
  if (rows[0] === undefined) throw new Error('the database gave no time');
  return rows[0].us;
}

async function inSnapshot<T>(pool: Pool, work: (client: PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  try {
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    const result = await work(client);
    await client.query('COMMIT');
    client.release();
    return result;
  } catch (error) {
    client.release(true);
    throw error;
  }
}
