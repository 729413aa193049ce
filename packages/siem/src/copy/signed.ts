/** The checkpoints of a copy: which of them are signed, and say what their event says. */
import { type Checkpoint, checkNote, formatHash, parseCheckpoint, type VerifierKey } from '@hivekey/action-log';
import type { CopyCheckpoint } from './events.ts';
import type { CopyFindings } from './findings.ts';

export interface SignedCheckpoint extends CopyCheckpoint {
  readonly signed: Checkpoint;
}

/** Those that hold, by what had been sent; equal ones once. Without a key none does. */
export function signedCheckpoints(
  checkpoints: readonly CopyCheckpoint[],
  key: VerifierKey | undefined,
  findings: CopyFindings,
): readonly SignedCheckpoint[] {
  if (checkpoints.length > 0 && key === undefined)
    findings.fatal('key_unknown', 'the copy', 'The checkpoints cannot be checked without the verifier key of the log.');
  if (key === undefined) return [];
  const known = new Map<string, SignedCheckpoint>();
  const roots = new Map<number, SignedCheckpoint>();
  for (const checkpoint of checkpoints) {
    const signed = read(checkpoint, key, findings);
    if (signed === undefined) continue;
    const twin = known.get(checkpoint.id);
    if (twin !== undefined && !sameContent(twin, checkpoint))
      findings.fatal('checkpoint_altered', checkpoint.place, `${checkpoint.id} says something else at ${twin.place}.`);
    if (twin !== undefined) continue;
    known.set(checkpoint.id, { ...checkpoint, signed });
    const other = roots.get(signed.size);
    if (other !== undefined && other.rootHash !== checkpoint.rootHash)
      findings.fatal(
        'fork',
        checkpoint.place,
        `For ${signed.size} entries the root ${checkpoint.rootHash} was signed here, and ${other.rootHash} at ${other.place}: the log has shown two histories.`,
      );
    roots.set(signed.size, { ...checkpoint, signed });
  }
  return [...known.values()].sort((a, b) => a.cursorSeq - b.cursorSeq || a.treeSize - b.treeSize);
}

function read(checkpoint: CopyCheckpoint, key: VerifierKey, findings: CopyFindings): Checkpoint | undefined {
  const { place, note, treeSize, rootHash, id } = checkpoint;
  const check = checkNote(note, [key]);
  if (check.kind === 'malformed') findings.fatal('checkpoint_altered', place, `The note of ${id} ${check.reason}.`);
  else if (check.kind === 'unknown_keys') findings.fatal('key_unknown', place, `${id} is not signed by ${key.text}.`);
  else if (check.kind === 'bad_signature')
    findings.fatal('signature_invalid', place, `The signature of ${id} is not by ${key.text}.`);
  else {
    const signed = parseCheckpoint(check.note.text);
    if (typeof signed === 'string') findings.fatal('checkpoint_altered', place, `The checkpoint of ${id} ${signed}.`);
    else if (signed.origin !== key.name)
      findings.fatal('key_unknown', place, `${id} is of the log ${signed.origin}, the key of ${key.name}.`);
    else if (signed.size !== treeSize || formatHash(signed.root) !== rootHash)
      findings.fatal('checkpoint_altered', place, `${id} says another size or root than its signed note.`);
    else return signed;
  }
  return undefined;
}

function sameContent(a: CopyCheckpoint, b: CopyCheckpoint): boolean {
  return (
    a.note === b.note &&
    a.cursorSeq === b.cursorSeq &&
    a.filter === b.filter &&
    JSON.stringify(Object.entries(a.counts).sort()) === JSON.stringify(Object.entries(b.counts).sort())
  );
}
