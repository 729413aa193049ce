/** Holds the entries against what was signed: the root, earlier checkpoints, the heads of the shards. */
import type { Checkpoint } from '../checkpoint.ts';
import type { ExportProof, Manifest } from '../export-format.ts';
import { sameHash } from '../hashes.ts';
import { verifyConsistency } from '../proofs.ts';
import { completeNodes, EMPTY_ROOT, rootOfSubtrees, type Subtree } from '../tree.ts';
import type { HeldCheckpoint } from './checkpoints.ts';
import type { EntryRun, ShardPosition } from './entry-run.ts';
import type { Findings } from './findings.ts';

export interface SignedTree {
  readonly manifest: Manifest;
  /** The checkpoint of the manifest's tree size. */
  readonly covering: Checkpoint;
  readonly proof: ExportProof;
  /** Also the covering one; one of each size, by size. */
  readonly held: readonly HeldCheckpoint[];
}

/** Returns how many of the checkpoints from elsewhere could be compared. */
export function compareTree(run: EntryRun, signed: SignedTree, findings: Findings): number {
  const { manifest, covering, proof, held } = signed;
  const before = placed(0, manifest.first - 1, proof.before);
  const after = placed(manifest.last, manifest.treeSize, proof.after);
  if (before === undefined || after === undefined) {
    findings.fatal(
      'proof_invalid',
      'proof.json',
      'It does not hold as many hashes as its range and tree size ask for.',
    );
    return 0;
  }
  const isInPlace = run.isOrdered && run.first === manifest.first && run.next === manifest.last + 1;
  const root = rootOfSubtrees([...before, ...run.subtrees, ...after]);
  const isSigned = isInPlace && sameHash(root, covering.root);
  const known = new Map<number, readonly Subtree[]>([[manifest.first - 1, before]]);
  if (run.first === manifest.first)
    for (const { size, subtrees } of run.marks) known.set(size, [...before, ...subtrees]);

  let signedUpTo = 0;
  let compared = 0;
  for (const { checkpoint, place, isOutside, isExported } of held) {
    const answer = compare(checkpoint, signed, known.get(checkpoint.size));
    if (answer === 'larger')
      findings.fatal(
        'tail_cut',
        place,
        `It covers ${checkpoint.size} entries; the export only knows of ${manifest.treeSize}. Entries were cut off, or the export is older than the checkpoint.`,
      );
    else if (answer === 'different')
      findings.fatal(
        'checkpoint_inconsistent',
        place,
        `The signed tree of ${checkpoint.size} entries is not the beginning of this log.`,
      );
    else if (answer === 'same' && checkpoint.size < manifest.treeSize && known.has(checkpoint.size))
      signedUpTo = Math.max(signedUpTo, checkpoint.size);
    else if (answer === 'unknown' && isExported && isInPlace)
      findings.fatal(
        'proof_invalid',
        place,
        `proof.json does not show how the tree of ${checkpoint.size} entries became this one.`,
      );
    if (isOutside && answer !== 'unknown') compared += 1;
  }
  if (!isSigned) findings.fatal('root_mismatch', placeOf(signedUpTo, manifest), rootMessage(isInPlace, signedUpTo));
  return compared;
}

function compare(
  { size, root }: Checkpoint,
  { manifest, covering, proof }: SignedTree,
  subtrees: readonly Subtree[] | undefined,
): 'same' | 'different' | 'larger' | 'unknown' {
  if (size > manifest.treeSize) return 'larger';
  if (size === manifest.treeSize) return sameHash(root, covering.root) ? 'same' : 'different';
  if (size === 0) return sameHash(root, EMPTY_ROOT) ? 'same' : 'different';
  if (subtrees !== undefined) return sameHash(rootOfSubtrees(subtrees), root) ? 'same' : 'different';
  const path = proof.consistency.get(size);
  if (path === undefined) return 'unknown';
  return verifyConsistency(size, root, covering.size, covering.root, path) ? 'same' : 'different';
}

/** The hashes as the subtrees that cover the leaves from `start` to `end`; undefined when there are not as many. */
function placed(start: number, end: number, hashes: readonly Uint8Array[]): Subtree[] | undefined {
  const nodes = completeNodes(start, end);
  if (nodes.length !== hashes.length) return undefined;
  return nodes.map((node, i) => ({ ...node, hash: hashes[i] ?? EMPTY_ROOT }));
}

function placeOf(signedUpTo: number, { first, last, treeSize }: Manifest): string {
  const from = Math.max(first, signedUpTo + 1);
  return from > last ? `tree of ${treeSize}` : `seq ${from} to ${last}`;
}

function rootMessage(isInPlace: boolean, signedUpTo: number): string {
  const whole = isInPlace
    ? 'The entries, with the hashes of proof.json, do not give the root that was signed.'
    : 'Entries are missing, changed or out of place, so that they are not the tree that was signed.';
  return signedUpTo === 0 ? whole : `${whole} Up to entry ${signedUpTo} they are.`;
}

/** The chains of the shards must end, at the size of a checkpoint, with the heads it names. */
export function compareHeads(run: EntryRun, { manifest, covering, held }: SignedTree, findings: Findings): void {
  if (!run.isOrdered || run.first !== manifest.first) return;
  const isWhole = manifest.first === 1;
  const marks = new Map(run.marks.map(({ size, heads }) => [size, heads]));
  for (const { checkpoint, place } of held) {
    const heads = marks.get(checkpoint.size);
    if (heads !== undefined) compareHeadsAt(checkpoint, place, heads, isWhole, findings);
  }
  if (run.next <= covering.size) checkReach(run, covering, findings);
}

function compareHeadsAt(
  { shards }: Checkpoint,
  place: string,
  heads: ReadonlyMap<string, ShardPosition>,
  isWhole: boolean,
  findings: Findings,
): void {
  const named = new Set<string>();
  for (const { shard, seq, head } of shards) {
    named.add(shard);
    const at = heads.get(shard);
    // In a part of the log, a shard may have had its last entry before.
    if (at === undefined && !isWhole) continue;
    if (at?.seq !== seq || !sameHash(Buffer.from(at.link, 'latin1'), head))
      findings.fatal(
        'shard_head_mismatch',
        `${place}, shard ${shard}`,
        `The shard ends at position ${at?.seq ?? 0} here, and the checkpoint names another head at position ${seq}.`,
      );
  }
  for (const shard of heads.keys())
    if (!named.has(shard))
      findings.fatal('shard_head_mismatch', `${place}, shard ${shard}`, 'The checkpoint does not name the shard.');
}

/** What lies behind the range is not here; but a shard cannot have fewer entries there than here. */
function checkReach(run: EntryRun, covering: Checkpoint, findings: Findings): void {
  const named = new Map(covering.shards.map(({ shard, seq }) => [shard, seq]));
  for (const [shard, { last }] of run.shards)
    if ((named.get(shard) ?? 0) < last.seq)
      findings.fatal(
        'shard_head_mismatch',
        `checkpoint, shard ${shard}`,
        `The checkpoint knows fewer entries of the shard than are here: ${last.seq}.`,
      );
}
