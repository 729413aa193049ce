/** verify: an export or a proof, checked with no server. Silence is never success. */
import { createReadStream, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  BadKey,
  type DisposalReport,
  type Finding,
  type OutsideCheckpoints,
  type ProofReport,
  parseVerifierKey,
  type VerifierKey,
  type VerifyReport,
  verifyDisposal,
  verifyExport,
  verifyProof,
} from '@hivekey/action-log';
import { HiveKey } from '@hivekey/sdk';
import { type CopyFormat, FORMATS } from '@hivekey/siem';
import { type Command, Option } from 'commander';
import { EXIT, UsageError } from '../exit.ts';
import { folderSource, threadedParts } from '../export-folder.ts';
import { resolveLogin } from '../login.ts';
import { type Output, paint, printable } from '../output.ts';
import { offline } from '../run.ts';
import { jsonObject, readText, repeated, wholeNumber } from '../values.ts';
import { downloadExport } from './logs.ts';
import { verifyAgainst } from './verify-against.ts';

/** Shown as text; --json has all of it. */
const MAX_ABSENCES = 20;
const MAX_RUNS_TEXT = 120;
/** A file up to this size may be a single note. */
const MAX_NOTE_BYTES = 64 * 1024;

/** Entries of the last minutes may still be on their way to a receiver. */
const LAG_MINUTES = 10;
const COPY_FORMATS = FORMATS.filter((format) => format !== 'cef');

interface VerifyFlags {
  readonly against?: string;
  readonly format?: CopyFormat;
  readonly lag?: number;
  readonly key?: string;
  readonly checkpoints?: readonly string[];
  readonly live?: boolean;
  readonly url?: string;
}

/** A key, or the name of a file that holds one. */
export function readKey(text: string | undefined): VerifierKey | undefined {
  if (text === undefined) return undefined;
  try {
    return parseVerifierKey((text.includes('+') && !text.includes('\n') ? text : readText(text)).trim());
  } catch (error) {
    if (error instanceof BadKey)
      throw new UsageError(
        '--key is not a verifier key.',
        'It looks like <name>+<8 hex digits>+<base64>; see hivekey logs key.',
      );
    throw error;
  }
}

/** The files as they are now: what is appended later is about a later log. */
function outsideOf(paths: readonly string[] = []): OutsideCheckpoints[] {
  return paths.map((path) => {
    const found = statSync(path, { throwIfNoEntry: false });
    if (found?.isFile() !== true || found.size === 0)
      throw new UsageError(
        `${path} is not a file, or empty.`,
        'Name the checkpoint file that HiveKey writes, or a signed note.',
      );
    if (found.size > MAX_NOTE_BYTES) return { name: path, lines: createReadStream(path, { end: found.size - 1 }) };
    const text = readText(path);
    return text.startsWith('{') ? { name: path, lines: linesOf(text) } : { name: path, note: text };
  });
}

async function* linesOf(text: string): AsyncGenerator<Uint8Array, void, undefined> {
  yield Buffer.from(text);
}

export function findingLines(findings: readonly Finding[]): string[] {
  return findings.map(({ code, place, message, fatal }) => {
    const mark = fatal ? paint('red', `✗ ${code}`) : paint('yellow', `! ${code}`);
    return `${mark}  ${printable(place)}\n    ${printable(message)}`;
  });
}

export function verdictLine(isVerified: boolean, key: VerifyReport['key']): string {
  if (!isVerified) return paint('red', 'NOT VERIFIED');
  const verified = paint('green', 'VERIFIED');
  return key?.isTrusted === true
    ? verified
    : `${verified} with the key it brings along. Whoever made it could have made that key: give yours with --key.`;
}

function exportText(report: VerifyReport): string {
  const { log, entries, checkpoints, isWhole, key } = report;
  const facts = [
    ...(log === undefined
      ? []
      : [
          `log          ${printable(log.origin)}`,
          `entries      ${log.first} to ${log.last} of ${log.treeSize}${isWhole ? ' (the whole log)' : ' (a part)'}`,
        ]),
    ...(entries === undefined
      ? []
      : [
          `checked      ${entries.count} entries, ${entries.bytes} bytes, ${entries.agents} agents, ${entries.shards} shards`,
          `times        ${entries.earliest ?? '–'} to ${entries.latest ?? '–'}`,
        ]),
    ...absentLines(report),
    `checkpoints  ${checkpoints.exported} in the export, ${checkpoints.outsideCompared} of ${checkpoints.outside} from elsewhere compared`,
    ...(key === undefined
      ? []
      : [`key          ${printable(key.text)} (${key.isTrusted ? 'given' : "the export's own"})`]),
    ...findingLines(report.findings),
    ...(report.findingsLeftOut === 0 ? [] : [`… and ${report.findingsLeftOut} more`]),
  ];
  return [...facts, verdictLine(report.isVerified, key)].join('\n');
}

/** Which entries have no payload, and by which record of the log. */
function absentLines({ absences, entries }: VerifyReport): string[] {
  if (entries === undefined || entries.absent === 0) return [];
  const shown = absences.slice(0, MAX_ABSENCES).map(({ kind, entries: runs, count, seq, actor, ts, removed }) => {
    const which = runs.length > MAX_RUNS_TEXT ? `${runs.slice(0, MAX_RUNS_TEXT)}…` : runs;
    const fields = removed.length === 0 ? '' : ` of ${removed.join(', ')}`;
    return `             ${count} ${kind}${printable(fields)}: ${which}, by entry ${seq} (${printable(actor)}, ${printable(ts)})`;
  });
  const more =
    absences.length > MAX_ABSENCES ? [`             … and ${absences.length - MAX_ABSENCES} records more`] : [];
  return [`absent       ${entries.absent} payloads; their hashes are part of what was checked`, ...shown, ...more];
}

function disposalText({ isVerified, disposal, key, findings }: DisposalReport): string {
  const facts =
    disposal === undefined
      ? []
      : [
          `disposal  ${printable(disposal.id)} of ${printable(disposal.origin)}`,
          `time      ${printable(disposal.startedAt)} to ${printable(disposal.endedAt)}`,
          `let go    ${disposal.removed} payloads of ${disposal.count} entries, by ${disposal.records} records of the log`,
          `stayed    ${disposal.kept} that had outlived their period`,
        ];
  return [...facts, ...findingLines(findings), verdictLine(isVerified, key)].join('\n');
}

function proofText({ isVerified, event, key, findings }: ProofReport): string {
  const facts =
    event === undefined
      ? []
      : [
          `log    ${printable(event.origin)}`,
          `event  ${printable(event.eventId)} is entry ${event.seq} of ${event.treeSize}`,
        ];
  return [...facts, ...findingLines(findings), verdictLine(isVerified, key)].join('\n');
}

async function verifyFolder(out: Output, folder: string, flags: VerifyFlags, outside: OutsideCheckpoints[]) {
  const trustedKey = readKey(flags.key);
  const parts = await threadedParts(folder);
  const report = await verifyExport(folderSource(folder), {
    ...(trustedKey === undefined ? {} : { trustedKey }),
    ...(outside.length === 0 ? {} : { outsideCheckpoints: outside }),
    ...(parts === undefined ? {} : { parts }),
  });
  out.result(report, () => exportText(report));
  return report.isVerified ? EXIT.done : EXIT.checkFailed;
}

/** Checkpoints from outside are read before the log is exported, so that all they cover must be in it. */
async function verifyLive(out: Output, flags: VerifyFlags): Promise<number> {
  const outside = outsideOf(flags.checkpoints);
  return withLiveLog(flags, async (download) => verifyFolder(out, await download(), flags, outside));
}

/** A folder for the export of the server's log as it is when it is asked for; removed at the end. */
async function withLiveLog(
  flags: VerifyFlags,
  work: (download: () => Promise<string>) => Promise<number>,
): Promise<number> {
  const { url, key } = resolveLogin(flags.url);
  const folder = mkdtempSync(join(tmpdir(), 'hivekey-verify-'));
  try {
    return await work(async () => {
      await downloadExport(new HiveKey({ url, key, userAgent: 'hivekey-cli' }), join(folder, 'export'));
      return join(folder, 'export');
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function verifyCopy(out: Output, path: string | undefined, copy: string, flags: VerifyFlags): Promise<number> {
  const options = {
    copy,
    format: flags.format,
    key: readKey(flags.key),
    lagMinutes: flags.lag ?? LAG_MINUTES,
    checkpoints: outsideOf(flags.checkpoints),
  };
  if (flags.live === true) return withLiveLog(flags, (download) => verifyAgainst(out, options, download));
  if (path !== undefined && statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true)
    throw new UsageError(
      `${path} is not the folder of an export.`,
      'Make one with hivekey logs export, or use --live.',
    );
  return verifyAgainst(out, options, async () => path);
}

export function addVerifyCommand(program: Command): void {
  program
    .command('verify [path]')
    .description(
      'check an exported log, the proof of one event, or a certificate of disposal, with no server; exit 3 unless everything holds',
    )
    .option('--key <key>', 'verifier key, or a file that holds it, from another source than the export')
    .option(
      '--checkpoints <file>',
      'checkpoints kept outside the database; finds a cut tail and a rewritten history; repeatable',
      repeated,
    )
    .option('--live', 'export the log of the server and check that')
    .option(
      '--against <copy>',
      'what a SIEM received, a file or a folder of JSON: compared with the log, or checked alone where none is named',
    )
    .addOption(
      new Option('--format <format>', 'what the copy is in; found out where it is not said').choices(COPY_FORMATS),
    )
    .option('--lag <minutes>', 'the newest entries that may not have arrived yet (default: 10)', wholeNumber)
    .addHelpText(
      'after',
      '\nExamples:\n  hivekey verify audit --key hivekey.pub --checkpoints /mnt/worm/checkpoints\n  hivekey logs proof evt_… -o proof.json && hivekey verify proof.json\n  hivekey verify --live --checkpoints .hivekey/checkpoints\n  hivekey verify --against from-siem --key hivekey.pub\n  hivekey verify audit --against from-siem --key hivekey.pub',
    )
    .action(
      offline<[string | undefined], VerifyFlags>(async (out, flags, path) => {
        if (path !== undefined && flags.live === true)
          throw new UsageError('Name a folder, or use --live, not both.', 'E.g. hivekey verify audit');
        if (flags.against !== undefined) return verifyCopy(out, path, flags.against, flags);
        if ((path === undefined) !== (flags.live === true))
          throw new UsageError('Name a folder or a proof to verify, or use --live.', 'E.g. hivekey verify audit');
        if (path === undefined) return verifyLive(out, flags);
        const found = statSync(path, { throwIfNoEntry: false });
        if (found === undefined)
          throw new UsageError(`${path} does not exist.`, 'Name the folder of an export, or a proof.');
        if (found.isDirectory()) return verifyFolder(out, path, flags, outsideOf(flags.checkpoints));
        const text = readText(path);
        const value = jsonObject(text);
        if ('certificate' in value) {
          const checked = verifyDisposal(text, readKey(flags.key));
          out.result(checked, () => disposalText(checked));
          return checked.isVerified ? EXIT.done : EXIT.checkFailed;
        }
        const report = verifyProof(value, readKey(flags.key));
        out.result(report, () => proofText(report));
        return report.isVerified ? EXIT.done : EXIT.checkFailed;
      }),
    );
}
