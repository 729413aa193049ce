/** Amounts that lie powers of ten apart, beside each other; what has no bound or is not known comes first, in words. */
import { cut, FAINT, line, rect, svg, TONES, text } from './svg.ts';

export type Amount = number | 'UNBOUNDED' | 'UNKNOWN';

export interface LogBars {
  readonly title: string;
  /** Told with each value, e.g. `USD`. */
  readonly unit: string;
  readonly items: readonly { readonly label: string; readonly amount: Amount; readonly isMarked?: boolean }[];
}

const WIDTH = 760;
const LABELS = 210;
const RIGHT = 110;
const TOP = 26;
const ROW = 24;
const LETTERS = 34;

export function logBarsSvg({ title, unit, items }: LogBars): string {
  const ordered = items.toSorted((a, b) => rank(b.amount) - rank(a.amount));
  const most = ordered.reduce(
    (largest, { amount }) => (typeof amount === 'number' ? Math.max(largest, amount) : largest),
    1,
  );
  const powers = Math.max(1, Math.ceil(Math.log10(most)));
  const room = WIDTH - LABELS - RIGHT;
  const width = (amount: Amount): number => {
    if (typeof amount !== 'number') return room;
    // One is told apart from nothing.
    return amount < 1 ? 0 : Math.max(3, (Math.log10(amount) / powers) * room);
  };
  const height = TOP + Math.max(1, ordered.length) * ROW + 8;
  const without = ordered.filter(({ amount }) => typeof amount !== 'number').length;
  const desc = `${ordered.length} amounts in ${unit} on a logarithmic scale; ${without} of them unbounded or unknown.`;
  const every = Math.ceil(powers / 6);
  const ticks = Array.from({ length: powers + 1 }, (_, power) => power).filter((power) => power % every === 0);
  return svg({ width: WIDTH, height, title, desc }, [
    ...ticks.flatMap((power) => {
      const x = LABELS + (power / powers) * room;
      return [
        line(x, TOP - 6, x, height - 8),
        text(x, TOP - 12, (10 ** power).toLocaleString('en-US'), { size: 9, fill: FAINT, anchor: 'middle' }),
      ];
    }),
    ...ordered.flatMap(({ label, amount, isMarked }, i) => {
      const y = TOP + i * ROW;
      const isNumber = typeof amount === 'number';
      const fill = isNumber ? (isMarked === true ? TONES.accent : TONES.muted) : TONES.bad;
      const told = isNumber ? `${amount.toLocaleString('en-US')} ${unit}` : amount;
      return [
        text(0, y + 15, cut(label, LETTERS), { isBold: isMarked === true }),
        rect(LABELS, y + 4, width(amount), 14, fill, `${label}: ${told}`),
        text(LABELS + width(amount) + 6, y + 15, told, { size: 10, fill: isNumber ? FAINT : TONES.bad }),
      ];
    }),
  ]);
}

function rank(amount: Amount): number {
  if (typeof amount === 'number') return amount;
  return amount === 'UNBOUNDED' ? Number.POSITIVE_INFINITY : Number.MAX_VALUE;
}
