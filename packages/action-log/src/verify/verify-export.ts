/**
 * Checks an export of the log with nothing but the export, a key known by another way, and checkpoints kept
 * elsewhere. Everything read is taken as hostile; what each check proves, and what none can, is in
 * docs/reference/log-format.md.
 */
import type { Checkpoint } from '../checkpoint.ts';
import {
  ABSENCES_FILE,
  type DigestedFile,
  EXPORT_FILES,
  type ExportProof,
  formatCheckpointLine,
  MAX_EXPORTED_CHECKPOINTS,
  type Manifest,
} from '../export-format.ts';
import { formatHash, sha256 } from '../hashes.ts';
import { BadKey, parseVerifierKey, type VerifierKey } from '../keys.ts';
import type { Finding } from '../records.ts';
import { checkAbsences, type Governing, type ReportedAbsence, readGoverningFile } from './absences.ts';
import {
  findForks,
  type HeldCheckpoint,
  noteOf,
  type OutsideCheckpoints,
  readCheckpoint,
  readOutside,
} from './checkpoints.ts';
import { compareHeads, compareTree, type SignedTree } from './compare-tree.ts';
import { checkEntries, type EntryPart, type EntryRun } from './entry-run.ts';
import { parseManifest, parseProof } from './export-files.ts';
import { Findings } from './findings.ts';
import { checkBeginnings, joinRuns } from './join-runs.ts';
import { MAX_LINE_BYTES } from './read-line.ts';
import { type ExportSource, LINE_FEED, readBounded } from './source.ts';

const MAX_MANIFEST_BYTES = 64 * 1024;
const MAX_FILE_BYTES: Readonly<Record<DigestedFile, number>> = {
  checkpoint: 64 * 1024,
  checkpoints: 8 * 1024 * 1024,
  proof: 8 * 1024 * 1024,
  key: 1024,
};
const MAX_ABSENCES_BYTES = 64 * 1024 * 1024;

export interface VerifyOptions {
  /** Known by another way than this export. Without it the export's own key is believed, and the report says so. */
  readonly trustedKey?: VerifierKey;
  /** Read them before the export is made: one that covers more than the export is reported as a cut tail. */
  readonly outsideCheckpoints?: readonly OutsideCheckpoints[];
  /** For a caller with threads. */
  readonly parts?: EntryParts;
}

/** How to check entries.jsonl in several parts at once. */
export interface EntryParts {
  readonly count: number;
  /** Runs {@link checkEntries} on the bytes of the part. */
  check(part: EntryPart): Promise<EntryRun>;
}

export interface VerifyReport {
  /** True only when everything was checked and nothing fatal was found. */
  readonly isVerified: boolean;
  readonly findings: readonly Finding[];
  /** More were found than are listed. */
  readonly findingsLeftOut: number;
  readonly key: { readonly text: string; readonly isTrusted: boolean } | undefined;
  /** What the export says it is about. */
  readonly log: Pick<Manifest, 'origin' | 'first' | 'last' | 'treeSize'> | undefined;
  /** Every entry of the signed tree is in the export. */
  readonly isWhole: boolean;
  /** Entries whose payload has left the log, by the records that let it go. */
  readonly absences: readonly ReportedAbsence[];
  readonly entries: EntryCounts | undefined;
  readonly checkpoints: { readonly exported: number; readonly outside: number; readonly outsideCompared: number };
}

interface EntryCounts {
  readonly count: number;
  /** Of them without a payload. */
  readonly absent: number;
  readonly bytes: number;
  readonly agents: number;
  readonly shards: number;
  /** ISO 8601. By the gateways' clocks; order is by number. Null where no entry has its payload. */
  readonly earliest: string | null;
  readonly latest: string | null;
}

/** Checks an export. Never rejects: whatever goes wrong is a fatal finding. */
export async function verifyExport(source: ExportSource, options: VerifyOptions = {}): Promise<VerifyReport> {
  const check = new ExportCheck(source, options);
  return check.run();
}

class ExportCheck {
  readonly #source: ExportSource;
  readonly #options: VerifyOptions;
  readonly #findings = new Findings();
  #manifest: Manifest | undefined;
  #key: VerifierKey | undefined;
  #run: EntryRun | undefined;
  #exported = 0;
  #outside = 0;
  #outsideCompared = 0;
  #absences: readonly ReportedAbsence[] = [];
  /** Every step was taken. */
  #isDone = false;

  constructor(source: ExportSource, options: VerifyOptions) {
    this.#source = source;
    this.#options = options;
  }

  async run(): Promise<VerifyReport> {
    try {
      await this.#check();
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#findings.fatal('verifier_failed', 'the verifier', `The check broke off: ${reason}`);
    }
    return this.#report();
  }

  async #check(): Promise<void> {
    const manifest = await this.#readManifest();
    if (manifest === undefined) return;
    this.#manifest = manifest;
    const keyFile = await this.#readFile('key', manifest);
    const checkpointFile = await this.#readFile('checkpoint', manifest);
    const checkpointsFile = await this.#readFile('checkpoints', manifest);
    const proofFile = await this.#readFile('proof', manifest);
    const key = this.#chooseKey(keyFile, manifest);
    const covering = this.#readCovering(checkpointFile, key, manifest);
    const held = await this.#readHeld(checkpointsFile, covering, key);
    const proof = this.#readProof(proofFile);
    const governing = await this.#readGoverning(manifest, covering);
    const run = await this.#checkEntries(manifest, held, governing);
    this.#run = run;
    if (run === undefined) return;
    this.#findings.addAll(run.found);
    if (run.isOrdered) checkBeginnings(run, this.#findings);
    this.#checkRange(run, manifest);
    const isWhole = manifest.first === 1 && manifest.last === manifest.treeSize;
    this.#absences = checkAbsences(run, governing, manifest, isWhole, this.#findings);
    if (covering === undefined || proof === undefined) return;
    const signed: SignedTree = { manifest, covering, proof, held };
    this.#outsideCompared = compareTree(run, signed, this.#findings);
    compareHeads(run, signed, this.#findings);
    this.#checkCompared();
    this.#isDone = true;
  }

  async #readManifest(): Promise<Manifest | undefined> {
    const bytes = await this.#read(EXPORT_FILES.manifest, MAX_MANIFEST_BYTES);
    if (bytes === undefined) return undefined;
    const manifest = parseManifest(bytes);
    if (typeof manifest !== 'string') return manifest;
    this.#findings.fatal('malformed', EXPORT_FILES.manifest, `The manifest ${manifest}.`);
    return undefined;
  }

  /** A file with what the manifest says of it. A difference is told, and the file used nevertheless: it must prove itself. */
  async #readFile(name: DigestedFile, { files }: Manifest): Promise<Buffer | undefined> {
    const path = EXPORT_FILES[name];
    const bytes = await this.#read(path, MAX_FILE_BYTES[name], name === 'checkpoints');
    if (bytes === undefined) return undefined;
    if (bytes.length !== files[name].bytes || formatHash(sha256(bytes)) !== files[name].sha256)
      this.#findings.fatal('manifest_mismatch', path, 'The file is not the one that the manifest lists.');
    return bytes;
  }

  /** Only an export of version 2 has it. */
  async #readGoverning({ absences }: Manifest, covering: Checkpoint | undefined): Promise<Governing> {
    const path = ABSENCES_FILE;
    const file = absences === undefined ? undefined : await this.#read(path, MAX_ABSENCES_BYTES);
    if (file !== undefined && (file.length !== absences?.bytes || formatHash(sha256(file)) !== absences.sha256))
      this.#findings.fatal('manifest_mismatch', path, 'The file is not the one that the manifest lists.');
    return readGoverningFile(file, path, covering, this.#findings);
  }

  async #read(path: string, limit: number, mayBeEmpty = false): Promise<Buffer | undefined> {
    const size = await this.#source.size(path);
    if (size === undefined) this.#findings.fatal('file_missing', path, 'The file is missing.');
    else if (size === 0 && !mayBeEmpty) this.#findings.fatal('file_empty', path, 'The file is empty.');
    else {
      const bytes = size > limit ? undefined : await readBounded(this.#source.read(path, 0, size), limit);
      if (bytes === undefined) this.#findings.fatal('malformed', path, `The file is longer than ${limit} bytes.`);
      return bytes;
    }
    return undefined;
  }

  #chooseKey(file: Buffer | undefined, { origin }: Manifest): VerifierKey | undefined {
    const { trustedKey } = this.#options;
    const path = EXPORT_FILES.key;
    let key = trustedKey;
    try {
      const brought = file === undefined ? undefined : parseVerifierKey(file.toString());
      if (brought !== undefined && file?.toString() !== `${brought.text}\n`)
        this.#findings.fatal('malformed', path, 'The file is not a verifier key and a line feed.');
      if (trustedKey === undefined && brought !== undefined) {
        key = brought;
        this.#findings.note(
          'key_not_trusted',
          path,
          `The key ${brought.text} is the export's own: whoever made the export could have made the key. Get it from another source and compare.`,
        );
      } else if (brought !== undefined && brought.text !== trustedKey?.text)
        this.#findings.fatal(
          'key_unknown',
          path,
          `The export brings the key ${brought.text}; the trusted one is ${trustedKey?.text}.`,
        );
    } catch (error) {
      if (!(error instanceof BadKey)) throw error;
      this.#findings.fatal('malformed', path, `The file holds no key: ${error.message}.`);
    }
    if (key !== undefined && key.name !== origin)
      this.#findings.fatal(
        'manifest_mismatch',
        EXPORT_FILES.manifest,
        `The manifest is of the log ${origin}, the key of ${key.name}.`,
      );
    this.#key = key;
    return key;
  }

  #readCovering(
    file: Buffer | undefined,
    key: VerifierKey | undefined,
    { treeSize }: Manifest,
  ): Checkpoint | undefined {
    if (file === undefined || key === undefined) return undefined;
    const checkpoint = readCheckpoint(file.toString(), EXPORT_FILES.checkpoint, key, this.#findings);
    if (checkpoint === undefined || checkpoint.size === treeSize) return checkpoint;
    this.#findings.fatal(
      'manifest_mismatch',
      EXPORT_FILES.checkpoint,
      `The checkpoint covers ${checkpoint.size} entries; the manifest says ${treeSize}.`,
    );
    return undefined;
  }

  /** Every checkpoint to compare with, the covering one too. */
  async #readHeld(
    file: Buffer | undefined,
    covering: Checkpoint | undefined,
    key: VerifierKey | undefined,
  ): Promise<HeldCheckpoint[]> {
    if (key === undefined) return [];
    const held: HeldCheckpoint[] = [];
    if (covering !== undefined)
      held.push({ checkpoint: covering, place: EXPORT_FILES.checkpoint, isOutside: false, isExported: true });
    for (const { note, place } of this.#exportedNotes(file)) {
      const checkpoint = readCheckpoint(note, place, key, this.#findings);
      if (checkpoint !== undefined) held.push({ checkpoint, place, isOutside: false, isExported: true });
    }
    this.#exported = held.length;
    for (const outside of this.#options.outsideCheckpoints ?? [])
      held.push(...(await readOutside(outside, key, this.#findings)));
    const distinct = findForks(held, this.#findings);
    this.#outside = distinct.filter(({ isOutside }) => isOutside).length;
    return distinct;
  }

  *#exportedNotes(file: Buffer | undefined): Generator<{ note: string; place: string }> {
    if (file === undefined || file.length === 0) return;
    const path = EXPORT_FILES.checkpoints;
    const lines = file.toString().split('\n', MAX_EXPORTED_CHECKPOINTS + 2);
    if (lines.at(-1) !== '' || lines.length > MAX_EXPORTED_CHECKPOINTS + 1) {
      this.#findings.fatal('malformed', path, `It is not made of at most ${MAX_EXPORTED_CHECKPOINTS} lines.`);
      return;
    }
    for (const [i, line] of lines.slice(0, -1).entries()) {
      const place = `${path} line ${i + 1}`;
      const note = noteOf(Buffer.from(line));
      if (note !== undefined && formatCheckpointLine(note) === `${line}\n`) yield { note, place };
      else this.#findings.fatal('malformed', place, 'The line holds no checkpoint as the format says.');
    }
  }

  #readProof(file: Buffer | undefined): ExportProof | undefined {
    if (file === undefined) return undefined;
    const proof = parseProof(file);
    if (typeof proof !== 'string') return proof;
    this.#findings.fatal('malformed', EXPORT_FILES.proof, `The file ${proof}.`);
    return undefined;
  }

  async #checkEntries(
    manifest: Manifest,
    held: readonly HeldCheckpoint[],
    { absences }: Governing,
  ): Promise<EntryRun | undefined> {
    const path = EXPORT_FILES.entries;
    const size = await this.#source.size(path);
    if (size === undefined) this.#findings.fatal('file_missing', path, 'The file is missing.');
    else if (size === 0) this.#findings.fatal('file_empty', path, 'The file is empty.');
    if (size === undefined || size === 0) return undefined;
    const marks = held
      .filter(({ checkpoint }) => checkpoint.size >= manifest.first && checkpoint.size <= manifest.last)
      .map(({ checkpoint, isExported }) => ({ size: checkpoint.size, withHeads: isExported }));
    const known = { marks, allowances: absences.map(({ runs }) => ({ runs })) };
    const { parts } = this.#options;
    return parts === undefined
      ? checkEntries(this.#source.read(path, 0, size), { start: 0, first: manifest.first, ...known })
      : joinRuns(await this.#checkParts(parts, size, known, manifest.first));
  }

  async #checkParts(
    parts: EntryParts,
    size: number,
    known: Pick<EntryPart, 'marks' | 'allowances'>,
    first: number,
  ): Promise<EntryRun[]> {
    const starts = [0];
    for (let i = 1; i < parts.count; i += 1) {
      const start = await this.#lineAfter(Math.floor((size / parts.count) * i), size);
      if (start !== undefined && start > (starts.at(-1) ?? 0)) starts.push(start);
    }
    return Promise.all(
      starts.map((start, i) =>
        parts.check({ start, end: starts[i + 1] ?? size, ...known, ...(i === 0 ? { first } : {}) }),
      ),
    );
  }

  /** Where the first line behind `at` begins; undefined when none does before a line must. */
  async #lineAfter(at: number, size: number): Promise<number | undefined> {
    const window = await readBounded(
      this.#source.read(EXPORT_FILES.entries, at, Math.min(size, at + MAX_LINE_BYTES)),
      MAX_LINE_BYTES,
    );
    const start = at + (window?.indexOf(LINE_FEED) ?? -1) + 1;
    return start === at || start >= size ? undefined : start;
  }

  /** What is within the range and not here, the run has told; but not what lies beyond its end. */
  #checkRange({ first, next, bytes }: EntryRun, { first: from, last, entriesBytes }: Manifest): void {
    const end = first === undefined ? from : next;
    const range = `The export says that it goes from ${from} to ${last}`;
    if (end <= last)
      this.#findings.fatal('entry_missing', `seq ${end} to ${last}`, `${range}; these entries are missing at its end.`);
    if (bytes !== entriesBytes)
      this.#findings.fatal(
        'manifest_mismatch',
        EXPORT_FILES.entries,
        `The file has ${bytes} bytes; the manifest says ${entriesBytes}.`,
      );
    if (end > last + 1)
      this.#findings.fatal(
        'manifest_mismatch',
        `seq ${last + 1} to ${end - 1}`,
        `${range}, and holds these entries too.`,
      );
  }

  /** A checkpoint from elsewhere that says nothing about this export is not a check. */
  #checkCompared(): void {
    if (this.#options.outsideCheckpoints === undefined) return;
    const uncompared = this.#outside - this.#outsideCompared;
    if (this.#outsideCompared === 0)
      this.#findings.fatal(
        'checkpoint_not_compared',
        'checkpoints kept elsewhere',
        'None of them could be compared with this export: they are of other logs, or lie outside the range.',
      );
    else if (uncompared > 0)
      this.#findings.note(
        'checkpoint_not_compared',
        'checkpoints kept elsewhere',
        `${uncompared} of ${this.#outside} lie outside the range and could not be compared.`,
      );
  }

  #report(): VerifyReport {
    const { list, leftOut } = this.#findings.found;
    const manifest = this.#manifest;
    return {
      isVerified: this.#isDone && !this.#findings.hasFatal,
      findings: list,
      findingsLeftOut: leftOut,
      key:
        this.#key === undefined
          ? undefined
          : { text: this.#key.text, isTrusted: this.#options.trustedKey !== undefined },
      log:
        manifest === undefined
          ? undefined
          : { origin: manifest.origin, first: manifest.first, last: manifest.last, treeSize: manifest.treeSize },
      isWhole: manifest !== undefined && manifest.first === 1 && manifest.last === manifest.treeSize,
      absences: this.#absences,
      entries: this.#run === undefined ? undefined : countsOf(this.#run),
      checkpoints: { exported: this.#exported, outside: this.#outside, outsideCompared: this.#outsideCompared },
    };
  }
}

function countsOf(run: EntryRun): EntryCounts | undefined {
  if (run.first === undefined) return undefined;
  return {
    count: run.next - run.first,
    absent: run.absent,
    bytes: run.bytes,
    agents: run.agents.size,
    shards: run.shards.size,
    earliest: instant(run.earliestTime),
    latest: instant(run.latestTime),
  };
}

function instant(ms: number): string | null {
  return Number.isFinite(ms) ? new Date(ms).toISOString() : null;
}
