/** The signed checkpoints that an export is held against: its own, and those that were kept elsewhere. */
import { type Checkpoint, parseCheckpoint } from '../checkpoint.ts';
import { sameHash } from '../hashes.ts';
import type { VerifierKey } from '../keys.ts';
import { checkNote } from '../note.ts';
import { fieldsOf, readJson } from './export-files.ts';
import type { Findings } from './findings.ts';
import { linesOf } from './source.ts';

/** Longer than any note with JSON around it. */
const MAX_LINE_BYTES = 160 * 1024;
/** Of a long file, evenly chosen ones and the newest are compared. */
const MAX_COMPARED = 10_000;

/** Checkpoints kept where the operators of the log cannot rewrite them. `name` is for findings. */
export type OutsideCheckpoints =
  | { readonly name: string; readonly note: string }
  /** Lines `{"workspace", "tree_size", "note"}`, as the server writes its checkpoint file. */
  | { readonly name: string; readonly lines: AsyncIterable<Uint8Array> };

/** A checkpoint whose signature is by the key of the log. */
export interface HeldCheckpoint {
  readonly checkpoint: Checkpoint;
  readonly place: string;
  /** Kept elsewhere; perhaps also in the export. */
  readonly isOutside: boolean;
  readonly isExported: boolean;
}

/** Checks the note and reads the checkpoint; a defect is reported and gives undefined. */
export function readCheckpoint(
  note: string,
  place: string,
  key: VerifierKey,
  findings: Findings,
): Checkpoint | undefined {
  const checked = checkNote(note, [key]);
  switch (checked.kind) {
    case 'malformed':
      findings.fatal('malformed', place, `The checkpoint ${checked.reason}.`);
      return undefined;
    case 'unknown_keys':
      findings.fatal('key_unknown', place, `The checkpoint is not signed by the key ${key.name}+${key.id}.`);
      return undefined;
    case 'bad_signature':
      findings.fatal('signature_invalid', place, `The signature of ${key.name}+${key.id} on the checkpoint is wrong.`);
      return undefined;
    case 'verified': {
      const checkpoint = parseCheckpoint(checked.note.text);
      if (typeof checkpoint === 'string') findings.fatal('malformed', place, `The checkpoint ${checkpoint}.`);
      else if (checkpoint.origin !== key.name)
        findings.fatal(
          'key_unknown',
          place,
          `The checkpoint is of the log ${checkpoint.origin}, the key of ${key.name}.`,
        );
      else return checkpoint;
      return undefined;
    }
  }
}

/**
 * The checkpoints of this log that were kept elsewhere. Lines of other logs are passed over; broken lines, which a
 * crash may leave, are noted.
 */
export async function readOutside(
  outside: OutsideCheckpoints,
  key: VerifierKey,
  findings: Findings,
): Promise<HeldCheckpoint[]> {
  const notes =
    'note' in outside ? [{ note: outside.note, place: outside.name }] : await notesOf(outside, key, findings);
  return notes.flatMap(({ note, place }) => {
    const checkpoint = readCheckpoint(note, place, key, findings);
    return checkpoint === undefined ? [] : [{ checkpoint, place, isOutside: true, isExported: false }];
  });
}

interface PlacedNote {
  readonly note: string;
  readonly place: string;
}

async function notesOf(
  { name, lines }: Extract<OutsideCheckpoints, { readonly lines: unknown }>,
  key: VerifierKey,
  findings: Findings,
): Promise<PlacedNote[]> {
  const kept: PlacedNote[] = [];
  let newest: PlacedNote | undefined;
  let stride = 1;
  let count = 0;
  let lineNumber = 0;
  for await (const line of linesOf(lines, MAX_LINE_BYTES)) {
    lineNumber += 1;
    if (line?.length === 0) continue;
    const place = `${name} line ${lineNumber}`;
    const note = line === undefined ? undefined : noteOf(line);
    if (note === undefined) findings.note('malformed', place, 'The line holds no checkpoint.');
    if (note === undefined || !note.startsWith(`${key.name}\n`)) continue;
    newest = { note, place };
    if (count % stride === 0) kept.push(newest);
    count += 1;
    if (kept.length < 2 * MAX_COMPARED) continue;
    kept.splice(0, kept.length, ...kept.filter((_, i) => i % 2 === 0));
    stride *= 2;
  }
  if (newest !== undefined && kept.at(-1) !== newest) kept.push(newest);
  return kept;
}

/** The note of a line of the checkpoint file. */
export function noteOf(line: Buffer): string | undefined {
  const note = fieldsOf(readJson(line))?.get('note');
  return typeof note === 'string' ? note : undefined;
}

/** Reports sizes for which two checkpoints differ, and keeps one of each size, by size. */
export function findForks(held: readonly HeldCheckpoint[], findings: Findings): HeldCheckpoint[] {
  const bySize = new Map<number, HeldCheckpoint>();
  for (const each of held) {
    const { size } = each.checkpoint;
    const other = bySize.get(size);
    bySize.set(size, {
      ...(other ?? each),
      isOutside: each.isOutside || other?.isOutside === true,
      isExported: each.isExported || other?.isExported === true,
    });
    if (other !== undefined && !isSame(other.checkpoint, each.checkpoint))
      findings.fatal(
        'fork',
        `${other.place} and ${each.place}`,
        `Two signed checkpoints of ${size} entries differ: the log was shown in two versions.`,
      );
  }
  return [...bySize.values()].sort((a, b) => a.checkpoint.size - b.checkpoint.size);
}

function isSame(a: Checkpoint, b: Checkpoint): boolean {
  return (
    sameHash(a.root, b.root) &&
    a.shards.length === b.shards.length &&
    a.shards.every(({ shard, seq, head }, i) => {
      const other = b.shards[i];
      return other?.shard === shard && other.seq === seq && sameHash(other.head, head);
    })
  );
}
