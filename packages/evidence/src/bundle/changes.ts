/** What differs between two versions of a bundle. */
import type { ManifestEntry } from './manifest.ts';

export interface BundleChanges {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly changed: readonly string[];
  /** How many are as they were. */
  readonly same: number;
}

/**
 * Evidence only: what lies in folders of items, and tells no instant of its making. Headers, workbooks and papers say when they were
 * made, and follow from the rest; proofs lead to the checkpoint that was the newest then.
 */
const EVIDENCE = /^\d\d_/;
const TELLS_WHEN = /(\.ipe\.json|\.xlsx|\.pdf|\.html)$|^07_action-log\/log\//;

export function bundleChanges(before: readonly ManifestEntry[], after: readonly ManifestEntry[]): BundleChanges {
  const old = evidenceOf(before);
  const now = evidenceOf(after);
  const added = [...now.keys()].filter((path) => !old.has(path));
  const removed = [...old.keys()].filter((path) => !now.has(path));
  const kept = [...now].filter(([path]) => old.has(path));
  const changed = kept.filter(([path, sha256]) => old.get(path) !== sha256).map(([path]) => path);
  return { added, removed, changed, same: kept.length - changed.length };
}

function evidenceOf(entries: readonly ManifestEntry[]): ReadonlyMap<string, string> {
  const found = entries.filter(({ path }) => EVIDENCE.test(path) && !TELLS_WHEN.test(path));
  return new Map(found.map(({ path, sha256 }) => [path, sha256]));
}
