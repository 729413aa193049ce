/** Checks the certificate of a disposal, with nothing but the file and a key. */

import { disposalNote } from '../disposal.ts';
import { type AbsenceRecord, readGoverning } from '../governing.ts';
import { formatHash } from '../hashes.ts';
import type { VerifierKey } from '../keys.ts';
import { parseJson } from '../parse-json.ts';
import { formatRuns, sharedNumber } from '../runs.ts';
import { fieldsOf, isCount } from './export-files.ts';
import type { Findings } from './findings.ts';
import { type DocumentKind, type DocumentReport, type Fields, verifyDocument } from './signed-document.ts';
import { verifyProof } from './verify-proof.ts';

export interface DisposalReport extends Omit<DocumentReport<unknown>, 'said'> {
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

const CERTIFICATE: DocumentKind = {
  name: 'certificate',
  maxBytes: 256 * 1024 * 1024,
  noteOf: disposalNote,
  keyOf: (certificate) => fieldsOf(recordsOf(certificate)[0]?.get('proof'))?.get('key'),
};

/**
 * As `verifyDocument`; and each record by which payloads went must stand in the log that the same key signed, and say what
 * the certificate says. It does not show that no copy of a payload is left anywhere; that rests on who holds the key. Never
 * throws.
 */
export function verifyDisposal(text: string, trustedKey?: VerifierKey): DisposalReport {
  const { said, ...report } = verifyDocument(text, CERTIFICATE, trustedKey, ({ document }, key, findings) =>
    disposalOf(document, key, findings),
  );
  return { ...report, disposal: said };
}

function recordsOf(certificate: Fields): readonly Fields[] {
  const records = certificate.get('records');
  return Array.isArray(records) ? records.map((each) => fieldsOf(each) ?? new Map<string, unknown>()) : [];
}

function disposalOf(certificate: Fields, key: VerifierKey, findings: Findings): DisposalReport['disposal'] {
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
