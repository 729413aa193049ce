/**
 * Redaction after the fact. The record leaves the log whole, because its hash is over all of it; what is left of it stands in
 * a record of its own (`log.redacted`), which two people signed off and which is in the signed log itself. Decision 0025.
 */
import { formatHash, formatRuns, rootOf, runsOf } from '@hivekey/action-log';
import type { ClientBase, Pool } from 'pg';
import type { Administrator } from '../api/route.ts';
import { Failure } from '../errors.ts';
import type { WorkspaceId } from '../ids.ts';
import type { LoggedTransaction } from '../log/index.ts';
import { coverHolds, refuseUncovered } from './hold-reach.ts';
import { holdsInForce } from './holds.ts';
import { makeRequest, type RedactionDocument, type RetentionRequest, type TwoPeople } from './requests.ts';
import type { WorkContext } from './work.ts';

/** What a record is found and followed by, and what others depend on; none of it is content. */
const PROTECTED = new Set([
  'v',
  'event_id',
  'kind',
  'ts',
  'workspace',
  'env',
  'shard',
  'shard_seq',
  'agent_id',
  'agent_seq',
  'verdict',
  'outcome',
  'call_event_id',
  'approval_id',
  'policy',
  'policy_revision',
  'action',
  'tool',
  'charges',
  'credits',
  'synthetic',
]);
/** By these it is proven what was in force, what was let go, and what was held. */
const NEVER = /^(policy\.changed|object\.versioned|log\.|hold\.|retention\.)/;
/** Beside what is left of the record. */
const STATEMENT_BYTES = 4_096;
const MAX_RECORD_BYTES = 65_535;

const FIELD = /^[a-z_][a-z0-9_]*(\.[^.]+)*$/;

interface Subject {
  readonly seq: number;
  readonly event_id: string;
  readonly kind: string;
  readonly verdict: string | null;
  readonly outcome: string | null;
  readonly record: Readonly<Record<string, unknown>>;
  readonly entry_hash: Buffer;
}

/**
 * Checks that it could be done, and writes the request down: which events and fields, never their content. Throws
 * `fields_invalid`, `event_not_found`, `not_redactable`, `redaction_held`, `person_required`.
 */
export async function requestRedaction(
  { pool, log }: WorkContext,
  who: Administrator,
  document: RedactionDocument,
  reason: string,
): Promise<RetentionRequest> {
  checkFields(document.fields);
  await log.catchUp(who.workspaceId);
  await subjectsOf(pool, who.workspaceId, document);
  return log.transact(who.workspaceId, (transaction) => makeRequest(transaction, who, 'redaction', document, reason));
}

function checkFields(fields: readonly string[]): void {
  const wrong = fields.find((field) => !FIELD.test(field) || PROTECTED.has(field.split('.')[0] ?? ''));
  if (wrong !== undefined)
    throw new Failure(
      400,
      'fields_invalid',
      `"${wrong}" cannot be taken out of a record.`,
      'Name fields of the record, such as args, args.iban, reason, src_ip; not those by which it is found.',
    );
}

async function subjectsOf(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  { events }: RedactionDocument,
): Promise<readonly Subject[]> {
  const { rows } = await client.query<Subject>(
    `SELECT seq, event_id, kind, verdict, outcome, record, entry_hash FROM actions WHERE workspace_id = $1 AND event_id = ANY($2) ORDER BY seq`,
    [workspaceId, events],
  );
  const missing = events.find((id) => !rows.some(({ event_id }) => event_id === id));
  if (missing !== undefined)
    throw new Failure(
      404,
      'event_not_found',
      `The log has no event "${missing}".`,
      'It may have been pruned; list events with GET /v1/audit/events.',
    );
  for (const subject of rows) refuse(subject);
  await refuseHeld(client, workspaceId, rows);
  await refusePending(client, workspaceId, rows);
  return rows;
}

function refuse({ kind, event_id, verdict, outcome }: Subject): void {
  if (NEVER.test(kind))
    throw new Failure(
      409,
      'not_redactable',
      `${event_id} is a ${kind}: what was in force, and how the log was kept, is proven by it.`,
      'Redact the records that hold the content.',
    );
  if (kind === 'tool.call' && verdict === 'allow' && outcome === null)
    throw new Failure(409, 'not_redactable', `The call ${event_id} has not ended.`, 'Wait for its result.');
}

async function refuseHeld(client: Pool | ClientBase, workspaceId: WorkspaceId, subjects: readonly Subject[]) {
  for (const { id, matter, scope } of await holdsInForce(client, workspaceId)) {
    const { rows } = await client.query<{ event_id: string }>(
      'SELECT event_id FROM actions WHERE workspace_id = $1 AND seq = ANY($2) AND log_holds($3, record::json) LIMIT 1',
      [workspaceId, subjects.map(({ seq }) => seq), JSON.stringify(scope)],
    );
    if (rows[0] !== undefined)
      throw new Failure(
        409,
        'redaction_held',
        `${rows[0].event_id} is held by ${id} (${matter}).`,
        'Have the hold released first, by another person than placed it.',
      );
  }
}

async function refusePending(client: Pool | ClientBase, workspaceId: WorkspaceId, subjects: readonly Subject[]) {
  const ids = subjects.map(({ record }) => record.approval_id).filter((id) => typeof id === 'string');
  const { rows } = await client.query<{ id: string }>(
    `SELECT id FROM approvals WHERE workspace_id = $1 AND status IN ('pending', 'approved', 'released')
        AND (id = ANY($2) OR event_id = ANY($3)) LIMIT 1`,
    [workspaceId, ids, subjects.map(({ event_id }) => event_id)],
  );
  if (rows[0] !== undefined)
    throw new Failure(
      409,
      'not_redactable',
      `The approval ${rows[0].id} still waits on the call.`,
      'Decide it, or cancel it, first.',
    );
}

/** Before the transaction: the log says up to its end what is held. */
export async function prepareRedaction(context: WorkContext, workspaceId: WorkspaceId): Promise<void> {
  await context.log.catchUp(workspaceId);
  await coverHolds(context, workspaceId, await context.log.size(workspaceId));
}

/** In the transaction of the second person: one statement for each record. Throws what {@link requestRedaction} does. */
export async function stateRedaction(
  transaction: LoggedTransaction,
  who: Administrator,
  request: RetentionRequest,
  document: RedactionDocument,
  { requestedBy, requestedById, approvedById }: TwoPeople,
): Promise<void> {
  const { client } = transaction;
  const { workspaceId, actor } = who;
  const subjects = await subjectsOf(client, workspaceId, document);
  await refuseUncovered(client, workspaceId, subjects.at(-1)?.seq ?? 0);
  for (const subject of subjects) {
    const { remains, removed } = takeOut(subject, document.fields);
    const earlier = await statementsAbout(client, workspaceId, subject.seq);
    const entries = [{ seq: subject.seq, entry_hash: subject.entry_hash }, ...earlier];
    const last = entries.at(-1)?.seq ?? subject.seq;
    await refuseUncovered(client, workspaceId, last);
    const eventId = transaction.log({
      kind: 'log.redacted',
      actor,
      request_id: request.id,
      requested_by: requestedBy,
      requested_by_id: requestedById,
      approved_by_id: approvedById,
      reason: request.reason,
      subject: subject.seq,
      subject_event_id: subject.event_id,
      entry_hash: formatHash(subject.entry_hash),
      entries: formatRuns(runsOf(entries.map(({ seq }) => seq))),
      count: entries.length,
      root: formatHash(rootOf(entries.map(({ entry_hash }) => entry_hash))),
      removed,
      remains,
    });
    await client.query(
      `INSERT INTO retention_work (workspace_id, event_id, kind, request_id) VALUES ($1, $2, 'redact', $3)`,
      [workspaceId, eventId, request.id],
    );
  }
}

/** Statements that say what was left of the record before: they go as well, since the new one takes their place. */
async function statementsAbout(client: ClientBase, workspaceId: WorkspaceId, seq: number) {
  const { rows } = await client.query<{ seq: number; entry_hash: Buffer }>(
    `SELECT a.seq, a.entry_hash FROM actions a
      WHERE a.workspace_id = $1 AND a.seq IN (SELECT seq FROM log_absences WHERE workspace_id = $1 AND kind = 'log.redacted' AND entries @> $2::bigint)
      ORDER BY a.seq`,
    [workspaceId, seq],
  );
  return rows;
}

function takeOut({ record, event_id }: Subject, fields: readonly string[]) {
  const { redacted, ...before } = record;
  const earlier = earlierFields(redacted);
  const remains = structuredClone(before);
  for (const field of fields) remove(remains, field.split('.'));
  if (Buffer.byteLength(JSON.stringify(remains)) > MAX_RECORD_BYTES - STATEMENT_BYTES)
    throw new Failure(
      413,
      'redaction_too_large',
      `What would be left of ${event_id} is too large for a record.`,
      'Take out more of it, such as trace.',
    );
  return { remains, removed: [...new Set([...earlier, ...fields])].sort() };
}

function earlierFields(redacted: unknown): readonly string[] {
  if (typeof redacted !== 'object' || redacted === null || !('fields' in redacted)) return [];
  return Array.isArray(redacted.fields) ? redacted.fields.filter((field) => typeof field === 'string') : [];
}

function remove(from: Record<string, unknown>, [name, ...rest]: readonly string[]): void {
  if (name === undefined || !Object.hasOwn(from, name)) return;
  const inner = from[name];
  if (rest.length === 0) delete from[name];
  else if (isObject(inner)) remove(inner, rest);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
