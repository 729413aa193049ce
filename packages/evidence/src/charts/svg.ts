/** What all drawings share. SVG 1.1 that needs no font, script or style sheet from elsewhere; the same values give the same bytes. */
import { shown } from '../tables/neutral.ts';

export type Tone = 'plain' | 'good' | 'bad' | 'accent' | 'muted';

/** Told apart by lightness as well, so that they survive a printer. */
export const TONES: Readonly<Record<Tone, string>> = {
  plain: '#4a5568',
  good: '#5aa469',
  bad: '#b3261e',
  accent: '#2f5bb7',
  muted: '#c3c8d1',
};
const INK = '#1b1d21';
export const FAINT = '#5a5f69';
export const RULE = '#dde0e5';

/** As text of XML: what it says comes from people. Nothing in it is markup, and no character is obeyed instead of shown. */
export function escaped(value: string): string {
  return shown(value)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}

/** Cut to so many characters, with an ellipsis. */
export function cut(value: string, length: number): string {
  const all = [...value];
  return all.length <= length ? value : `${all.slice(0, length - 1).join('')}…`;
}

/** Coordinates to a tenth: finer ones differ in nothing but bytes. */
export function tenth(value: number): number {
  return Math.round(value * 10) / 10;
}

interface Type {
  readonly size?: number;
  readonly fill?: string;
  readonly anchor?: 'start' | 'middle' | 'end';
  readonly isBold?: boolean;
}

export function text(
  x: number,
  y: number,
  value: string,
  { size = 11, fill = INK, anchor, isBold }: Type = {},
): string {
  const more = `${anchor === undefined ? '' : ` text-anchor="${anchor}"`}${isBold === true ? ' font-weight="600"' : ''}`;
  return `<text x="${tenth(x)}" y="${tenth(y)}" font-size="${size}" fill="${fill}"${more}>${escaped(value)}</text>`;
}

export function line(x1: number, y1: number, x2: number, y2: number, stroke = RULE): string {
  return `<line x1="${tenth(x1)}" y1="${tenth(y1)}" x2="${tenth(x2)}" y2="${tenth(y2)}" stroke="${stroke}"/>`;
}

export function rect(x: number, y: number, width: number, height: number, fill: string, title?: string): string {
  const inner = title === undefined ? '' : `<title>${escaped(title)}</title>`;
  return `<rect x="${tenth(x)}" y="${tenth(y)}" width="${tenth(width)}" height="${tenth(height)}" fill="${fill}">${inner}</rect>`;
}

export interface Drawing {
  readonly width: number;
  readonly height: number;
  /** Read out by programs that read pages aloud; not drawn. */
  readonly title: string;
  /** What is to be seen, in a sentence or two. */
  readonly desc: string;
}

export function svg({ width, height, title, desc }: Drawing, parts: readonly string[]): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escaped(title)}" font-family="Inter, Helvetica, Arial, sans-serif">`,
    `<title>${escaped(title)}</title>`,
    `<desc>${escaped(desc)}</desc>`,
    ...parts,
    '</svg>',
    '',
  ].join('\n');
}
