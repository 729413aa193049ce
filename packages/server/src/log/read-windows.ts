/** Windows as they stand in the database. */
import type { WindowDemand, WindowUsage } from '@hivekey/policy';
import type { ClientBase, Pool } from 'pg';
import type { WorkspaceId } from '../ids.ts';
import { READ_WINDOWS, WHEN_FREED, type WindowRow } from './sql/windows.ts';
import { type Counter, MICROSECONDS, type Shortage, toNumber, type Window, WindowLedger } from './windows.ts';

/** The counters of `keys` with the demanded windows. A counter that does not exist reads as one that was never charged. */
export async function readWindows(
  client: ClientBase,
  workspaceId: WorkspaceId,
  keys: Iterable<string>,
  demands: Iterable<Pick<WindowDemand, 'key' | 'windowSeconds'>>,
): Promise<WindowLedger> {
  const windows = new Map<string, { readonly key: string; readonly seconds: number | null }>();
  const alone = new Set(keys);
  for (const { key, windowSeconds: seconds } of demands) {
    windows.set(`${seconds} ${key}`, { key, seconds });
    alone.delete(key);
  }
  const asked = [...windows.values(), ...[...alone].map((key) => ({ key, seconds: null }))];
  const { rows } = await client.query<WindowRow>({
    name: 'log-read-windows',
    text: READ_WINDOWS,
    values: [workspaceId, asked.map(({ key }) => key), asked.map(({ seconds }) => seconds)],
  });
  return ledgerOf(rows);
}

function ledgerOf(rows: readonly WindowRow[]): WindowLedger {
  const counters = new Map<string, Counter & { readonly windows: Map<number, Window> }>();
  for (const row of rows) {
    const counter = counters.get(row.key) ?? {
      version: row.version ?? 0,
      total: BigInt(row.total ?? 0),
      keepSeconds: row.keep_seconds ?? 0,
      windows: new Map<number, Window>(),
    };
    counters.set(row.key, counter);
    if (row.seconds === null) continue;
    const untilUs = row.oldest_us === null ? Number.POSITIVE_INFINITY : row.oldest_us + row.seconds * MICROSECONDS;
    counter.windows.set(row.seconds, { gone: BigInt(row.gone), untilUs });
  }
  return new WindowLedger(counters, rows[0]?.now_us ?? 0);
}

/** For each shortage, the seconds until it is none. */
export async function whenFreed(
  client: ClientBase,
  workspaceId: WorkspaceId,
  shortages: readonly { readonly demand: WindowDemand; readonly shortage: Shortage }[],
  ledger: WindowLedger,
): Promise<ReadonlyMap<Shortage, number>> {
  if (shortages.length === 0) return new Map();
  const { rows } = await client.query<{ at_us: number | null }>({
    name: 'log-when-freed',
    text: WHEN_FREED,
    values: [
      workspaceId,
      shortages.map(({ demand }) => demand.key),
      shortages.map(({ shortage }) => shortage.sinceUs),
      shortages.map(({ shortage }) => shortage.total.toString()),
    ],
  });
  return new Map(
    shortages.map(({ demand, shortage }, i) => [shortage, ledger.freesInSeconds(demand, rows[i]?.at_us ?? undefined)]),
  );
}

/** How full the demanded windows are, as one state of the database. Reserves nothing. */
export async function readUsage(
  pool: Pool,
  workspaceId: WorkspaceId,
  demands: readonly WindowDemand[],
): Promise<WindowUsage[]> {
  if (demands.length === 0) return [];
  const client = await pool.connect();
  try {
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    const ledger = await readWindows(client, workspaceId, [], demands);
    const short = demands.flatMap((demand) => {
      const shortage = ledger.shortage(demand);
      return shortage === undefined ? [] : [{ demand, shortage }];
    });
    const freed = await whenFreed(client, workspaceId, short, ledger);
    await client.query('COMMIT');
    client.release();
    return demands.map((demand) => {
      const shortage = short.find((each) => each.demand === demand)?.shortage;
      const freesInSeconds = shortage && freed.get(shortage);
      const used = toNumber(ledger.used(demand));
      return freesInSeconds === undefined ? { used } : { used, freesInSeconds };
    });
  } catch (error) {
    client.release(true);
    throw error;
  }
}
