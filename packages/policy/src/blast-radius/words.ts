/** Numbers in words, and what a change does to them. */
import { grouped, listed, money } from '../diff/words.ts';
import { currencyOf } from '../values/money.ts';
import type { BlastRadius, RadiusAmount, RadiusCell, RadiusLine } from './types.ts';

export interface RadiusChange {
  readonly unit: string;
  readonly horizon: string;
  readonly line: RadiusLine;
  readonly before: RadiusAmount;
  readonly after: RadiusAmount;
  /** Whether more can happen than before. */
  readonly rises: boolean;
  /** "money in 24 h rises from $8,000 to $10,000, bound by agent-money" */
  readonly sentence: string;
}

/** Cells of which the amount is another, in the order of the second; what one of them does not measure is nothing there. */
export function radiusChanges(
  before: Pick<BlastRadius, 'cells'>,
  after: Pick<BlastRadius, 'cells'>,
): readonly RadiusChange[] {
  const old = new Map(before.cells.map((cell) => [placeOf(cell), cell]));
  const now = new Map(after.cells.map((cell) => [placeOf(cell), cell]));
  return [...new Set([...now.keys(), ...old.keys()])].flatMap((place): RadiusChange[] => {
    const [was, is] = [old.get(place), now.get(place)];
    const cell = is ?? was;
    const [one, other] = [was?.amount ?? NOTHING, is?.amount ?? NOTHING];
    const difference = compareAmounts(other, one);
    if (cell === undefined || difference === 0) return [];
    const { unit, horizon, line } = cell;
    const rises = difference > 0;
    const verb = `${rises ? 'rise' : 'fall'}${currencyOf(unit) === undefined ? '' : 's'}`;
    const sentence = `${measureInWords(unit)} ${horizonInWords(horizon)}${LINES[line]} ${verb} from ${radiusInWords(one, unit)} to ${radiusInWords(other, unit)}${boundBy(is)}`;
    return [{ unit, horizon, line, before: one, after: other, rises, sentence }];
  });
}

const NOTHING: RadiusAmount = { kind: 'bounded', value: 0 };

/** Order of what can happen: numbers, then what nobody knows, then what has no limit. Zero for the same. */
export function compareAmounts(a: RadiusAmount, b: RadiusAmount): number {
  if (a.kind === 'bounded' && b.kind === 'bounded') return a.value - b.value;
  return RANK[a.kind] - RANK[b.kind];
}

const RANK: Readonly<Record<RadiusAmount['kind'], number>> = { bounded: 0, unknown: 1, unbounded: 2 };

/** `$8,000`, `2,000 records read`, `UNBOUNDED`, `UNKNOWN`. */
export function radiusInWords(amount: RadiusAmount, unit: string): string {
  if (amount.kind !== 'bounded') return amount.kind.toUpperCase();
  const currency = currencyOf(unit);
  return currency === undefined
    ? `${grouped(String(amount.value))} ${unit.replaceAll('_', ' ')}`
    : money(amount.value, currency);
}

function placeOf({ unit, horizon, line }: RadiusCell): string {
  return JSON.stringify([unit, horizon, line]);
}

function measureInWords(unit: string): string {
  const currency = currencyOf(unit);
  return currency === undefined ? unit.replaceAll('_', ' ') : currency === 'USD' ? 'money' : `money in ${currency}`;
}

function horizonInWords(horizon: string): string {
  if (horizon === 'contained') return 'until contained';
  return `in ${horizon.replace(/^(\d+)([a-z]+)$/, '$1 $2')}`;
}

const LINES: Readonly<Record<RadiusLine, string>> = {
  alone: '',
  fooled: ', with one approver fooled,',
  bypassed: ', with the gateway bypassed,',
};

function boundBy(cell: RadiusCell | undefined): string {
  if (cell === undefined || cell.binding.length === 0) return '';
  return `, bound by ${listed(
    cell.binding.map(({ rule }) => rule),
    'and',
  )}`;
}
