/** What happened when: a row for each thing, its spans and points over one axis of time. */
import { cut, FAINT, line, RULE, rect, svg, TONES, type Tone, tenth, text } from './svg.ts';

export interface TimelineRow {
  readonly label: string;
  readonly spans?: readonly { readonly fromMs: number; readonly toMs: number; readonly tone: Tone }[];
  readonly points: readonly { readonly atMs: number; readonly label: string; readonly tone: Tone }[];
}

export interface Timeline {
  readonly title: string;
  readonly rows: readonly TimelineRow[];
}

const WIDTH = 760;
const LABELS = 210;
const RIGHT = 90;
const TOP = 34;
const ROW = 18;
/** Letters that fit left of the axis. */
const LETTERS = 34;
/** About so many ticks. */
const TICKS = 6;
/** Steps of ticks, ms: 1, 2 or 5 of each power of ten up to a second, then what clocks have. */
const STEPS = [
  ...[1, 10, 100].flatMap((power) => [power, 2 * power, 5 * power]),
  ...[1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400].map(
    (s) => s * 1000,
  ),
];
const DAY_MS = 86_400_000;

/** Times are epoch milliseconds and told in UTC. Without any time in it, it says that nothing was recorded. */
export function timelineSvg({ title, rows }: Timeline): string {
  const times = rows.flatMap((row) => [
    ...row.points.map(({ atMs }) => atMs),
    ...(row.spans ?? []).flatMap(({ fromMs, toMs }) => [fromMs, toMs]),
  ]);
  const height = TOP + Math.max(1, rows.length) * ROW + 12;
  if (times.length === 0) {
    const none = 'Nothing was recorded.';
    return svg({ width: WIDTH, height, title, desc: none }, [text(0, TOP, none, { fill: FAINT })]);
  }
  const first = times.reduce((a, b) => Math.min(a, b));
  const last = times.reduce((a, b) => Math.max(a, b));
  const length = Math.max(1, last - first);
  const x = (ms: number): number => LABELS + ((ms - first) / length) * (WIDTH - LABELS - RIGHT);
  const step = stepFor(length);
  const ticks: number[] = [];
  for (let at = Math.ceil(first / step) * step; at <= last; at += step) ticks.push(at);
  const bottom = TOP + rows.length * ROW;
  return svg(
    { width: WIDTH, height, title, desc: `From ${clock(first)} to ${clock(last)} UTC, ${rows.length} rows.` },
    [
      ...ticks.flatMap((at) => [
        line(x(at), TOP - 8, x(at), bottom),
        text(x(at), TOP - 14, tickLabel(at, step), { size: 9, fill: FAINT, anchor: 'middle' }),
      ]),
      ...rows.flatMap((row, i) => {
        const y = TOP + i * ROW + ROW / 2;
        return [
          text(0, y + 4, cut(row.label, LETTERS)),
          line(LABELS, y, Math.max(LABELS, ...row.points.map(({ atMs }) => x(atMs))), y, RULE),
          ...(row.spans ?? []).map(({ fromMs, toMs, tone }) =>
            rect(x(fromMs), y - 4, Math.max(2, x(toMs) - x(fromMs)), 8, TONES[tone]),
          ),
          ...row.points.map(
            ({ atMs, tone }) => `<circle cx="${tenth(x(atMs))}" cy="${tenth(y)}" r="4.5" fill="${TONES[tone]}"/>`,
          ),
          ...lastLabel(row, x, y),
        ];
      }),
    ],
  );
}

/** Beside its last point: labels of nearer ones would lie upon each other. */
function lastLabel(row: TimelineRow, x: (ms: number) => number, y: number): readonly string[] {
  const last = row.points.toSorted((a, b) => a.atMs - b.atMs).at(-1);
  return last === undefined ? [] : [text(x(last.atMs) + 8, y + 4, cut(last.label, 18), { size: 10, fill: FAINT })];
}

function stepFor(length: number): number {
  const wanted = length / TICKS;
  return STEPS.find((step) => step >= wanted) ?? Math.ceil(wanted / DAY_MS) * DAY_MS;
}

function clock(ms: number): string {
  return new Date(ms).toISOString().replace('T', ' ').replace('Z', '');
}

function tickLabel(ms: number, step: number): string {
  const iso = new Date(ms).toISOString();
  if (step >= DAY_MS) return iso.slice(0, 10);
  if (step >= 60_000) return iso.slice(11, 16);
  return step >= 1000 ? iso.slice(11, 19) : iso.slice(11, 23);
}
