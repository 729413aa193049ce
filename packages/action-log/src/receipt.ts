/** The receipt of a stop: what it says, and the text whose signature stands for it. */
import { canonicalJson } from './canonical.ts';
import { formatHash, sha256 } from './hashes.ts';
import type { EventProof } from './verify/verify-proof.ts';

export const RECEIPT_VERSION = 1;
/** First line of the note. A checkpoint begins with the name of its log, which has no blank. */
const RECEIPT_TITLE = 'HiveKey containment receipt v1';

/** Times are ISO 8601, UTC, with milliseconds. */
export interface ContainmentReceipt {
  readonly v: typeof RECEIPT_VERSION;
  readonly issued_at: string;
  /** The node that signed. */
  readonly issued_by: string;
  readonly workspace: string;
  readonly workspace_id: string;
  readonly environment: string;
  readonly containment: {
    readonly id: string;
    readonly scope: string;
    readonly target: string;
    readonly reason: string;
    readonly actor: string;
    /** The rehearsal that it belongs to; null for a stop that was meant. */
    readonly rehearsal: string | null;
  };
  readonly two_people: {
    readonly proposal: string;
    readonly proposed_by: string;
    readonly proposed_at: string;
    readonly confirmed_by: string;
  } | null;
  readonly times: {
    readonly ordered_at: string;
    readonly committed_at: string | null;
    /** When the recording transaction was seen to refuse. */
    readonly effective_at: string | null;
    readonly first_refusal_ms: number | null;
  };
  readonly agents: readonly {
    readonly id: string;
    readonly name: string;
    readonly owner: string;
    readonly tokens_ended: number;
    readonly last_allowed_at: string | null;
    readonly first_denied_at: string | null;
  }[];
  /** Null where they were not listed. `probe`: it was asked for, and refused at `refused_at`. `state`: it was not asked; the same state refuses it. */
  readonly tools:
    | readonly {
        readonly capability: string;
        readonly agents: number;
        readonly established: 'probe' | 'state';
        readonly refused_at: string | null;
      }[]
    | null;
  /**
   * Upstream connections behind what was stopped, as they were held then. `cut`: agents never had the credential.
   * `ends`: what they were given dies by `ends_at`. `requested`: they may hold a key of their own, whose rotation is
   * asked for. Absent on receipts of before it was kept.
   */
  readonly connections?: readonly {
    readonly server: string;
    readonly custody: 'injected' | 'leased' | 'external';
    readonly state: 'cut' | 'ends' | 'requested';
    readonly ends_at: string | null;
  }[];
  /** `bound_at`: of a node that did not answer, when the last call that it had recorded before could begin. */
  readonly nodes: readonly {
    readonly node: string;
    readonly effective_at: string | null;
    readonly bound_at: string | null;
  }[];
  readonly calls: readonly {
    readonly event_id: string;
    readonly agent: string;
    readonly capability: string;
    readonly fate: string;
  }[];
  /** Of /v1/actions, that no living node held: ended by the stop, their fate unknown. */
  readonly permits_ended: readonly { readonly event_id: string; readonly agent: string; readonly capability: string }[];
  /** What aborted calls gave back of their budgets, as far as it is settled. */
  readonly reservations_released: readonly {
    readonly event_id: string;
    readonly key: string;
    readonly amount: number;
  }[];
  readonly approvals_cancelled: number;
  readonly sessions_closed: number;
  /** The order on the log; the proof is null where it could not be made. */
  readonly log: { readonly event_id: string; readonly proof: EventProof | null };
}

/** The text that is signed. Throws NotCanonical for what is no JSON. */
export function receiptNote(receipt: unknown): string {
  return `${RECEIPT_TITLE}\n${formatHash(sha256(Buffer.from(canonicalJson(receipt))))}\n`;
}
