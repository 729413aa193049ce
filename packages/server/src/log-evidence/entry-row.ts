/** An entry of the log as a row. Pure. */
import type { LogRecord } from '@hivekey/action-log';
import { currencyOf } from '@hivekey/policy';
import type { SealedEntry } from '../log/index.ts';

/** How a call ended, as far as is known. */
export interface CallResult {
  readonly outcome: string;
  readonly tool_reference: string | null;
  readonly spent: Readonly<Record<string, number>> | null;
  readonly rows_out: number | null;
}

export type EntryRow = Readonly<Record<string, unknown>> & {
  readonly verdict: string | null;
  readonly amount_minor: number | null;
  readonly currency: string | null;
};

/** Undefined where nothing is left of the record. */
export function recordOf({ record, standIn }: SealedEntry): LogRecord | undefined {
  return record.length === 0 ? standIn?.remains : JSON.parse(record.toString());
}

/** `personIdOf`: of an e-mail, at whatever time it was theirs. */
export function entryRow(
  entry: SealedEntry,
  record: LogRecord | undefined,
  result: CallResult | undefined,
  personIdOf: (email: string) => string | undefined,
): EntryRow {
  const { seq, committedAt, entryHash, link, standIn } = entry;
  const own = {
    seq,
    entry_id: record?.event_id ?? `seq-${seq}`,
    recorded_at: committedAt,
    entry_sha256: hex(entryHash),
    link_sha256: hex(link),
    payload: standIn?.absence.kind ?? 'present',
    payload_released_by: standIn?.absence.eventId,
    verdict: null,
    amount_minor: null,
    currency: null,
  };
  if (record === undefined) return own;
  const isCall = record.kind === 'tool.call';
  const impact = unitsOf(record.impact);
  const money = moneyOf({ ...impact, ...result?.spent });
  const chain = Array.isArray(record.chain)
    ? record.chain.flatMap((each) => textOf(member(each, 'agent_id')) ?? [])
    : [];
  const owner = textOf(record.owner);
  return {
    ...own,
    ...money,
    agent_seq: numberOf(record.agent_seq),
    occurred_at: record.ts,
    agent_id: textOf(record.agent_id),
    agent_version: numberOf(record.agent_version),
    owner_user_id: owner === undefined ? undefined : personIdOf(owner),
    on_behalf_of: chain[0],
    session_id: textOf(record.session_id),
    parent_action_id: textOf(record.call_event_id),
    delegation_chain: chain,
    tool: textOf(record.tool),
    capability: isCall || record.kind === 'tool.result' ? textOf(record.action) : undefined,
    target: textOf(record.payee) ?? textOf(record.dest) ?? textOf(record.resource),
    args_digest: textOf(record.args_digest),
    args_redacted: record.args ?? null,
    records: result?.rows_out ?? impact.records_read,
    recipients: impact.messages ?? impact.recipients,
    verdict: textOf(record.verdict) ?? null,
    reason_code: textOf(record.reason_class),
    rule_ids: textOf(record.rule) === undefined ? [] : [textOf(record.rule)],
    policy_hash: textOf(record.policy),
    approval_id: textOf(record.approval_id),
    outcome: result?.outcome ?? textOf(record.outcome),
    tool_reference: result?.tool_reference ?? textOf(record.tool_reference),
    latency_ms: numberOf(record.latency_ms),
    source_ip: textOf(record.src_ip),
    trace_id: textOf(record.traceparent)?.split('-')[1],
    kind: record.kind,
    actor: textOf(record.actor),
    owner_email: owner,
    run_id: textOf(record.run_id),
  };
}

/** Of calls alone: a result tells the same money again. */
function moneyOf(units: Readonly<Record<string, number>>): Pick<EntryRow, 'amount_minor' | 'currency'> {
  for (const [unit, amount] of Object.entries(units)) {
    const currency = currencyOf(unit);
    if (currency !== undefined) return { amount_minor: amount, currency };
  }
  return { amount_minor: null, currency: null };
}

function unitsOf(value: unknown): Readonly<Record<string, number>> {
  if (typeof value !== 'object' || value === null) return {};
  return Object.fromEntries(
    Object.entries(value).filter((unit): unit is [string, number] => Number.isSafeInteger(unit[1])),
  );
}

function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined;
}

function hex(hash: Uint8Array): string {
  return Buffer.from(hash.buffer, hash.byteOffset, hash.byteLength).toString('hex');
}
