/** verify --against: what a receiver has, checked alone or against the log. The copy is the witness of the log as well. */
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import {
  EXPORT_FILES,
  formatCheckpointLine,
  type OutsideCheckpoints,
  parseVerifierKey,
  type VerifierKey,
  type VerifyReport,
  verifyExport,
} from '@hivekey/action-log';
import { CopyCheck, type CopyFormat, type CopyReport, type LogLine, parseRecord, readCopy } from '@hivekey/siem';
import { copyFiles, copyTexts } from '../copy-files.ts';
import { EXIT } from '../exit.ts';
import { folderSource, threadedParts } from '../export-folder.ts';
import { type Output, paint, printable } from '../output.ts';

export interface AgainstOptions {
  readonly copy: string;
  readonly format: CopyFormat | undefined;
  readonly key: VerifierKey | undefined;
  readonly lagMinutes: number;
  readonly checkpoints: readonly OutsideCheckpoints[];
}

/** An export; undefined: the copy is checked alone. It is asked for when the copy has been read, so that all of it must be in there. */
export type LogFolder = () => Promise<string | undefined>;

export async function verifyAgainst(out: Output, options: AgainstOptions, logFolder: LogFolder): Promise<number> {
  const { copy, format, key: given, lagMinutes } = options;
  const files = copyFiles(copy);
  const check = new CopyCheck();
  const notes = new Set<string>();
  for await (const event of readCopy(copyTexts(copy, files), format)) {
    check.add(event);
    if (event.type === 'checkpoint') notes.add(event.note);
  }
  const folder = await logFolder();
  const log = folder === undefined ? undefined : await verifyLog(folder, options, notes);
  // The export's own key, where none is given: its report says that nobody vouches for it.
  const key = given ?? (log?.key === undefined ? undefined : parseVerifierKey(log.key.text));
  const report = await check.finish({
    lagMs: lagMinutes * 60_000,
    ...(key === undefined ? {} : { key }),
    ...(folder === undefined ? {} : { log: logLines(folder) }),
  });
  const isVerified = report.isVerified && (log?.isVerified ?? true);
  out.result({ isVerified, copy: report, log }, () => reportText(copy, files.length, report, log, isVerified));
  return isVerified ? EXIT.done : EXIT.checkFailed;
}

async function verifyLog(
  folder: string,
  { key, copy, checkpoints }: AgainstOptions,
  notes: ReadonlySet<string>,
): Promise<VerifyReport> {
  const parts = await threadedParts(folder);
  const outside = [...checkpoints, ...(notes.size === 0 ? [] : [{ name: copy, lines: noteLines(notes) }])];
  return verifyExport(folderSource(folder), {
    ...(key === undefined ? {} : { trustedKey: key }),
    ...(parts === undefined ? {} : { parts }),
    ...(outside.length === 0 ? {} : { outsideCheckpoints: outside }),
  });
}

async function* noteLines(notes: ReadonlySet<string>): AsyncGenerator<Uint8Array, void, undefined> {
  for (const note of notes) yield Buffer.from(formatCheckpointLine(note));
}

/** Of entries.jsonl. A line that is none is the export's defect, which its own check has told. */
async function* logLines(folder: string): AsyncGenerator<LogLine, void, undefined> {
  const lines = createInterface({ input: createReadStream(join(folder, EXPORT_FILES.entries)) });
  for await (const line of lines) {
    const hash = /^\{"entry_hash":"(sha256:[0-9a-f]{64})"/.exec(line)?.[1];
    const [, record = '', seq] = /"record":(\{.*\}|null),"seq":(\d+)(?:,"shard":.*)?\}$/.exec(line) ?? [];
    if (hash !== undefined && seq !== undefined)
      yield { seq: Number(seq), entryHash: hash, record: parseRecord(record) };
  }
}

function reportText(
  copy: string,
  files: number,
  report: CopyReport,
  log: VerifyReport | undefined,
  isVerified: boolean,
): string {
  const { entries, exact, duplicates, first, last, checkpoints, signedCheckpoints, provenTo, unreadable } = report;
  const explained = Object.entries(report.explained).map(([reason, count]) => `${count} ${reason}`);
  const lines = [
    `copy         ${printable(copy)}, ${files} ${files === 1 ? 'file' : 'files'}`,
    `entries      ${entries}, from ${first} to ${last}; ${exact} events with the exact record, ${duplicates} sent more than once`,
    `checkpoints  ${checkpoints}, ${signedCheckpoints} of them signed and different`,
    ...(unreadable === 0 ? [] : [`unreadable   ${unreadable}`]),
    ...(explained.length === 0 ? [] : [`not sent     ${explained.join(', ')}`]),
    ...(provenTo === 0 ? [] : [`proven       the entries up to ${provenTo} are those of the signed log`]),
    ...(report.newestCheckpointAt === undefined
      ? []
      : [`last sign    ${printable(report.newestCheckpointAt)}; what is cut off behind it shows in the log alone`]),
    ...(report.log === undefined ? [] : [`log          compared from ${report.log.first} to ${report.log.last}`]),
    ...(log === undefined ? [] : log.findings.map((finding) => findingLine(finding, 'the log: '))),
    ...report.findings.map((finding) => findingLine(finding, '')),
    ...(report.findingsLeftOut === 0 ? [] : [`… and ${report.findingsLeftOut} more`]),
    isVerified ? paint('green', 'VERIFIED') : paint('red', 'NOT VERIFIED'),
  ];
  return lines.join('\n');
}

interface AnyFinding {
  readonly code: string;
  readonly place: string;
  readonly message: string;
  readonly fatal: boolean;
}

function findingLine({ code, place, message, fatal }: AnyFinding, where: string): string {
  const mark = fatal ? paint('red', `✗ ${code}`) : paint('yellow', `! ${code}`);
  return `${mark}  ${where}${printable(place)}\n    ${printable(message)}`;
}
