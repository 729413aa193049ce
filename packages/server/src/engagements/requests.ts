/** Requests of the auditor as they are kept: each act is a row that stays, and a record. */
import type { ClientBase, Pool } from 'pg';
import { z } from 'zod';
import type { Administrator } from '../api/route.ts';
import { Failure } from '../errors.ts';
import { newId, type WorkspaceId } from '../ids.ts';
import type { LoggedTransaction } from '../log/index.ts';
import { attachmentsSchema, refuseUnknown } from './attachments.ts';
import { openEngagementOf, refuseCustomer, sideOf } from './engagement.ts';
import { ACTS, type Act, clocksOf, type Moment, move, REQUEST_STATUSES, type RequestStatus } from './request.ts';

const MAX_REQUESTS = 2_000;
const MAX_ACTS = 1_000;

const text = z.string().trim().max(10_000);

export const newRequestSchema = z.strictObject({
  title: z.string().trim().min(1).max(200),
  text: text.default(''),
  about: z
    .string()
    .trim()
    .min(1)
    .max(64)
    .optional()
    .meta({ description: 'A criterion, control or report, such as CC6.1, AG-05 or `approvals`.' }),
  due_at: z.iso.datetime({ offset: true }).optional(),
  attachments: attachmentsSchema.default([]),
});

export const actSchema = z
  .strictObject({ act: z.enum(ACTS), text: text.default(''), attachments: attachmentsSchema.default([]) })
  .refine(({ act, text: words }) => words !== '' || (act !== 'returned' && act !== 'commented'), {
    error: 'says why in words',
    path: ['text'],
  })
  .refine(({ act, text: words, attachments: given }) => act !== 'provided' || words !== '' || given.length > 0, {
    error: 'gives something: a text, or attachments',
    path: ['attachments'],
  });

const actView = z.object({
  number: z.int(),
  act: z.enum(['opened', ...ACTS]),
  side: z.enum(['firm', 'customer']),
  actor: z.string(),
  at: z.int(),
  text: z.string(),
  attachments: attachmentsSchema,
  event_id: z.string(),
});

export const requestSchema = z
  .object({
    object: z.literal('engagement_request'),
    id: z.string(),
    engagement: z.string(),
    number: z.int(),
    title: z.string(),
    about: z.string().nullable(),
    due_at: z.int().nullable(),
    status: z.enum(REQUEST_STATUSES),
    opened_at: z.int(),
    opened_by: z.string(),
    customer_seconds: z.int().meta({ description: 'For so long the customer was waited for.' }),
    firm_seconds: z.int().meta({ description: 'And the auditor.' }),
    waits_for: z.enum(['customer', 'firm']).nullable(),
    acts: z.array(actView).meta({ description: 'All that was said and done, in its order. None is ever changed.' }),
  })
  .meta({ id: 'EngagementRequest' });
export type RequestView = z.output<typeof requestSchema>;

interface Row {
  id: string;
  engagement_id: string;
  number: number;
  title: string;
  about: string | null;
  due_at: number | null;
  status: RequestStatus;
  opened_at: number;
  opened_by: string;
  acts: (z.output<typeof actView> & { readonly at_ms: number })[];
}

const REQUESTS = `
SELECT r.id, r.engagement_id, r.number, r.title, r.about, floor(extract(epoch FROM r.due_at))::bigint AS due_at, r.status,
       floor(extract(epoch FROM r.opened_at))::bigint AS opened_at, r.opened_by,
       (SELECT jsonb_agg(jsonb_build_object('number', a.number, 'act', a.act, 'side', a.side, 'actor', a.actor,
                 'at', floor(extract(epoch FROM a.at))::bigint, 'at_ms', floor(extract(epoch FROM a.at) * 1000)::bigint,
                 'text', a.text, 'attachments', a.attachments, 'event_id', a.event_id) ORDER BY a.number)
          FROM engagement_request_acts a WHERE a.workspace_id = r.workspace_id AND a.request_id = r.id) AS acts
  FROM engagement_requests r WHERE r.workspace_id = $1 AND r.engagement_id = $2`;

function viewOf({ engagement_id: engagement, acts, ...row }: Row, nowMs: number): RequestView {
  const moments = acts.map(({ act, at_ms: atMs }): Moment => ({ act, atMs }));
  const shown = acts.map(({ at_ms: _, ...act }) => act);
  return { object: 'engagement_request', ...row, engagement, ...clocksOf(moments, nowMs), acts: shown };
}

/** By number. */
export async function listRequests(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  engagementId: string,
  nowMs: number,
): Promise<RequestView[]> {
  const { rows } = await client.query<Row>(`${REQUESTS} ORDER BY r.number`, [workspaceId, engagementId]);
  return rows.map((row) => viewOf(row, nowMs));
}

/** Throws `engagement_request_not_found`. */
async function readRequest(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  engagementId: string,
  id: string,
  nowMs: number,
): Promise<RequestView> {
  const { rows } = await client.query<Row>(`${REQUESTS} AND r.id = $3`, [workspaceId, engagementId, id]);
  if (rows[0] !== undefined) return viewOf(rows[0], nowMs);
  throw new Failure(
    404,
    'engagement_request_not_found',
    `There is no request "${id}" in this engagement.`,
    'List them with GET /v1/engagements/:id/requests.',
  );
}

/** Throws `engagement_not_found`, `engagement_over`, `auditor_required`, `engagement_requests_many`, `engagement_attachment_unknown`. */
export async function openRequest(
  transaction: LoggedTransaction,
  who: Administrator,
  engagementId: string,
  wanted: z.output<typeof newRequestSchema>,
): Promise<RequestView> {
  const { client, now, log } = transaction;
  const { workspaceId, actor } = who;
  refuseCustomer(who, engagementId);
  await openEngagementOf(client, workspaceId, engagementId);
  await refuseUnknown(client, workspaceId, engagementId, 'firm', wanted.attachments);
  const { rows } = await client.query<{ count: number }>(
    'SELECT count(*)::int AS count FROM engagement_requests WHERE workspace_id = $1 AND engagement_id = $2',
    [workspaceId, engagementId],
  );
  const number = (rows[0]?.count ?? 0) + 1;
  if (number > MAX_REQUESTS)
    throw new Failure(
      409,
      'engagement_requests_many',
      `There are ${MAX_REQUESTS} requests.`,
      'Go on in one that is open.',
    );
  const id = newId<string>('erq');
  await client.query(
    `INSERT INTO engagement_requests (workspace_id, id, engagement_id, number, title, about, due_at, status, opened_at, opened_by)
     VALUES ($1, $2, $3, $4, $5, $6, $7, 'open', $8, $9)`,
    [
      workspaceId,
      id,
      engagementId,
      number,
      wanted.title,
      wanted.about ?? null,
      wanted.due_at === undefined ? null : new Date(wanted.due_at),
      now,
      actor,
    ],
  );
  const eventId = log({
    kind: 'engagement.request',
    actor,
    engagement_id: engagementId,
    request_id: id,
    number,
    title: wanted.title,
    about: wanted.about,
    due_at: wanted.due_at,
    act: 'opened',
    side: 'firm',
    status: 'open',
    text: wanted.text,
    attachments: wanted.attachments,
  });
  await keepAct(client, workspaceId, id, 1, 'opened', 'firm', actor, now, wanted, eventId);
  return readRequest(client, workspaceId, engagementId, id, now.getTime());
}

/** Throws `engagement_not_found`, `engagement_over`, `engagement_request_not_found`, `engagement_other_side`, `engagement_request_<status>`, `engagement_acts_many`, `engagement_attachment_unknown`. */
export async function act(
  { client, now, log }: LoggedTransaction,
  who: Administrator,
  engagementId: string,
  id: string,
  wanted: z.output<typeof actSchema>,
): Promise<RequestView> {
  const { workspaceId, actor } = who;
  const side = sideOf(who, engagementId);
  await openEngagementOf(client, workspaceId, engagementId);
  const before = await readRequest(client, workspaceId, engagementId, id, now.getTime());
  const moved = move(before.status, wanted.act, side);
  if (moved.kind === 'other_side')
    throw new Failure(
      403,
      'engagement_other_side',
      `A request is ${wanted.act} by the ${side === 'firm' ? 'customer' : 'auditor'}.`,
      side === 'firm' ? 'Return it, with the reason.' : 'Comment on it, or provide something.',
    );
  if (moved.kind === 'not_now')
    throw new Failure(
      409,
      `engagement_request_${before.status}`,
      `The request ${before.number} is ${before.status}: it cannot be ${wanted.act} now.`,
      'Look at it again with GET /v1/engagements/:id/requests.',
    );
  await refuseUnknown(client, workspaceId, engagementId, side, wanted.attachments);
  const number = before.acts.length + 1;
  if (number > MAX_ACTS)
    throw new Failure(409, 'engagement_acts_many', `The request has ${MAX_ACTS} entries.`, 'Open another one.');
  const eventId = log({
    kind: 'engagement.request',
    actor,
    engagement_id: engagementId,
    request_id: id,
    number: before.number,
    title: before.title,
    act: wanted.act,
    side,
    status: moved.status,
    status_before: before.status,
    text: wanted.text,
    attachments: wanted.attachments,
  });
  await keepAct(client, workspaceId, id, number, wanted.act, side, actor, now, wanted, eventId);
  await client.query('UPDATE engagement_requests SET status = $3 WHERE workspace_id = $1 AND id = $2', [
    workspaceId,
    id,
    moved.status,
  ]);
  return readRequest(client, workspaceId, engagementId, id, now.getTime());
}

async function keepAct(
  client: ClientBase,
  workspaceId: WorkspaceId,
  requestId: string,
  number: number,
  what: Act | 'opened',
  side: 'firm' | 'customer',
  actor: string,
  at: Date,
  { text: words, attachments: given }: Pick<z.output<typeof actSchema>, 'text' | 'attachments'>,
  eventId: string,
): Promise<void> {
  await client.query(
    `INSERT INTO engagement_request_acts (workspace_id, request_id, number, act, side, actor, at, text, attachments, event_id)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
    [workspaceId, requestId, number, what, side, actor, at, words, JSON.stringify(given), eventId],
  );
}
