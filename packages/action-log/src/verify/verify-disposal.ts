/** Checks the certificate of a disposal, with nothing but the file and a key. */

import { canonicalJson } from '../canonical.ts';
import { disposalNote } from '../disposal.ts';
import { type AbsenceRecord, readGoverning } from '../governing.ts';
import { formatHash } from '../hashes.ts';
import { BadKey, parseVerifierKey, type VerifierKey } from '../keys.ts';
import { checkNote } from '../note.ts';
import { parseJson } from '../parse-json.ts';
import type { Finding } from '../records.ts';
import { formatRuns, sharedNumber } from '../runs.ts';
import { fieldsOf, isCount } from './export-files.ts';
import { Findings } from './findings.ts';
import { verifyProof } from './verify-proof.ts';

const MAX_CERTIFICATE_BYTES = 256 * 1024 * 1024;

export interface DisposalReport {
  /** True only when everything was checked and nothing fatal was found. */
  readonly isVerified: boolean;
  readonly findings: readonly Finding[];
  readonly key: { readonly text: string; readonly isTrusted: boolean } | undefined;
  /** What is signed when `isVerified`. */
  readonly disposal:
    | {
        readonly id: string;
        readonly origin: string;
        readonly startedAt: string;
        readonly endedAt: string;
        /** Records of the log by which payloads went. */
        readonly records: number;
        /** Entries they name, and payloads that went. */
        readonly count: number;
        readonly removed: number;
        /** What had outlived its period and stayed. */
        readonly kept: number;
      }
    | undefined;
}

type Fields = ReadonlyMap<string, unknown>;

/**
 * The file must be what was issued: canonical JSON `{certificate, note}`, one signature, by the key. Each record by which
 * payloads went must stand in the log that the same key signed, and say what the certificate says. It does not show that no
 * copy of a payload is left anywhere; that rests on who holds the key. Never throws.
 */
export function verifyDisposal(text: string, trustedKey?: VerifierKey): DisposalReport {
  const findings = new Findings();
  let key: VerifierKey | undefined;
  let disposal: DisposalReport['disposal'];
  try {
    const read = readFile(text);
    if (typeof read === 'string') findings.fatal('malformed', 'certificate', `The file ${read}.`);
    else {
      key = trustedKey ?? ownKey(read.certificate, findings);
      if (key !== undefined) disposal = check(read, key, findings);
    }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    findings.fatal('verifier_failed', 'the verifier', `The check broke off: ${reason}`);
  }
  return {
    isVerified: disposal !== undefined && !findings.hasFatal,
    findings: findings.found.list,
    key: key === undefined ? undefined : { text: key.text, isTrusted: trustedKey !== undefined },
    disposal,
  };
}

interface Read {
  readonly note: string;
  readonly certificate: Fields;
  readonly value: unknown;
}

function readFile(text: string): Read | string {
  if (text.length > MAX_CERTIFICATE_BYTES) return 'is too large';
  const body = text.endsWith('\n') ? text.slice(0, -1) : text;
  let value: unknown;
  try {
    value = parseJson(body);
    if (canonicalJson(value) !== body) return 'is not in canonical form: it was changed after it was issued';
  } catch {
    return 'is not canonical JSON';
  }
  const fields = fieldsOf(value);
  const note = fields?.get('note');
  const certificate = fieldsOf(fields?.get('certificate'));
  if (fields?.size !== 2 || typeof note !== 'string' || certificate === undefined) return 'is not {certificate, note}';
  if (certificate.get('v') !== 1) return 'is of a version that is not known';
  return { note, certificate, value: fields.get('certificate') };
}

function recordsOf(certificate: Fields): readonly Fields[] {
  const records = certificate.get('records');
  return Array.isArray(records) ? records.map((each) => fieldsOf(each) ?? new Map<string, unknown>()) : [];
}

function ownKey(certificate: Fields, findings: Findings): VerifierKey | undefined {
  const text = fieldsOf(recordsOf(certificate)[0]?.get('proof'))?.get('key');
  try {
    const key = parseVerifierKey(typeof text === 'string' ? text : '');
    findings.note(
      'key_not_trusted',
      'key',
      `The key ${key.text} is the certificate's own: whoever made the certificate could have made the key. Get it from another source and compare.`,
    );
    return key;
  } catch (error) {
    if (!(error instanceof BadKey)) throw error;
    findings.fatal('malformed', 'key', 'The certificate holds no key, and none was given.');
    return undefined;
  }
}

function check({ note, certificate, value }: Read, key: VerifierKey, findings: Findings): DisposalReport['disposal'] {
  const checked = checkNote(note, [key]);
  if (checked.kind === 'unknown_keys')
    findings.fatal('key_unknown', 'note', 'The certificate is signed by another key.');
  else if (checked.kind !== 'verified') findings.fatal('signature_invalid', 'note', 'The signature does not verify.');
  else if (checked.note.signatures.length !== 1)
    findings.fatal('malformed', 'note', 'The certificate has more than one signature.');
  else if (checked.note.text !== disposalNote(value))
    findings.fatal('entry_edited', 'certificate', 'The certificate is not the one that was signed: it was changed.');
  const about = fieldsOf(certificate.get('disposal'));
  const [id, startedAt, endedAt] = ['id', 'started_at', 'ended_at'].map((name) => textOf(about?.get(name)));
  const reasons = fieldsOf(fieldsOf(certificate.get('kept'))?.get('reasons'));
  if (id === undefined || startedAt === undefined || endedAt === undefined || reasons === undefined) {
    findings.fatal('malformed', 'certificate', 'The certificate lacks a part.');
    return undefined;
  }
  const records = recordsOf(certificate);
  const let_go: AbsenceRecord[] = [];
  let removed = 0;
  for (const [i, record] of records.entries()) {
    const absence = checkRecord(record, `record ${i + 1}`, id, key, findings);
    if (absence === undefined) continue;
    if (let_go.some((before) => sharedNumber(before.runs, absence.runs) !== undefined))
      findings.fatal(
        'absence_invalid',
        `record ${i + 1}`,
        'It lets go what another record of the certificate lets go.',
      );
    let_go.push(absence);
    removed += numberOf(record.get('removed'));
  }
  const count = let_go.reduce((sum, absence) => sum + absence.count, 0);
  if (certificate.get('count') !== count || sum(fieldsOf(certificate.get('kinds'))) !== count)
    findings.fatal('absence_invalid', 'count', 'The certificate counts other entries than its records name.');
  return {
    id,
    origin: key.name,
    startedAt,
    endedAt,
    records: records.length,
    count,
    removed,
    kept: sum(reasons),
  };
}

/** The record, proven to be in the log, as what the certificate says of it. */
function checkRecord(
  record: Fields,
  place: string,
  disposalId: string,
  key: VerifierKey,
  findings: Findings,
): AbsenceRecord | undefined {
  const proof = fieldsOf(record.get('proof'));
  const report = verifyProof(record.get('proof'), key);
  for (const finding of report.findings)
    if (finding.fatal) findings.fatal(finding.code, `${place}, ${finding.place}`, finding.message);
  const canonical = textOf(proof?.get('canonical')) ?? '';
  const absence = readGoverning(report.event?.seq ?? 0, canonical);
  if (typeof absence === 'string' || absence.kind !== 'log.pruned') {
    findings.fatal('absence_invalid', place, 'What is proven to be on the log lets no payload go.');
    return undefined;
  }
  const said = fieldsOf(parseJson(canonical));
  const isSame =
    said?.get('disposal_id') === disposalId &&
    record.get('event_id') === absence.eventId &&
    record.get('seq') === absence.seq &&
    record.get('entries') === formatRuns(absence.runs) &&
    record.get('count') === absence.count &&
    record.get('root') === formatHash(absence.root) &&
    numberOf(record.get('removed')) <= absence.count;
  if (!isSame)
    findings.fatal('absence_invalid', place, 'The record on the log says something else than the certificate.');
  return absence;
}

function sum(counts: Fields | undefined): number {
  return [...(counts?.values() ?? [])].reduce((total: number, each) => total + numberOf(each), 0);
}

/** Of what is no count: more than any count. */
function numberOf(value: unknown): number {
  return isCount(value) ? value : Number.POSITIVE_INFINITY;
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
