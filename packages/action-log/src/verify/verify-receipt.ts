/** Checks the signed receipt of a stop, with nothing but the file and a key. */

import type { VerifierKey } from '../keys.ts';
import { parseJson } from '../parse-json.ts';
import { receiptNote } from '../receipt.ts';
import { fieldsOf } from './export-files.ts';
import type { Findings } from './findings.ts';
import { type DocumentKind, type DocumentReport, type Fields, verifyDocument } from './signed-document.ts';
import { verifyProof } from './verify-proof.ts';

export interface ReceiptReport extends Omit<DocumentReport<unknown>, 'said'> {
  /** What is signed when `isVerified`. */
  readonly stop:
    | {
        readonly id: string;
        readonly scope: string;
        readonly target: string;
        readonly isRehearsal: boolean;
        readonly orderedAt: string;
        readonly effectiveAt: string | null;
        readonly firstRefusalMs: number | null;
        readonly agents: number;
        /** Null where the receipt does not list them. */
        readonly tools: number | null;
        readonly toolsProbed: number;
        readonly nodes: number;
        readonly nodesSilent: number;
        /** Where the order stands in the signed log. */
        readonly seq: number;
      }
    | undefined;
}

const RECEIPT: DocumentKind = {
  name: 'receipt',
  maxBytes: 64 * 1024 * 1024,
  noteOf: receiptNote,
  keyOf: (receipt) => fieldsOf(fieldsOf(receipt.get('log'))?.get('proof'))?.get('key'),
};

/**
 * As `verifyDocument`; and the order must stand in the log that the same key signed, and say what the receipt says. It does
 * not show that what the receipt says of the world is true; that rests on who holds the key. Never throws.
 */
export function verifyReceipt(text: string, trustedKey?: VerifierKey): ReceiptReport {
  const { said, ...report } = verifyDocument(text, RECEIPT, trustedKey, ({ document }, key, findings) =>
    stopOf(document, key, findings),
  );
  return { ...report, stop: said };
}

/** What the order on the log says must be what the receipt says. */
const SAME = [
  ['containment_id', 'id'],
  ['scope', 'scope'],
  ['target', 'target'],
  ['reason', 'reason'],
  ['actor', 'actor'],
] as const;

function stopOf(receipt: Fields, key: VerifierKey, findings: Findings): ReceiptReport['stop'] {
  const about = fieldsOf(receipt.get('containment'));
  const times = fieldsOf(receipt.get('times'));
  const log = fieldsOf(receipt.get('log'));
  const agents = listOf(receipt.get('agents'));
  const tools = receipt.get('tools') === null ? [] : listOf(receipt.get('tools'));
  const nodes = listOf(receipt.get('nodes'));
  if (!about || !times || !log || !agents || !tools || !nodes) {
    findings.fatal('malformed', 'receipt', 'The receipt lacks a part.');
    return undefined;
  }
  const proof = verifyProof(log.get('proof'), key);
  for (const finding of proof.findings)
    if (finding.fatal) findings.fatal(finding.code, `log, ${finding.place}`, finding.message);
  const record = fieldsOf(parseJson(textOf(fieldsOf(log.get('proof'))?.get('canonical')) ?? '{}'));
  if (proof.event?.eventId !== log.get('event_id') || record?.get('kind') !== 'containment.ordered')
    findings.fatal('proof_invalid', 'log', 'What is proven to be on the log is not the order of this stop.');
  for (const [theirs, ours] of SAME)
    if (record?.get(theirs) !== about.get(ours))
      findings.fatal('proof_invalid', ours, `The order on the log says something else of ${ours} than the receipt.`);
  if (record?.get('agents') !== agents.length)
    findings.fatal('proof_invalid', 'agents', 'The order on the log covers another number of agents.');
  // By id: a workspace may have been renamed since.
  if (!proof.event?.origin.endsWith(`/${receipt.get('workspace_id')}`))
    findings.fatal('proof_invalid', 'workspace_id', 'The log is that of another workspace.');
  const ordered = textOf(times.get('ordered_at'));
  if (ordered === undefined || proof.event === undefined) return undefined;
  if (isDisordered([ordered, times.get('committed_at'), times.get('effective_at')]))
    findings.note('clock_backwards', 'times', 'A time of the receipt is before the one it follows.');
  const refusal = times.get('first_refusal_ms');
  return {
    id: textOf(about.get('id')) ?? '',
    scope: textOf(about.get('scope')) ?? '',
    target: textOf(about.get('target')) ?? '',
    isRehearsal: about.get('rehearsal') !== null,
    orderedAt: ordered,
    effectiveAt: textOf(times.get('effective_at')) ?? null,
    firstRefusalMs: typeof refusal === 'number' ? refusal : null,
    agents: agents.length,
    tools: receipt.get('tools') === null ? null : tools.length,
    toolsProbed: tools.filter((tool) => tool.get('established') === 'probe').length,
    nodes: nodes.length,
    nodesSilent: nodes.filter((node) => node.get('effective_at') === null).length,
    seq: proof.event.seq,
  };
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function listOf(value: unknown): readonly Fields[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const items = value.map(fieldsOf);
  return items.every((item) => item !== undefined) ? items : undefined;
}

function isDisordered(times: readonly unknown[]): boolean {
  const known = times.filter((time) => typeof time === 'string');
  return known.some((time, i) => i > 0 && time < (known[i - 1] ?? ''));
}
