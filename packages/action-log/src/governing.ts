/**
 * Records of the log that say of which entries the payload may be absent (`log.pruned`, `log.redacted`), and of which it may
 * not (`hold.placed`, `hold.covers`, `hold.released`). Their fields are in docs/reference/records.md.
 */

import { parseHash } from './hashes.ts';
import { parseJson } from './parse-json.ts';
import { countOfRuns, parseRuns, type Run, sharedNumber } from './runs.ts';
import { fieldsOf, isCount } from './verify/export-files.ts';

/** Lets payloads go. */
export interface AbsenceRecord {
  readonly kind: 'log.pruned' | 'log.redacted';
  readonly seq: number;
  readonly eventId: string;
  /** ISO 8601, as the record says. */
  readonly ts: string;
  readonly actor: string;
  /** The entries, all of them before the record. */
  readonly runs: readonly Run[];
  readonly count: number;
  /** Root of the RFC 6962 tree over their entry hashes, in their order. */
  readonly root: Uint8Array;
  /** Of a redaction: what was taken out. */
  readonly removed: readonly string[];
}

/** Keeps payloads. */
export type HoldRecord =
  | { readonly kind: 'hold.placed'; readonly seq: number; readonly holdId: string; readonly until: string | undefined }
  | {
      readonly kind: 'hold.covers';
      readonly seq: number;
      readonly holdId: string;
      /** Up to this entry it is said what the hold holds. */
      readonly through: number;
      readonly runs: readonly Run[];
    }
  | { readonly kind: 'hold.released'; readonly seq: number; readonly holdId: string };

export type GoverningRecord = AbsenceRecord | HoldRecord;

export function isHoldRecord(record: GoverningRecord): record is HoldRecord {
  return 'holdId' in record;
}

/** What the record says; in words, why it says nothing. `seq` is its place in the log. */
export function readGoverning(seq: number, canonical: string): GoverningRecord | string {
  let fields: ReadonlyMap<string, unknown> | undefined;
  try {
    fields = fieldsOf(parseJson(canonical));
  } catch {
    return 'is not JSON';
  }
  const kind = fields?.get('kind');
  if (fields === undefined) return 'is not an object';
  if (kind === 'log.pruned' || kind === 'log.redacted') return readAbsence(kind, seq, fields);
  if (typeof kind === 'string' && kind.startsWith('hold.')) return readHold(kind, seq, fields);
  return 'lets no payload go, and holds none';
}

function readAbsence(
  kind: AbsenceRecord['kind'],
  seq: number,
  fields: ReadonlyMap<string, unknown>,
): AbsenceRecord | string {
  const [eventId, ts, actor, entries, rootText] = ['event_id', 'ts', 'actor', 'entries', 'root'].map((name) =>
    fields.get(name),
  );
  const runs = typeof entries === 'string' ? parseRuns(entries) : undefined;
  const root = typeof rootText === 'string' ? parseHash(rootText) : undefined;
  const count = fields.get('count');
  if (typeof eventId !== 'string' || typeof ts !== 'string' || typeof actor !== 'string') return 'lacks a text';
  if (runs === undefined) return 'names no entries';
  if (!isCount(count) || countOfRuns(runs) !== count) return 'names another number of entries than it says';
  if ((runs.at(-1)?.last ?? seq) >= seq) return 'lets go what was not there yet';
  if (root === undefined) return 'has no root over the entries';
  const removed = fields.get('removed');
  const names = Array.isArray(removed) ? removed.filter((name) => typeof name === 'string') : [];
  return { kind, seq, eventId, ts, actor, runs, count, root, removed: names };
}

function readHold(kind: string, seq: number, fields: ReadonlyMap<string, unknown>): HoldRecord | string {
  const holdId = fields.get('hold_id');
  const until = fields.get('until');
  const through = fields.get('through');
  const entries = fields.get('entries');
  if (typeof holdId !== 'string') return 'names no hold';
  if (kind === 'hold.released') return { kind, seq, holdId };
  if (kind === 'hold.placed') return { kind, seq, holdId, until: typeof until === 'string' ? until : undefined };
  if (kind !== 'hold.covers') return 'is of a kind that is not known';
  // A hold that holds nothing up to there names no entries.
  const runs = entries === undefined ? [] : typeof entries === 'string' ? parseRuns(entries) : undefined;
  if (!isCount(through) || runs === undefined) return 'does not say what it covers';
  return { kind, seq, holdId, through, runs };
}

/** Why the record lets go what a hold keeps; undefined when none does. `holds`: those that are known; `isWhole`: all of them are. */
export function heldBy(absence: AbsenceRecord, holds: readonly HoldRecord[], isWhole: boolean): string | undefined {
  const before = holds.filter(({ seq }) => seq < absence.seq);
  for (const hold of before) {
    if (hold.kind !== 'hold.placed') continue;
    const of = before.filter(({ holdId }) => holdId === hold.holdId);
    if (of.some(({ kind }) => kind === 'hold.released')) continue;
    if (hold.until !== undefined && Date.parse(hold.until) <= Date.parse(absence.ts)) continue;
    let through = 0;
    for (const each of of) {
      if (each.kind !== 'hold.covers') continue;
      through = Math.max(through, each.through);
      const shared = sharedNumber(each.runs, absence.runs);
      if (shared !== undefined) return `Entry ${shared} was held by ${hold.holdId} when the record let it go.`;
    }
    if (isWhole && through < (absence.runs.at(-1)?.last ?? 0))
      return `The log does not say up to entry ${absence.runs.at(-1)?.last} what ${hold.holdId} holds, and lets entries go.`;
  }
  return undefined;
}
