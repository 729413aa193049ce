/** Entries without a payload: each must be let go by a record of the same log, and none while a hold kept it. */

import type { Checkpoint } from '../checkpoint.ts';
import { formatAbsenceLine } from '../export-format.ts';
import { type AbsenceRecord, type HoldRecord, heldBy, isHoldRecord, readGoverning } from '../governing.ts';
import { entryHash, sameHash } from '../hashes.ts';
import { verifyInclusion } from '../proofs.ts';
import { countOfRuns, formatRuns, type Run, runsWithin } from '../runs.ts';
import { rootOfSubtrees, type Subtree } from '../tree.ts';
import type { EntryRun } from './entry-run.ts';
import { fieldsOf, isCount, pathOf, readJson } from './export-files.ts';
import type { Findings } from './findings.ts';
import { SubtreeStack } from './subtree-stack.ts';

/** What a part of entries.jsonl has to know of the records that let payloads go. Plain data; the place in a list is its name. */
export interface Allowance {
  readonly runs: readonly Run[];
}

/** Follows the entries, and which allowances each of them is of. */
export class Allowed {
  /** By first number. `index`: of the allowance; `before`: how many of its entries come before the run. */
  readonly #runs: readonly { readonly run: Run; readonly index: number; readonly before: number }[];
  #next = 0;
  #active: { readonly run: Run; readonly index: number; readonly before: number }[] = [];
  readonly #trees = new Map<number, SubtreeStack>();
  /** Of each allowance the absent entries, as runs. */
  readonly #absent = new Map<number, Run[]>();

  constructor(allowances: readonly Allowance[]) {
    this.#runs = allowances
      .flatMap(({ runs }, index) => {
        let before = 0;
        return runs.map((run) => {
          const placed = { run, index, before };
          before += run.last - run.first + 1;
          return placed;
        });
      })
      .sort((a, b) => a.run.first - b.run.first || a.index - b.index);
  }

  /** Takes an entry, in order; `hash` as a latin1 string. Whether one lets its payload go. */
  take(seq: number, hash: string, isAbsent: boolean): boolean {
    for (
      let next = this.#runs[this.#next];
      next !== undefined && next.run.first <= seq;
      next = this.#runs[this.#next]
    ) {
      if (next.run.last >= seq) this.#active.push(next);
      this.#next += 1;
    }
    if (this.#active.length === 0) return false;
    this.#active = this.#active.filter(({ run }) => run.last >= seq);
    let newest = -1;
    for (const { run, index, before } of this.#active) {
      const tree = this.#trees.get(index) ?? new SubtreeStack(before + seq - run.first);
      this.#trees.set(index, tree);
      tree.push(hash);
      newest = Math.max(newest, index);
    }
    // What was redacted first and pruned later is pruned.
    if (isAbsent && newest >= 0) this.#note(newest, seq);
    return newest >= 0;
  }

  #note(index: number, seq: number): void {
    const runs = this.#absent.get(index) ?? [];
    this.#absent.set(index, runs);
    const last = runs.at(-1);
    if (last?.last === seq - 1) runs[runs.length - 1] = { first: last.first, last: seq };
    else runs.push({ first: seq, last: seq });
  }

  /** Of each allowance that had a part in it. */
  get used(): ReadonlyMap<number, UsedAllowance> {
    return new Map(
      [...this.#trees].map(([index, tree]) => [
        index,
        { subtrees: tree.subtrees(), absent: this.#absent.get(index) ?? [] },
      ]),
    );
  }
}

export interface UsedAllowance {
  /** Over the entry hashes of its entries that were met, absent or not. */
  readonly subtrees: readonly Subtree[];
  readonly absent: readonly Run[];
}

export function joinUsed(
  left: ReadonlyMap<number, UsedAllowance>,
  right: ReadonlyMap<number, UsedAllowance>,
): Map<number, UsedAllowance> {
  const joined = new Map(left);
  for (const [index, { subtrees, absent }] of right) {
    const before = joined.get(index);
    joined.set(index, {
      subtrees: [...(before?.subtrees ?? []), ...subtrees],
      absent: [...(before?.absent ?? []), ...absent],
    });
  }
  return joined;
}

/** The records of absences.jsonl that are proven to be in the signed tree. */
export interface Governing {
  readonly absences: readonly AbsenceRecord[];
  readonly holds: readonly HoldRecord[];
}

/** Reads absences.jsonl. What does not prove itself is told, and lets nothing go. */
export function readGoverningFile(
  file: Buffer | undefined,
  path: string,
  covering: Checkpoint | undefined,
  findings: Findings,
): Governing {
  const absences: AbsenceRecord[] = [];
  const holds: HoldRecord[] = [];
  if (file === undefined) return { absences, holds };
  let start = 0;
  let before = 0;
  for (let n = 1; start < file.length; n += 1) {
    const found = file.indexOf(0x0a, start);
    const end = found < 0 ? file.length : found;
    const place = `${path} line ${n}`;
    const line = readLine(file.subarray(start, end), covering);
    start = end + 1;
    if (typeof line === 'string') findings.fatal('absence_invalid', place, `The line ${line}.`);
    else if (line.seq <= before) findings.fatal('absence_invalid', place, 'The lines are not in the order of the log.');
    else if (isHoldRecord(line)) holds.push(line);
    else absences.push(line);
    if (typeof line !== 'string') before = line.seq;
  }
  return { absences, holds };
}

function readLine(bytes: Buffer, covering: Checkpoint | undefined): AbsenceRecord | HoldRecord | string {
  const fields = fieldsOf(readJson(bytes));
  const seq = fields?.get('seq');
  const canonical = fields?.get('canonical');
  const inclusion = pathOf(fields?.get('inclusion'));
  if (!isCount(seq) || seq < 1 || typeof canonical !== 'string' || inclusion === undefined)
    return 'is no record with its place and its proof';
  if (formatAbsenceLine(seq, canonical, inclusion) !== `${bytes.toString()}\n`)
    return 'is not written as the format says';
  if (covering === undefined) return 'has no checkpoint to be proven by';
  if (!verifyInclusion(entryHash(canonical), seq - 1, covering.size, inclusion, covering.root))
    return `holds a record that is not entry ${seq} of the signed tree`;
  const record = readGoverning(seq, canonical);
  return typeof record === 'string' ? `holds a record that ${record}` : record;
}

/** Of which entries the payload is absent, and by which record of the log. */
export interface ReportedAbsence {
  readonly kind: 'pruned' | 'redacted';
  /** The record: its place, id, time, and whose act it was. */
  readonly seq: number;
  readonly eventId: string;
  readonly ts: string;
  readonly actor: string;
  /** Of the export, as `1-120,123`; the record may let go more. */
  readonly entries: string;
  readonly count: number;
  /** Of a redaction: the fields that were taken out. */
  readonly removed: readonly string[];
}

/** Holds each record that lets payloads go against the entries that it is about, and against the holds. */
export function checkAbsences(
  run: EntryRun,
  { absences, holds }: Governing,
  range: { readonly first: number; readonly last: number },
  isWhole: boolean,
  findings: Findings,
): ReportedAbsence[] {
  const reported: ReportedAbsence[] = [];
  // What the entries say of holds and what was proven of them is the same log: one of each number.
  const known = new Map([...holds, ...run.holds].map((hold) => [hold.seq, hold]));
  const inOrder = [...known.values()].sort((a, b) => a.seq - b.seq);
  for (const [index, absence] of absences.entries()) {
    const place = `seq ${absence.seq}`;
    const used = run.allowed.get(index);
    const isMet = run.isOrdered && countOfRuns(runsWithin(absence.runs, range.first, range.last)) === absence.count;
    if (isMet && !sameHash(rootOfSubtrees(used?.subtrees ?? []), absence.root))
      findings.fatal('absence_invalid', place, 'The record lets go other entries than those that stand here.');
    const held = heldBy(absence, inOrder, isWhole);
    if (held !== undefined) findings.fatal('held_entry_let_go', place, held);
    if (used === undefined || used.absent.length === 0) continue;
    reported.push({
      kind: absence.kind === 'log.pruned' ? 'pruned' : 'redacted',
      seq: absence.seq,
      eventId: absence.eventId,
      ts: absence.ts,
      actor: absence.actor,
      entries: formatRuns(used.absent),
      count: countOfRuns(used.absent),
      removed: absence.removed,
    });
  }
  return reported;
}
