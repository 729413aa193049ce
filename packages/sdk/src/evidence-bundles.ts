/** Bundles of evidence, as the API answers them; see docs/guides/evidence.md. Times are epoch seconds, `from`, `to` and `as_of` ISO 8601. */

export interface EvidenceBundle {
  readonly id: string;
  readonly object: 'evidence_bundle';
  /** Of the folder within the archive. */
  readonly name: string;
  /** Of the same period, from 1. */
  readonly version: number;
  readonly from: string;
  readonly to: string;
  /** Ids of reports; null: all there are. */
  readonly include: readonly string[] | null;
  readonly reason: string;
  readonly requested_by: string;
  readonly requested_at: number;
  readonly status: 'building' | 'ready' | 'failed' | 'disposed';
  /** While it is being built: what is being written. */
  readonly step: string;
  readonly failure: { readonly code: string; readonly cause: string; readonly remedy: string } | null;
  readonly ended_at: number | null;
  /** Instant of the snapshot that everything in it was read from. */
  readonly as_of: string | null;
  readonly files: number | null;
  readonly bytes: number | null;
  /** Of the archive, lower-case hex. */
  readonly sha256: string | null;
  /** Of MANIFEST.sha256, which names every file. */
  readonly manifest_sha256: string | null;
  /** Against the version before, files that are not the same in content; null for the first. */
  readonly changes: {
    readonly added: number;
    readonly removed: number;
    readonly changed: number;
    readonly same: number;
  } | null;
  /** Parts of a whole bundle that are not in it, and why. */
  readonly absent: readonly { readonly part: string; readonly why: string }[] | null;
  /** Of the key that signed it, as `ssh-keygen -l` prints it. */
  readonly key_fingerprint: string | null;
  readonly timestamped_at: number | null;
  /** Its file is deleted after this day, unless a hold is in force. */
  readonly dispose_at: number;
  readonly disposed_at: number | null;
}

export interface NewEvidenceBundle {
  /** Inclusive, ISO 8601. */
  readonly from: string;
  /** Exclusive. */
  readonly to: string;
  readonly include?: readonly string[];
  /** Must be said where the period has a bundle already. */
  readonly reason?: string;
  /** How long the file is kept. */
  readonly retain_days?: number;
}

/** The key that signs evidence. Compare the fingerprint by another road than the bundle. */
export interface EvidenceKey {
  readonly object: 'evidence_key';
  readonly fingerprint: string;
  /** For `ssh-keygen -Y verify -f`. */
  readonly allowed_signers: string;
  /** For openssl. */
  readonly pem: string;
  readonly signer: string;
  readonly namespace: string;
  /** Of the workspace, newest first, with those that are retired. */
  readonly used: readonly {
    readonly fingerprint: string;
    readonly first_used_at: number;
    readonly retired_at: number | null;
  }[];
}
