/** The certificate of a disposal: what was let go of the log, by which policy, and what stayed. */
import { canonicalJson } from './canonical.ts';
import { formatHash, sha256 } from './hashes.ts';
import type { EventProof } from './verify/verify-proof.ts';

export const DISPOSAL_VERSION = 1;
/** First line of the note. A checkpoint begins with the name of its log, which has no blank. */
const DISPOSAL_TITLE = 'HiveKey disposal certificate v1';

/** Times are ISO 8601, UTC, with milliseconds. */
export interface DisposalCertificate {
  readonly v: typeof DISPOSAL_VERSION;
  readonly issued_at: string;
  /** The node that signed. */
  readonly issued_by: string;
  readonly workspace: string;
  readonly workspace_id: string;
  readonly environment: string;
  readonly disposal: {
    readonly id: string;
    readonly actor: string;
    readonly started_at: string;
    readonly ended_at: string;
  };
  /** Class of records → days; null: for ever. */
  readonly periods: Readonly<Record<string, number | null>>;
  /** Entries whose payloads went, by kind of record. */
  readonly kinds: Readonly<Record<string, number>>;
  readonly count: number;
  /** The records of the log by which they went, each proven. `removed`: payloads that went; fewer than `count` where a hold came in between. */
  readonly records: readonly {
    readonly event_id: string;
    readonly seq: number;
    /** As `1-120,123`. */
    readonly entries: string;
    readonly count: number;
    /** Of the RFC 6962 tree over the entry hashes, `sha256:<hex>`. */
    readonly root: string;
    readonly removed: number;
    readonly proof: EventProof;
  }[];
  /** What had outlived its period and stayed. */
  readonly kept: {
    readonly reasons: Readonly<Record<string, number>>;
    readonly holds: readonly { readonly id: string; readonly matter: string; readonly entries: number }[];
    readonly behind: readonly { readonly what: string; readonly name: string; readonly through: number }[];
  };
}

/** The text that is signed. Throws NotCanonical for what is no JSON. */
export function disposalNote(certificate: unknown): string {
  return `${DISPOSAL_TITLE}\n${formatHash(sha256(Buffer.from(canonicalJson(certificate))))}\n`;
}
