/** Samples of a rule: lines of an export (`entries.jsonl`), and signed checkpoints between them, as the engine takes them. */
import { canonicalJson, parseJson, type SealedEntry } from '@hivekey/action-log';
import { flatEntry } from '@hivekey/siem';
import type { FlatEvent } from '../types.ts';

/** A line that is no entry: `{"checkpoint": {"id": "ckp_1", "ts": "…", "tree_size": 12, "root_hash": "sha256:…"}}`. */
export interface CheckpointLine {
  readonly id: string;
  readonly ts: string;
  readonly tree_size: number;
  readonly root_hash: string;
}

/** As the engine takes it. */
export function checkpointEvent({ id, ts, tree_size, root_hash }: CheckpointLine): FlatEvent {
  return { kind: 'stream.checkpoint', event_id: id, ts, tree_size, root_hash };
}

export function entryEvent(entry: SealedEntry): FlatEvent {
  return flatEntry({
    type: 'entry',
    seq: entry.seq,
    entryHash: entry.entry_hash,
    prevHash: entry.prev_hash,
    hash: entry.hash,
    canonical: canonicalJson(entry.record),
    record: entry.record,
  });
}

export class BadSample extends Error {}

/** Throws {@link BadSample} with the number of the line that is neither. */
export function readSample(text: string): readonly FlatEvent[] {
  return text.split('\n').flatMap((line, i) => {
    if (line.trim() === '') return [];
    const value = parse(line);
    if (isCheckpoint(value)) return [checkpointEvent(value.checkpoint)];
    if (isEntry(value)) return [entryEvent(value)];
    throw new BadSample(`line ${i + 1} is neither an entry of an export nor a checkpoint`);
  });
}

function parse(line: string): unknown {
  try {
    return parseJson(line);
  } catch {
    return undefined;
  }
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isCheckpoint(value: unknown): value is { readonly checkpoint: CheckpointLine } {
  if (!isMap(value) || !isMap(value.checkpoint)) return false;
  const { id, ts, tree_size, root_hash } = value.checkpoint;
  return (
    typeof id === 'string' && typeof ts === 'string' && typeof tree_size === 'number' && typeof root_hash === 'string'
  );
}

function isEntry(value: unknown): value is SealedEntry {
  if (!isMap(value) || !isMap(value.record)) return false;
  const { seq, entry_hash, prev_hash, hash, record } = value;
  const texts = [entry_hash, prev_hash, hash, record.event_id, record.kind, record.ts];
  return typeof seq === 'number' && texts.every((each) => typeof each === 'string');
}
