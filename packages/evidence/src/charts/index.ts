/** Drawings that console, documents and bundle share. Nothing here needs Node.js. */
export { type DayBars, dayBarsSvg } from './day-bars.ts';
export { type Amount, type LogBars, logBarsSvg } from './log-bars.ts';
export type { Tone } from './svg.ts';
export { type Timeline, type TimelineRow, timelineSvg } from './timeline.ts';
