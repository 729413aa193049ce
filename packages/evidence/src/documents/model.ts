/** A document for people: what it says, apart from how PDF and HTML show it. Plain data, so that another thread can lay it out. */
import type { Period } from '../types.ts';

/** What stands at the head and foot of each page. Times are ISO 8601 UTC. */
export interface Frame {
  readonly tenant: string;
  readonly environment: string;
  /** Null where the document is about one instant. */
  readonly period: Period | null;
  readonly asOf: string;
  /** Also the date in the file, so that the same document gives the same bytes. */
  readonly generatedAt: string;
  /** Of the CSV that the document is about, where there is one. */
  readonly csvSha256: string | null;
  /** That data is made up for showing the product. */
  readonly isSample: boolean;
}

/** `missing`: there should be something and there is not; shown in red. */
export type Emphasis = 'plain' | 'strong' | 'muted' | 'missing' | 'good';

export interface Span {
  readonly text: string;
  readonly emphasis: Emphasis;
}

export interface DocumentColumn {
  readonly title: string;
  /** Share of the width, in comparison with the others. */
  readonly weight: number;
  readonly isNumber?: boolean;
}

export type Block =
  | { readonly kind: 'heading'; readonly text: string }
  | { readonly kind: 'text'; readonly text: string; readonly emphasis: Emphasis }
  /** The one sentence that the rest carries. */
  | { readonly kind: 'statement'; readonly text: string }
  | { readonly kind: 'facts'; readonly facts: readonly { readonly name: string; readonly value: string }[] }
  | {
      readonly kind: 'table';
      readonly columns: readonly DocumentColumn[];
      readonly rows: readonly (readonly (string | Span)[])[];
      /** Said where there is no row. */
      readonly empty: string;
    }
  | { readonly kind: 'list'; readonly items: readonly string[] }
  /** A command or a query, as it is typed. */
  | { readonly kind: 'code'; readonly text: string }
  /** SVG made by this package or by the matrix: its markup is trusted, its texts are escaped in it. */
  | { readonly kind: 'drawing'; readonly svg: string; readonly alt: string; readonly maxHeight?: number }
  | { readonly kind: 'page' };

export interface EvidenceDocument extends Frame {
  readonly title: string;
  readonly paper: 'portrait' | 'landscape' | 'large landscape';
  readonly blocks: readonly Block[];
}

export const NO_RECORD: Span = { text: 'no record', emphasis: 'missing' };

export function heading(text: string): Block {
  return { kind: 'heading', text };
}

export function paragraph(text: string, emphasis: Emphasis = 'plain'): Block {
  return { kind: 'text', text, emphasis };
}

export function facts(of: Readonly<Record<string, string | number | null>>): Block {
  return {
    kind: 'facts',
    facts: Object.entries(of).map(([name, value]) => ({ name, value: value === null ? 'none' : String(value) })),
  };
}
