/**
 * What takes two people: keeping records for less long, and taking something out of them. One asks, another agrees, and it is
 * done in the transaction of the second.
 */
import type { ClientBase, Pool } from 'pg';
import { z } from 'zod';
import type { Administrator, TimePosition } from '../api/route.ts';
import { Failure } from '../errors.ts';
import { signingPerson } from '../identity/index.ts';
import { newId, type PersonId, type WorkspaceId } from '../ids.ts';
import type { ActionLog, LoggedTransaction } from '../log/index.ts';
import { readPerson } from '../people/index.ts';
import { storedPeriods } from './settings.ts';

/** Nobody agreed within this: the world may have changed since. */
const ANSWER_WITHIN_DAYS = 14;
const REQUEST_STATUSES = ['requested', 'approved', 'withdrawn', 'lapsed'] as const;

/** What is to be taken out of which events. */
export const redactionDocument = z.object({
  events: z.array(z.string().min(1).max(64)).min(1).max(200),
  fields: z.array(z.string().min(1).max(128)).min(1).max(32),
});
export type RedactionDocument = z.output<typeof redactionDocument>;

export const requestSchema = z
  .object({
    object: z.literal('retention_request'),
    id: z.string(),
    kind: z.enum(['settings', 'redaction']),
    periods: storedPeriods.nullable().meta({ description: 'Of settings: what they become.' }),
    redaction: redactionDocument.nullable(),
    reason: z.string(),
    status: z.enum(REQUEST_STATUSES),
    requested_by: z.string(),
    requested_by_person: z.string(),
    requested_at: z.int(),
    answer_by: z.int(),
    answered_by: z.string().nullable(),
    answered_by_person: z.string().nullable(),
    answered_at: z.int().nullable(),
  })
  .meta({ id: 'RetentionRequest' });
export type RetentionRequest = z.output<typeof requestSchema>;

interface Row {
  id: string;
  kind: 'settings' | 'redaction';
  document: unknown;
  reason: string;
  status: RetentionRequest['status'];
  requested_by: string;
  requested_by_id: PersonId;
  requested_by_person: string;
  requested_at: number;
  requested_us: number;
  answer_by: number;
  answered_by: string | null;
  answered_by_person: string | null;
  answered_at: number | null;
}

const REQUESTS = `
SELECT r.id, r.kind, r.document, r.reason, r.requested_by, r.requested_by_id, p.email AS requested_by_person,
       CASE WHEN r.status = 'requested' AND r.answer_by <= clock_timestamp() THEN 'lapsed' ELSE r.status END AS status,
       floor(extract(epoch FROM r.requested_at))::bigint AS requested_at,
       (extract(epoch FROM r.requested_at) * 1000000)::bigint AS requested_us,
       floor(extract(epoch FROM r.answer_by))::bigint AS answer_by, r.answered_by, a.email AS answered_by_person,
       floor(extract(epoch FROM r.answered_at))::bigint AS answered_at
  FROM retention_requests r
  JOIN people p ON p.workspace_id = r.workspace_id AND p.id = r.requested_by_id
  LEFT JOIN people a ON a.workspace_id = r.workspace_id AND a.id = r.answered_by_id
 WHERE r.workspace_id = $1`;

function requestOf({ document, requested_by_id: _, requested_us: __, ...row }: Row): RetentionRequest {
  return {
    object: 'retention_request',
    ...row,
    periods: row.kind === 'settings' ? storedPeriods.parse(document) : null,
    redaction: row.kind === 'redaction' ? redactionDocument.parse(document) : null,
  };
}

async function findRow(client: Pool | ClientBase, workspaceId: WorkspaceId, id: string): Promise<Row> {
  const { rows } = await client.query<Row>(`${REQUESTS} AND r.id = $2`, [workspaceId, id]);
  const [row] = rows;
  if (row !== undefined) return row;
  throw new Failure(
    404,
    'retention_request_not_found',
    `There is no request "${id}".`,
    'List them with GET /v1/retention/requests.',
  );
}

/** Throws `retention_request_not_found`. */
export async function readRequest(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  id: string,
): Promise<RetentionRequest> {
  return requestOf(await findRow(client, workspaceId, id));
}

/** Newest first. */
export async function listRequests(
  pool: Pool,
  workspaceId: WorkspaceId,
  after: TimePosition | undefined,
  limit: number,
): Promise<readonly { readonly request: RetentionRequest; readonly position: TimePosition }[]> {
  const { rows } = await pool.query<Row>(
    `SELECT * FROM (${REQUESTS}) AS requests WHERE ($2::bigint IS NULL OR (requested_us, id) < ($2, $3))
      ORDER BY requested_us DESC, id DESC LIMIT $4`,
    [workspaceId, after?.atUs ?? null, after?.id ?? null, limit],
  );
  return rows.map((row) => ({ request: requestOf(row), position: { atUs: row.requested_us, id: row.id } }));
}

/** Writes down what somebody asks for. Throws `person_required`, `person_inactive`. */
export async function makeRequest(
  transaction: LoggedTransaction,
  who: Administrator,
  kind: RetentionRequest['kind'],
  document: object,
  reason: string,
): Promise<RetentionRequest> {
  const { client } = transaction;
  const { workspaceId, actor } = who;
  const person = await signingPerson(client, who, 'confirm', transaction.now);
  const id = newId<string>('rrq');
  await client.query(
    `INSERT INTO retention_requests (workspace_id, id, kind, document, reason, requested_by, requested_by_id, answer_by)
     VALUES ($1, $2, $3, $4, $5, $6, $7, clock_timestamp() + make_interval(days => $8))`,
    [workspaceId, id, kind, JSON.stringify(document), reason, actor, person.id, ANSWER_WITHIN_DAYS],
  );
  const request = await readRequest(client, workspaceId, id);
  note(transaction, actor, request, 'requested', person.email);
  return request;
}

function note(
  { log }: LoggedTransaction,
  actor: string,
  { id, kind, periods, redaction, reason, requested_by }: RetentionRequest,
  change: 'requested' | 'approved' | 'withdrawn',
  person: string | undefined,
): void {
  log({
    kind: 'retention.request',
    actor,
    person,
    request_id: id,
    change,
    requested: kind,
    requested_by: change === 'requested' ? undefined : requested_by,
    reason,
    periods: periods ?? undefined,
    events: redaction?.events,
    fields: redaction?.fields,
  });
}

/** Who asked, and who agrees. */
export interface TwoPeople {
  readonly requestedBy: string;
  readonly requestedById: PersonId;
  readonly approvedById: PersonId;
}

/**
 * Agrees, and does it: `carryOut` runs in the same transaction. Throws `retention_request_not_found`,
 * `retention_request_closed`, `retention_request_own`, `requester_inactive`, `person_required`, `person_inactive`.
 */
export function approveRequest(
  log: Pick<ActionLog, 'transact'>,
  who: Administrator,
  id: string,
  carryOut: (transaction: LoggedTransaction, request: RetentionRequest, two: TwoPeople) => Promise<void>,
): Promise<RetentionRequest> {
  const { workspaceId, actor } = who;
  return log.transact(workspaceId, async (transaction) => {
    const { client } = transaction;
    const person = await signingPerson(client, who, 'confirm', transaction.now);
    const row = await findRow(client, workspaceId, id);
    const request = requestOf(row);
    refuseClosed(request);
    if (row.requested_by_id === person.id || row.requested_by === actor)
      throw new Failure(
        403,
        'retention_request_own',
        `${person.email} has asked for this.`,
        'Have another person agree to it.',
      );
    const { active } = await readPerson(client, workspaceId, row.requested_by_id);
    if (!active)
      throw new Failure(
        409,
        'requester_inactive',
        `${row.requested_by_person}, who has asked for this, is not active.`,
        'Withdraw it, and ask again.',
      );
    await client.query(
      `UPDATE retention_requests SET status = 'approved', answered_by = $3, answered_by_id = $4, answered_at = clock_timestamp()
        WHERE workspace_id = $1 AND id = $2`,
      [workspaceId, id, actor, person.id],
    );
    note(transaction, actor, request, 'approved', person.email);
    await carryOut(transaction, request, {
      requestedBy: row.requested_by,
      requestedById: row.requested_by_id,
      approvedById: person.id,
    });
    return readRequest(client, workspaceId, id);
  });
}

/** Anybody who may ask may also have it not done. Throws `retention_request_not_found`, `retention_request_closed`. */
export function withdrawRequest(
  log: Pick<ActionLog, 'transact'>,
  { workspaceId, actor, person }: Administrator,
  id: string,
): Promise<RetentionRequest> {
  return log.transact(workspaceId, async (transaction) => {
    const { client } = transaction;
    const request = await readRequest(client, workspaceId, id);
    refuseClosed(request);
    await client.query(
      `UPDATE retention_requests SET status = 'withdrawn', answered_by = $3, answered_by_id = $4, answered_at = clock_timestamp()
        WHERE workspace_id = $1 AND id = $2`,
      [workspaceId, id, actor, person?.id ?? null],
    );
    note(transaction, actor, request, 'withdrawn', person?.email);
    return readRequest(client, workspaceId, id);
  });
}

function refuseClosed({ id, status }: RetentionRequest): void {
  if (status === 'requested') return;
  throw new Failure(409, 'retention_request_closed', `The request "${id}" is ${status}.`, 'Ask again.');
}
