/**
 * Checks what a receiver has against itself, against the signed checkpoints in it, and against the log. Everything
 * read is taken as hostile. What a copy proves alone, and what only with the log, is in docs/reference/siem-formats.md.
 */
import {
  entryHash,
  Frontier,
  formatHash,
  type LogRecord,
  linkHash,
  parseHash,
  sameHash,
  type VerifierKey,
  ZERO_LINK,
} from '@hivekey/action-log';
import { parseRecord } from '../parse-record.ts';
import type { CopyCheckpoint, CopyEntry, CopyEvent } from './events.ts';
import { type Claim, Explanations, type Reason } from './explained.ts';
import { type CopyFinding, CopyFindings } from './findings.ts';
import { Rows } from './rows.ts';
import { alteredField, isOfThisVersion } from './same-fields.ts';
import { type SignedCheckpoint, signedCheckpoints } from './signed.ts';

/** One entry of a verified export of the log. */
export interface LogLine {
  readonly seq: number;
  /** `sha256:<hex>` */
  readonly entryHash: string;
  /** Undefined: its payload has left the log. */
  readonly record: LogRecord | undefined;
}

export interface CopyOptions {
  /** Known by another way than the copy. */
  readonly key?: VerifierKey;
  /** Entries of the log in its order without gaps. */
  readonly log?: AsyncIterable<LogLine> | Iterable<LogLine>;
  /** The newest entries of the log that may still be on their way, by their times; default 10 minutes. */
  readonly lagMs?: number;
}

export interface CopyReport {
  /** True only when everything was compared and nothing fatal was found. */
  readonly isVerified: boolean;
  readonly findings: readonly CopyFinding[];
  readonly findingsLeftOut: number;
  /** Different entries, and how many of them have their exact record. */
  readonly entries: number;
  readonly exact: number;
  readonly duplicates: number;
  readonly unreadable: number;
  /** Numbers of the first and the last entry; 0 where there is none. */
  readonly first: number;
  readonly last: number;
  /** Entries that are not there, and why that is right. */
  readonly explained: Readonly<Partial<Record<Reason, number>>>;
  readonly checkpoints: number;
  readonly signedCheckpoints: number;
  /** A signed root covers the entries up to here. */
  readonly provenTo: number;
  /** When the newest signed checkpoint was sent; what is missing after it nobody can tell from the copy. */
  readonly newestCheckpointAt: string | undefined;
  /** Numbers of the log that were compared; undefined without a log. */
  readonly log: { readonly first: number; readonly last: number } | undefined;
}

const LAG_MS = 600_000;

export class CopyCheck {
  readonly #rows = new Rows();
  readonly #findings = new CopyFindings();
  readonly #checkpoints: CopyCheckpoint[] = [];
  /** Records about sinks: they say why entries are not there. */
  readonly #aboutSinks: { readonly seq: number; readonly record: LogRecord }[] = [];
  readonly #explained: Partial<Record<Reason, number>> = {};
  #exact = 0;
  #unreadable = 0;

  add(event: CopyEvent): void {
    if (event.type === 'checkpoint') this.#checkpoints.push(event);
    else if (event.type === 'entry') this.#addEntry(event);
    else {
      this.#unreadable += 1;
      this.#findings.note('unreadable', event.place, `It could not be read: ${event.why}.`);
    }
  }

  #addEntry(entry: CopyEntry): void {
    const { place, seq, canonical, kind } = entry;
    const hashes = [entry.entryHash, entry.prevHash, entry.hash].map(parseHash);
    const [own, prevHash, hash] = hashes;
    if (own === undefined || prevHash === undefined || hash === undefined) {
      this.#findings.fatal('unreadable', place, `Entry ${seq} has hashes that are none.`);
      return;
    }
    const record = canonical === undefined ? undefined : parseRecord(canonical);
    if (canonical !== undefined) {
      this.#exact += 1;
      if (!sameHash(entryHash(canonical), own))
        this.#findings.fatal('entry_edited', place, `The record of entry ${seq} is not the one that was hashed.`);
      if (record === undefined) this.#findings.fatal('entry_edited', place, `The record of entry ${seq} is none.`);
      this.#checkFields(entry);
    }
    if (!sameHash(linkHash(prevHash, own), hash))
      this.#findings.fatal('link_broken', place, `The link of entry ${seq} is not made of its own hashes.`);
    if (record?.kind.startsWith('sink.') === true) this.#aboutSinks.push({ seq, record });
    const [, file = place, line = '0'] = /^(.*):(\d+)$/.exec(place) ?? [];
    this.#rows.add({
      seq,
      entryHash: own,
      prevHash,
      hash,
      shard: record?.shard,
      shardSeq: record?.shard_seq ?? 0,
      kind,
      file,
      line: Number(line),
    });
  }

  #checkFields(entry: CopyEntry): void {
    const field = alteredField(entry);
    if (field === undefined) return;
    const message = `${field} of entry ${entry.seq} is not what its record says.`;
    if (isOfThisVersion(entry)) this.#findings.fatal('fields_altered', entry.place, message);
    else this.#findings.note('fields_altered', entry.place, `${message} Another version of HiveKey has mapped it.`);
  }

  /** Never rejects for what the copy holds. */
  async finish({ key, log, lagMs = LAG_MS }: CopyOptions = {}): Promise<CopyReport> {
    const rows = this.#rows;
    const { unique, duplicates } = this.#unique();
    if (unique.length === 0 && this.#checkpoints.length === 0)
      this.#findings.fatal('nothing_read', 'the copy', 'There is no event of HiveKey in it.');
    this.#checkShards(unique);
    const signed = signedCheckpoints(this.#checkpoints, key, this.#findings);
    const explanations = new Explanations();
    for (const { sink, cursorSeq, filter } of signed) explanations.addCheckpoint(sink, cursorSeq, filter);
    const last = lastOf(unique, rows);
    let provenTo = this.#checkRoots(unique, signed);
    this.#checkSeries(signed);
    let compared: CopyReport['log'];
    if (log === undefined) {
      for (const { seq, record } of this.#aboutSinks) explanations.addRecord(record, seq);
      this.#checkAlone(unique, signed, explanations, provenTo);
    } else {
      compared = await this.#compare(unique, signed, explanations, log, lagMs);
      provenTo = Math.max(provenTo, Math.min(last, compared?.last ?? 0));
    }
    this.#checkCounts(unique, signed, explanations);
    const { list, leftOut, hasFatal } = this.#findings;
    return {
      isVerified: !hasFatal,
      findings: list,
      findingsLeftOut: leftOut,
      entries: unique.length,
      exact: this.#exact,
      duplicates,
      unreadable: this.#unreadable,
      first: unique.length === 0 ? 0 : rows.seq(unique[0] ?? 0),
      last,
      explained: this.#explained,
      checkpoints: this.#checkpoints.length,
      signedCheckpoints: signed.length,
      provenTo,
      newestCheckpointAt: signed.at(-1)?.ts,
      log: compared,
    };
  }

  /** One row for each number, by number. */
  #unique(): { readonly unique: readonly number[]; readonly duplicates: number } {
    const rows = this.#rows;
    const unique: number[] = [];
    let duplicates = 0;
    for (const row of rows.bySeq()) {
      const before = unique.at(-1);
      if (before === undefined || rows.seq(before) !== rows.seq(row)) unique.push(row);
      else if (sameHash(rows.entryHash(before), rows.entryHash(row)) && sameHash(rows.hash(before), rows.hash(row)))
        duplicates += 1;
      else
        this.#findings.fatal(
          'entry_contradicted',
          rows.place(row),
          `Entry ${rows.seq(row)} has another content at ${rows.place(before)}.`,
        );
    }
    return { unique, duplicates };
  }

  /** Each shard is a chain, and the log keeps its order. */
  #checkShards(unique: readonly number[]): void {
    const rows = this.#rows;
    const placed = unique.filter((row) => rows.shard(row) !== undefined);
    placed.sort((a, b) => compareText(rows.shard(a), rows.shard(b)) || rows.shardSeq(a) - rows.shardSeq(b) || a - b);
    placed.forEach((row, i) => {
      const before = placed[i - 1];
      const at = rows.place(row);
      const seq = rows.seq(row);
      if (rows.shardSeq(row) === 1 && !sameHash(rows.prevHash(row), ZERO_LINK))
        this.#findings.fatal('link_broken', at, `Entry ${seq} is the first of its shard, and follows another.`);
      if (before === undefined || rows.shard(before) !== rows.shard(row)) return;
      const step = rows.shardSeq(row) - rows.shardSeq(before);
      const pair = `Entry ${seq} and entry ${rows.seq(before)} (${rows.place(before)})`;
      if (step === 0) this.#findings.fatal('entry_contradicted', at, `${pair} stand at one place of the shard.`);
      else if (rows.seq(before) > seq)
        this.#findings.fatal('entry_reordered', at, `${pair} are numbered against the order of their shard.`);
      else if (step === 1 && !sameHash(rows.prevHash(row), rows.hash(before)))
        this.#findings.fatal('link_broken', at, `${pair} follow each other in the shard, and their links do not.`);
    });
  }

  /** Compares the roots of the entries from 1 on with what was signed, as far as they are all there. */
  #checkRoots(unique: readonly number[], signed: readonly SignedCheckpoint[]): number {
    const rows = this.#rows;
    const bySize = [...signed].sort((a, b) => a.treeSize - b.treeSize);
    const frontier = new Frontier();
    let provenTo = 0;
    let next = 0;
    const compare = () => {
      for (let at = bySize[next]; at !== undefined && at.treeSize <= frontier.size; at = bySize[next]) {
        next += 1;
        if (at.treeSize < frontier.size) continue;
        if (sameHash(frontier.root(), at.signed.root)) provenTo = at.treeSize;
        else
          this.#findings.fatal(
            'root_mismatch',
            at.place,
            `The entries 1 to ${at.treeSize} are not those whose root ${at.id} signs.`,
          );
      }
    };
    compare();
    for (const row of unique) {
      if (rows.seq(row) !== frontier.size + 1) break;
      frontier.append(rows.entryHash(row));
      compare();
    }
    return provenTo;
  }

  /** Checkpoints of a sink are numbered. */
  #checkSeries(signed: readonly SignedCheckpoint[]): void {
    for (const [before, after] of pairs(signed)) {
      const missed = numberOf(after) - numberOf(before) - 1;
      if (missed > 0)
        this.#findings.note(
          'checkpoint_missing',
          after.place,
          `${missed} checkpoints before ${after.id} are not in the copy.`,
        );
    }
  }

  #checkAlone(
    unique: readonly number[],
    signed: readonly SignedCheckpoint[],
    explanations: Explanations,
    provenTo: number,
  ): void {
    const rows = this.#rows;
    let expected = 1;
    let isWhole = true;
    for (const row of unique) {
      const seq = rows.seq(row);
      if (seq > expected) {
        isWhole = false;
        this.#explainAlone(expected, seq - 1, rows.place(row), explanations);
      }
      expected = seq + 1;
    }
    const newest = signed.at(-1);
    if (newest !== undefined && newest.cursorSeq >= expected) {
      const words = explanations.wordsAt(newest.cursorSeq);
      if (words === null) this.#tailCut(expected, newest, explanations);
    }
    // A gap that the copy itself explains is not proven by a root before it.
    if (provenTo > 0 && (isWhole || this.#findings.hasFatal)) return;
    const why =
      signed.length === 0
        ? 'There is no signed checkpoint that holds in it.'
        : isWhole
          ? 'No checkpoint of it covers a number of entries that are all there.'
          : 'Entries from 1 on are not all in it, so that no root can be made of them.';
    this.#findings.fatal('not_compared', 'the copy', `${why} Compare it with the log: name an export, or use --live.`);
  }

  #explainAlone(first: number, last: number, place: string, explanations: Explanations): void {
    let missing = 0;
    for (let seq = first; seq <= last && seq - first < MAX_LOOKED_AT; seq += 1) {
      const reason = explanations.reasonFor(seq);
      if (reason !== undefined) this.#explain(reason, 1);
      else if (explanations.wordsAt(seq) === null) missing += 1;
    }
    if (missing > 0)
      this.#findings.fatal(
        'entry_missing',
        place,
        `${missing} of the entries ${first} to ${last} are not in the copy.`,
      );
  }

  #tailCut(first: number, newest: SignedCheckpoint, explanations: Explanations): void {
    let missing = 0;
    for (let seq = first; seq <= newest.cursorSeq && seq - first < MAX_LOOKED_AT; seq += 1) {
      const reason = explanations.reasonFor(seq);
      if (reason === undefined) missing += 1;
      else this.#explain(reason, 1);
    }
    if (missing > 0)
      this.#findings.fatal(
        'tail_cut',
        newest.place,
        `${newest.id} says that the entries up to ${newest.cursorSeq} were sent; the copy ends with ${first - 1}.`,
      );
  }

  /** Between two checkpoints that follow each other there are as many entries of each kind as the later one counts. */
  #checkCounts(unique: readonly number[], signed: readonly SignedCheckpoint[], explanations: Explanations): void {
    for (const [before, after] of pairs(signed)) {
      if (numberOf(after) !== numberOf(before) + 1) continue;
      const found = this.#countKinds(unique, before.cursorSeq, after.cursorSeq);
      const short = Object.entries(after.counts)
        .map(([kind, counted]): [string, number] => [kind, counted - (found.get(kind) ?? 0)])
        .filter(([, missing]) => missing > 0);
      const total = short.reduce((sum, [, missing]) => sum + missing, 0);
      if (total <= this.#countExplained(before.cursorSeq, after.cursorSeq, explanations)) continue;
      const words = short.map(([kind, missing]) => `${missing} of ${kind}`).join(', ');
      this.#findings.fatal(
        'count_mismatch',
        after.place,
        `Of what ${after.id} counts from ${before.cursorSeq + 1} to ${after.cursorSeq}, ${words} are not in the copy.`,
      );
    }
  }

  #countExplained(after: number, last: number, explanations: Explanations): number {
    let explained = 0;
    for (let seq = after + 1; seq <= last && seq - after < MAX_LOOKED_AT; seq += 1)
      if (explanations.reasonFor(seq) !== undefined) explained += 1;
    return explained;
  }

  #countKinds(unique: readonly number[], after: number, last: number): ReadonlyMap<string, number> {
    const rows = this.#rows;
    const found = new Map<string, number>();
    let low = 0;
    for (let high = unique.length; low < high; ) {
      const middle = (low + high) >>> 1;
      if (rows.seq(unique[middle] ?? 0) <= after) low = middle + 1;
      else high = middle;
    }
    for (let i = low; i < unique.length; i += 1) {
      const row = unique[i] ?? 0;
      if (rows.seq(row) > last) break;
      const kind = rows.kind(row);
      found.set(kind, (found.get(kind) ?? 0) + 1);
    }
    return found;
  }

  /** Entry by entry with the log, and its roots with what was signed for the receiver. */
  async #compare(
    unique: readonly number[],
    signed: readonly SignedCheckpoint[],
    explanations: Explanations,
    log: NonNullable<CopyOptions['log']>,
    lagMs: number,
  ): Promise<CopyReport['log']> {
    const rows = this.#rows;
    const bySize = [...signed].sort((a, b) => a.treeSize - b.treeSize);
    const frontier = new Frontier();
    const differing: { readonly row: number; readonly inLog: string }[] = [];
    const missing: MissingRun[] = [];
    const claimed = new Claimed();
    let at = 0;
    let next = 0;
    let first = 0;
    let last = 0;
    let newestMs = 0;
    for await (const { seq, entryHash: inLog, record } of log) {
      if (first === 0) first = seq;
      last = seq;
      const time = record === undefined ? 0 : Date.parse(record.ts);
      if (time > newestMs) newestMs = time;
      while (at < unique.length && rows.seq(unique[at] ?? 0) < seq) at += 1;
      const row = unique[at];
      if (row !== undefined && rows.seq(row) === seq) {
        if (formatHash(rows.entryHash(row)) !== inLog) differing.push({ row, inLog });
      } else {
        const claim = record === undefined ? [] : explanations.claimsOf(seq, record);
        const reason = explanations.reasonFor(seq, claim);
        if (reason !== undefined) this.#explain(reason, 1);
        else if (claim.length === 0) addMissing(missing, seq, time);
        else claimed.add(seq, claim);
      }
      if (record?.kind.startsWith('sink.') === true) explanations.addRecord(record, seq);
      if (first !== 1) continue;
      const leaf = parseHash(inLog);
      if (leaf === undefined) continue;
      frontier.append(leaf);
      for (let each = bySize[next]; each !== undefined && each.treeSize <= frontier.size; each = bySize[next]) {
        next += 1;
        if (each.treeSize === frontier.size && !sameHash(frontier.root(), each.signed.root))
          this.#findings.fatal(
            'fork',
            each.place,
            `The log has another root for its first ${each.treeSize} entries than ${each.id} signs: it has shown the receiver another history.`,
          );
      }
    }
    this.#reportDiffering(differing);
    const copyLast = lastOf(unique, rows);
    const sentTo = Math.max(copyLast, ...signed.map(({ cursorSeq }) => cursorSeq));
    for (const run of missing) this.#reportMissing(run, explanations, sentTo, newestMs - lagMs);
    this.#reportClaimed(claimed, explanations);
    this.#checkLogEnd(unique, signed, last);
    if (first > 0 && lastOf(unique, rows) > 0 && rows.seq(unique[0] ?? 0) < first)
      this.#findings.fatal(
        'not_compared',
        'the export',
        `The export begins with entry ${first}; the copy has earlier ones.`,
      );
    return first === 0 ? undefined : { first, last };
  }

  #reportDiffering(differing: readonly { readonly row: number; readonly inLog: string }[]): void {
    const rows = this.#rows;
    const seqOf = new Map(differing.map(({ row, inLog }) => [inLog, rows.seq(row)]));
    for (const { row, inLog } of differing) {
      const own = formatHash(rows.entryHash(row));
      const other = seqOf.get(own);
      if (other === undefined)
        this.#findings.fatal(
          'entry_differs',
          rows.place(row),
          `Entry ${rows.seq(row)} is ${own} in the copy, ${inLog} in the log.`,
        );
      else
        this.#findings.fatal(
          'entry_reordered',
          rows.place(row),
          `Entry ${rows.seq(row)} of the copy is entry ${other} of the log.`,
        );
    }
  }

  /** Records behind an entry may say why it was not sent; now all of them are known. */
  #reportMissing(run: MissingRun, explanations: Explanations, sentTo: number, settledMs: number): void {
    let lost = 0;
    for (let seq = run.first; seq <= run.last; seq += 1) {
      const reason = explanations.reasonFor(seq);
      if (reason === undefined) lost += 1;
      else this.#explain(reason, 1);
    }
    if (lost === 0) return;
    const range = run.first === run.last ? `Entry ${run.first}` : `${lost} of the entries ${run.first} to ${run.last}`;
    if (run.first > sentTo && run.oldestMs > settledMs)
      this.#findings.note(
        'not_yet_arrived',
        'the copy',
        `${range} may still be on the way: the log is at most that old.`,
      );
    else
      this.#findings.fatal('entry_missing', 'the copy', `${range} of the log: not in the copy, and nothing says why.`);
  }

  /** A filter that no record of the log has set leaves nothing out. */
  #reportClaimed(claimed: Claimed, explanations: Explanations): void {
    let lost = 0;
    let first = Number.POSITIVE_INFINITY;
    let last = 0;
    for (const [seq, claim] of claimed) {
      const reason = explanations.reasonFor(seq, claim);
      if (reason !== undefined) this.#explain(reason, 1);
      else {
        lost += 1;
        first = Math.min(first, seq);
        last = Math.max(last, seq);
      }
    }
    if (lost === 0) return;
    const range = lost === 1 ? `Entry ${first}` : `${lost} of the entries ${first} to ${last}`;
    this.#findings.fatal(
      'entry_missing',
      'the copy',
      `${range} of the log: not in the copy. A checkpoint names a filter that no record of the log has set.`,
    );
  }

  #checkLogEnd(unique: readonly number[], signed: readonly SignedCheckpoint[], logLast: number): void {
    const rows = this.#rows;
    const beyond = unique.find((row) => rows.seq(row) > logLast);
    if (beyond !== undefined)
      this.#findings.fatal(
        'log_tail_cut',
        rows.place(beyond),
        `The copy has entry ${rows.seq(beyond)}; the log ends with ${logLast}.`,
      );
    const ahead = signed.find(({ treeSize }) => treeSize > logLast);
    if (ahead !== undefined)
      this.#findings.fatal(
        'log_tail_cut',
        ahead.place,
        `${ahead.id} signs ${ahead.treeSize} entries; the log ends with ${logLast}.`,
      );
  }

  #explain(reason: Reason, count: number): void {
    this.#explained[reason] = (this.#explained[reason] ?? 0) + count;
  }
}

/** A number in a hostile copy may be anything; more of a gap than this is not looked at one by one. */
const MAX_LOOKED_AT = 1_000_000;

interface MissingRun {
  readonly first: number;
  last: number;
  /** Epoch milliseconds; 0 where a record is not known. */
  oldestMs: number;
}

/** Entries that a filter may have left out, if a record that is still to be read has set it. */
class Claimed {
  readonly #seqs = new Map<string, { readonly claim: Claim; readonly seqs: number[] }>();

  add(seq: number, claim: Claim): void {
    const key = JSON.stringify(claim);
    const known = this.#seqs.get(key) ?? { claim, seqs: [] };
    this.#seqs.set(key, known);
    known.seqs.push(seq);
  }

  *[Symbol.iterator](): Iterator<readonly [number, Claim]> {
    for (const { claim, seqs } of this.#seqs.values()) for (const seq of seqs) yield [seq, claim];
  }
}

function addMissing(runs: MissingRun[], seq: number, time: number): void {
  const run = runs.at(-1);
  if (run?.last === seq - 1) {
    run.last = seq;
    run.oldestMs = Math.min(run.oldestMs, time);
  } else runs.push({ first: seq, last: seq, oldestMs: time });
}

/** Neighbours among the checkpoints of each sink. */
function pairs(signed: readonly SignedCheckpoint[]): (readonly [SignedCheckpoint, SignedCheckpoint])[] {
  const newest = new Map<string, SignedCheckpoint>();
  const found: (readonly [SignedCheckpoint, SignedCheckpoint])[] = [];
  for (const checkpoint of [...signed].sort((a, b) => numberOf(a) - numberOf(b))) {
    const before = newest.get(checkpoint.sink);
    if (before !== undefined) found.push([before, checkpoint]);
    newest.set(checkpoint.sink, checkpoint);
  }
  return found;
}

/** `ckp_<sink>_<number>` */
function numberOf({ id }: CopyCheckpoint): number {
  return Number(/_(\d+)$/.exec(id)?.[1] ?? Number.NaN);
}

function lastOf(unique: readonly number[], rows: Rows): number {
  const row = unique.at(-1);
  return row === undefined ? 0 : rows.seq(row);
}

function compareText(a: string | undefined, b: string | undefined): number {
  return a === b ? 0 : (a ?? '') < (b ?? '') ? -1 : 1;
}
