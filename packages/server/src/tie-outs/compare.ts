/**
 * The plane's own allowed calls against the tool's own list. By reference where a call has one; what has none on either side, by
 * count and sum, and one by one where those differ. Totals of days are held against the calls of those days. Pure.
 */
import type { ToolList, ToolRow } from './rows.ts';

/** An allowed call that was carried out, or may have been. */
export interface OwnCall {
  readonly eventId: string;
  /** ISO 8601 UTC. */
  readonly at: string;
  readonly reference: string | null;
  readonly amountMinor: number | null;
  readonly currency: string | null;
  /** `unknown`: it may or may not have happened; `open`: it is not over. */
  readonly outcome: 'success' | 'unknown' | 'open';
}

type DifferenceKind = 'only_here' | 'only_there' | 'amount_differs' | 'count_differs' | 'twice_here' | 'twice_there';

interface Difference {
  readonly kind: DifferenceKind;
  readonly reference: string | null;
  readonly callEventId: string | null;
  readonly at: string | null;
  readonly currency: string | null;
  readonly oursMinor: number | null;
  readonly theirsMinor: number | null;
  readonly oursCount: number | null;
  readonly theirsCount: number | null;
  readonly words: string;
}

interface Totals {
  readonly count: number;
  /** Currency → minor units. */
  readonly sums: Readonly<Record<string, number>>;
}

export interface Comparison {
  readonly comparedBy: 'reference' | 'count' | 'day';
  readonly matched: number;
  readonly ours: Totals;
  readonly theirs: Totals;
  readonly differences: readonly Difference[];
}

const NOTHING: Omit<Difference, 'kind' | 'words'> = {
  reference: null,
  callEventId: null,
  at: null,
  currency: null,
  oursMinor: null,
  theirsMinor: null,
  oursCount: null,
  theirsCount: null,
};

/** `list`: of which only what counts is looked at. */
export function compare(calls: readonly OwnCall[], list: Pick<ToolList, 'kind' | 'rows'>): Comparison {
  const rows = list.rows.filter(({ leftOut }) => leftOut === undefined);
  const totals = { ours: totalsOf(calls, () => 1), theirs: totalsOf(rows, ({ quantity }) => quantity) };
  if (list.kind === 'day') return { ...byDay(calls, rows), ...totals };
  const isByReference = calls.some(({ reference }) => reference !== null);
  return { comparedBy: isByReference ? 'reference' : 'count', ...byReference(calls, rows), ...totals };
}

function byReference(calls: readonly OwnCall[], rows: readonly ToolRow[]): Pick<Comparison, 'matched' | 'differences'> {
  const differences: Difference[] = [];
  const known = new Map<string, number>();
  rows.forEach((row, at) => {
    for (const name of namesOf(row)) if (!known.has(name)) known.set(name, at);
  });
  const takenBy = new Map<number, OwnCall>();
  const unnamed: OwnCall[] = [];
  let matched = 0;
  for (const call of calls) {
    const at = call.reference === null ? undefined : known.get(call.reference);
    if (call.reference === null) unnamed.push(call);
    else if (at === undefined) differences.push(onlyHere(call));
    else if (takenBy.has(at))
      differences.push({ ...here(call), kind: 'twice_here', words: 'two calls here have this reference' });
    else {
      takenBy.set(at, call);
      matched += 1;
      const row = rows[at];
      if (row !== undefined && !isSameAmount(call, row))
        differences.push({
          ...here(call),
          kind: 'amount_differs',
          theirsMinor: row.amountMinor,
          words: `the call spent ${money(call)}, the tool says ${money(row)}`,
        });
    }
  }
  const seen = new Set<string>();
  const left: ToolRow[] = [];
  rows.forEach((row, at) => {
    if (takenBy.has(at)) {
      if (row.reference !== null) seen.add(row.reference);
      return;
    }
    left.push(row);
  });
  // What has no reference here ties with what is left there by count and sum, or is told one by one.
  const rest = left.filter(({ reference }) => reference === null || !seen.has(reference));
  for (const row of left)
    if (row.reference !== null && seen.has(row.reference))
      differences.push({ ...there(row), kind: 'twice_there', words: 'the tool has this reference a second time' });
  if (isTie(unnamed, rest)) return { matched: matched + unnamed.length, differences };
  return { matched, differences: [...differences, ...unnamed.map(onlyHere), ...rest.map(onlyThere)] };
}

function byDay(
  calls: readonly OwnCall[],
  rows: readonly ToolRow[],
): Pick<Comparison, 'comparedBy' | 'matched' | 'differences'> {
  const ours = Map.groupBy(calls, ({ at }) => at.slice(0, 10));
  const theirs = Map.groupBy(rows, ({ at }) => (at ?? '').slice(0, 10));
  const differences: Difference[] = [];
  let matched = 0;
  for (const day of [...new Set([...ours.keys(), ...theirs.keys()])].sort()) {
    const oursCount = ours.get(day)?.length ?? 0;
    const theirsCount = (theirs.get(day) ?? []).reduce((sum, { quantity }) => sum + quantity, 0);
    matched += Math.min(oursCount, theirsCount);
    if (oursCount === theirsCount) continue;
    differences.push({
      ...NOTHING,
      kind: 'count_differs',
      at: `${day}T00:00:00.000Z`,
      oursCount,
      theirsCount,
      words: `on ${day} there are ${oursCount} calls here, and ${theirsCount} at the tool`,
    });
  }
  return { comparedBy: 'day', matched, differences };
}

function namesOf({ reference, aliases }: ToolRow): readonly string[] {
  return reference === null ? aliases : [reference, ...aliases];
}

function isSameAmount(call: OwnCall, row: ToolRow): boolean {
  // A call that counts no money says nothing about it.
  if (call.amountMinor === null || row.amountMinor === null) return true;
  return call.amountMinor === row.amountMinor && call.currency === row.currency;
}

function isTie(calls: readonly OwnCall[], rows: readonly ToolRow[]): boolean {
  const [ours, theirs] = [totalsOf(calls, () => 1), totalsOf(rows, ({ quantity }) => quantity)];
  if (ours.count !== theirs.count) return false;
  // Where neither side counts money, the count is all there is.
  if (Object.keys(ours.sums).length === 0) return true;
  const currencies = new Set([...Object.keys(ours.sums), ...Object.keys(theirs.sums)]);
  return [...currencies].every((currency) => ours.sums[currency] === theirs.sums[currency]);
}

function totalsOf<Each extends { readonly amountMinor: number | null; readonly currency: string | null }>(
  list: readonly Each[],
  quantityOf: (each: Each) => number,
): Totals {
  const sums = new Map<string, number>();
  let count = 0;
  for (const each of list) {
    count += quantityOf(each);
    if (each.amountMinor !== null && each.currency !== null)
      sums.set(each.currency, (sums.get(each.currency) ?? 0) + each.amountMinor);
  }
  return { count, sums: Object.fromEntries([...sums].sort(([a], [b]) => (a < b ? -1 : 1))) };
}

function here({ eventId, at, reference, amountMinor, currency }: OwnCall): Omit<Difference, 'kind' | 'words'> {
  return { ...NOTHING, reference, callEventId: eventId, at, currency, oursMinor: amountMinor };
}

function there({ at, reference, amountMinor, currency }: ToolRow): Omit<Difference, 'kind' | 'words'> {
  return { ...NOTHING, reference, at, currency, theirsMinor: amountMinor };
}

const NOT_SURE: Readonly<Record<OwnCall['outcome'], string>> = {
  success: 'the tool’s list does not have it',
  unknown: 'the tool’s list does not have it, and whether the call was carried out is not known here',
  open: 'the tool’s list does not have it, and the call was not over when the log was read',
};

function onlyHere(call: OwnCall): Difference {
  return { ...here(call), kind: 'only_here', words: NOT_SURE[call.outcome] };
}

function onlyThere(row: ToolRow): Difference {
  return {
    ...there(row),
    kind: 'only_there',
    words: 'no allowed call here has it: it was done past HiveKey, or at another time',
  };
}

function money({
  amountMinor,
  currency,
}: {
  readonly amountMinor: number | null;
  readonly currency: string | null;
}): string {
  return amountMinor === null ? 'nothing' : `${amountMinor} ${currency ?? ''} in minor units`.replace('  ', ' ');
}
