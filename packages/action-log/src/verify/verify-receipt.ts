/** Checks the signed receipt of a stop, with nothing but the file and a key. */

import { canonicalJson } from '../canonical.ts';
import { BadKey, parseVerifierKey, type VerifierKey } from '../keys.ts';
import { checkNote } from '../note.ts';
import { parseJson } from '../parse-json.ts';
import { receiptNote } from '../receipt.ts';
import type { Finding } from '../records.ts';
import { fieldsOf } from './export-files.ts';
import { Findings } from './findings.ts';
import { verifyProof } from './verify-proof.ts';

const MAX_RECEIPT_BYTES = 64 * 1024 * 1024;

export interface ReceiptReport {
  /** True only when everything was checked and nothing fatal was found. */
  readonly isVerified: boolean;
  readonly findings: readonly Finding[];
  readonly key: { readonly text: string; readonly isTrusted: boolean } | undefined;
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

/**
 * The file must be byte for byte what was issued, but for a line feed at its end: canonical JSON, one signature, by the
 * key. The order must stand in the log that the same key signed, and say what the receipt says. It does not show that
 * what the receipt says of the world is true; that rests on who holds the key. Never throws.
 */
export function verifyReceipt(text: string, trustedKey?: VerifierKey): ReceiptReport {
  const findings = new Findings();
  let key: VerifierKey | undefined;
  let stop: ReceiptReport['stop'];
  try {
    const read = readReceipt(text);
    if (typeof read === 'string') findings.fatal('malformed', 'receipt', `The file ${read}.`);
    else {
      key = trustedKey ?? ownKey(read.receipt, findings);
      if (key !== undefined) stop = check(read, key, findings);
    }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    findings.fatal('verifier_failed', 'the verifier', `The check broke off: ${reason}`);
  }
  return {
    isVerified: stop !== undefined && !findings.hasFatal,
    findings: findings.found.list,
    key: key === undefined ? undefined : { text: key.text, isTrusted: trustedKey !== undefined },
    stop,
  };
}

type Fields = ReadonlyMap<string, unknown>;

interface Read {
  readonly note: string;
  readonly receipt: Fields;
  readonly value: unknown;
}

function readReceipt(text: string): Read | string {
  if (text.length > MAX_RECEIPT_BYTES) return 'is too large';
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
  const receipt = fieldsOf(fields?.get('receipt'));
  if (fields?.size !== 2 || typeof note !== 'string' || receipt === undefined) return 'is not {note, receipt}';
  if (receipt.get('v') !== 1) return 'is of a version that is not known';
  return { note, receipt, value: fields.get('receipt') };
}

function ownKey(receipt: Fields, findings: Findings): VerifierKey | undefined {
  const text = fieldsOf(fieldsOf(receipt.get('log'))?.get('proof'))?.get('key');
  try {
    const key = parseVerifierKey(typeof text === 'string' ? text : '');
    findings.note(
      'key_not_trusted',
      'key',
      `The key ${key.text} is the receipt's own: whoever made the receipt could have made the key. Get it from another source and compare.`,
    );
    return key;
  } catch (error) {
    if (!(error instanceof BadKey)) throw error;
    findings.fatal('malformed', 'key', 'The receipt holds no key, and none was given.');
    return undefined;
  }
}

function check({ note, receipt, value }: Read, key: VerifierKey, findings: Findings): ReceiptReport['stop'] {
  const checked = checkNote(note, [key]);
  if (checked.kind === 'unknown_keys') findings.fatal('key_unknown', 'note', 'The receipt is signed by another key.');
  else if (checked.kind !== 'verified') findings.fatal('signature_invalid', 'note', 'The signature does not verify.');
  else if (checked.note.signatures.length !== 1)
    findings.fatal('malformed', 'note', 'The receipt has more than one signature.');
  else if (checked.note.text !== receiptNote(value))
    findings.fatal('entry_edited', 'receipt', 'The receipt is not the one that was signed: it was changed.');
  return stopOf(receipt, key, findings);
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
