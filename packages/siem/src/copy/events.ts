/** An event as a receiver gives it back, whatever it was sent as. Nothing about it is verified. */
import type { Format } from '../types.ts';

/** CEF is flat and lossy: nothing is proven with it. */
export type CopyFormat = Exclude<Format, 'cef'>;

/** Where it stands: `<file>:<line>`. */
export type CopyPlace = string;

interface CopyItem {
  readonly place: CopyPlace;
  readonly format: CopyFormat;
  /** The document as the receiver has it, without what it is wrapped in. */
  readonly document: unknown;
}

export interface CopyEntry extends CopyItem {
  readonly type: 'entry';
  readonly seq: number;
  readonly eventId: string;
  /** `sha256:<hex>` */
  readonly entryHash: string;
  readonly prevHash: string;
  readonly hash: string;
  /** The exact bytes; undefined where they do not travel, so that only the hashes can be compared with the log. */
  readonly canonical: string | undefined;
  readonly kind: string;
  readonly replayed: boolean;
}

export interface CopyCheckpoint extends CopyItem {
  readonly type: 'checkpoint';
  readonly id: string;
  readonly ts: string;
  readonly sink: string;
  readonly treeSize: number;
  readonly rootHash: string;
  readonly note: string;
  readonly cursorSeq: number;
  readonly counts: Readonly<Record<string, number>>;
  readonly filter: string | null;
}

export interface CopyUnreadable {
  readonly type: 'unreadable';
  readonly place: CopyPlace;
  readonly why: string;
}

export type CopyEvent = CopyEntry | CopyCheckpoint | CopyUnreadable;
