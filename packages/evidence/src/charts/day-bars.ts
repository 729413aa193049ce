/** Counts by day, stacked. */
import { FAINT, line, rect, svg, TONES, type Tone, text } from './svg.ts';

export interface DayBars {
  readonly title: string;
  /** From the bottom up. */
  readonly series: readonly { readonly name: string; readonly tone: Tone }[];
  /** In order of time, without holes; `values` in the order of the series. */
  readonly days: readonly { readonly day: string; readonly values: readonly number[] }[];
}

const WIDTH = 760;
const HEIGHT = 220;
const LEFT = 64;
const TOP = 34;
const BOTTOM = 30;
/** Days that get a label beneath. */
const LABELS = 8;

export function dayBarsSvg({ title, series, days }: DayBars): string {
  const totals = days.map(({ values }) => values.reduce((sum, value) => sum + value, 0));
  const all = totals.reduce((sum, value) => sum + value, 0);
  const most = totals.reduce((a, b) => Math.max(a, b), 0);
  const desc = `${days.length} days, ${all.toLocaleString('en-US')} in all, at most ${most.toLocaleString('en-US')} a day.`;
  const top = roundUp(most);
  const plot = HEIGHT - TOP - BOTTOM;
  const y = (value: number): number => HEIGHT - BOTTOM - (value / top) * plot;
  const slot = (WIDTH - LEFT) / Math.max(1, days.length);
  const every = Math.max(1, Math.ceil(days.length / LABELS));
  return svg({ width: WIDTH, height: HEIGHT, title, desc }, [
    ...series.flatMap(({ name, tone }, i) => [
      rect(LEFT + i * 120, 6, 10, 10, TONES[tone]),
      text(LEFT + i * 120 + 15, 15, name, { size: 10, fill: FAINT }),
    ]),
    ...[0, top / 2, top].flatMap((value) => [
      line(LEFT, y(value), WIDTH, y(value)),
      text(LEFT - 6, y(value) + 3, value.toLocaleString('en-US'), { size: 9, fill: FAINT, anchor: 'end' }),
    ]),
    ...days.flatMap(({ day, values }, i) => {
      const x = LEFT + i * slot;
      let below = 0;
      return [
        ...values.flatMap((value, at) => {
          const from = below;
          below += value;
          const tone = series[at]?.tone;
          if (value <= 0 || tone === undefined) return [];
          const told = `${day}: ${value.toLocaleString('en-US')} ${series[at]?.name}`;
          return [rect(x + slot * 0.12, y(below), slot * 0.76, y(from) - y(below), TONES[tone], told)];
        }),
        ...(i % every === 0 ? [text(x, HEIGHT - BOTTOM + 16, day, { size: 9, fill: FAINT })] : []),
      ];
    }),
  ]);
}

/** The next even number of a power of ten, which halves into a whole number; 2 at least. */
function roundUp(value: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(1, value)));
  return [1, 2, 4, 6, 8, 10].map((factor) => factor * power).find((each) => each >= value && each % 2 === 0) ?? 2;
}
