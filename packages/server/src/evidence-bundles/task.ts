/** What a bundle is built from, and what comes back: plain values, as they go between threads. */
import type { KeyObject } from 'node:crypto';
import type { Absent, BundleChanges } from '@hivekey/evidence';
import type { Config } from '../config.ts';
import type { WorkspaceId } from '../ids.ts';
import type { BundleFailure } from './bundle.ts';

/** A time-stamp authority, and the certificates that vouch for it. */
export interface Authority {
  readonly url: string;
  /** PEM. */
  readonly certificates: string;
}

export interface BundleTask {
  readonly workspaceId: WorkspaceId;
  readonly bundle: {
    readonly id: string;
    readonly name: string;
    readonly version: number;
    readonly from: string;
    readonly to: string;
    readonly include: readonly string[] | null;
    readonly reason: string;
    readonly requestedBy: string;
    readonly session: string | null;
    /** `YYYY-MM-DD`. */
    readonly disposeOn: string;
  };
  /** The newest version of the period that was made. */
  readonly previous: { readonly version: number; readonly manifest: string; readonly manifestSha256: string } | null;
  /** Where it is built, on the file system of the archive. */
  readonly folder: string;
  /** Of the archive, when it is whole. */
  readonly archive: string;
  readonly signingKey: KeyObject;
  readonly authority: Authority | null;
}

/** What a thread needs to read reports as the server does. */
export interface ReadingTask {
  /** Of the application role. */
  readonly connectionString: string;
  readonly nodeId: string;
  readonly version: string;
  readonly url: string;
  readonly config: Config;
  readonly logKey: KeyObject;
  readonly envelopeKey: KeyObject;
}

export interface BuiltBundle {
  readonly asOf: string;
  readonly files: number;
  readonly bytes: number;
  readonly sha256: string;
  readonly manifest: string;
  readonly manifestSha256: string;
  readonly changes: BundleChanges | null;
  readonly absent: readonly Absent[];
  readonly fingerprint: string;
  /** ISO 8601, as the authority says. */
  readonly timestampedAt: string | null;
}

export type ThreadMessage =
  | { readonly kind: 'step'; readonly step: string }
  | { readonly kind: 'built'; readonly built: BuiltBundle }
  /** `detail`: for the log of the server. */
  | { readonly kind: 'failed'; readonly failure: BundleFailure; readonly detail: string | null };
