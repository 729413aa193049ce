/** Asking for an agent, and answering. Each is one transaction with its records; the database refuses a second answer. */
import { createAgentIn, readAgentSettings, refusePast, refuseTakenHandle } from '../agents/index.ts';
import type { Administrator } from '../api/route.ts';
import { Failure } from '../errors.ts';
import { checkAssurance } from '../identity/index.ts';
import { newId, type PersonId } from '../ids.ts';
import type { ActionLog, LoggedTransaction } from '../log/index.ts';
import { readRequest } from './read.ts';
import type { AgentRequest, NewRequest, Wanted } from './request.ts';

/** Who asks: an administrator, or a directory over SCIM. */
export type Requester = Pick<Administrator, 'workspaceId' | 'actor' | 'person'> & { readonly credentialId: string };

/** Throws `person_required`, `handle_taken`, `handle_looks_taken`, `agent_request_open`, `valid_until_past`. Whether owner and roles exist is looked at when it is approved. */
export function requestAgent(log: ActionLog, who: Requester, request: NewRequest): Promise<AgentRequest> {
  return log.transact(who.workspaceId, (transaction) => requestAgentIn(transaction, who, request));
}

export async function requestAgentIn(
  transaction: LoggedTransaction,
  { workspaceId, actor, person, credentialId }: Requester,
  { wanted, reason, source }: NewRequest,
): Promise<AgentRequest> {
  const { client, log } = transaction;
  if (person === undefined && source !== 'scim') throw personRequired('asks for');
  await refuseTakenHandle(transaction, workspaceId, wanted.name);
  if (wanted.valid_until !== undefined) refusePast(transaction, wanted.valid_until);
  const { rows } = await client.query<{ id: string }>(
    `SELECT id FROM agent_requests WHERE workspace_id = $1 AND lower(handle) = lower($2) AND status = 'requested'`,
    [workspaceId, wanted.name],
  );
  if (rows[0] !== undefined)
    throw new Failure(
      409,
      'agent_request_open',
      `"${wanted.name}" is asked for already: ${rows[0].id}.`,
      'Wait for the answer, or withdraw that request first.',
    );
  const { request_hours: hours } = await readAgentSettings(client, workspaceId);
  const id = newId<string>('arq');
  await client.query(
    `INSERT INTO agent_requests (workspace_id, id, handle, owner, wanted, reason, source, requested_by, requested_by_id, credential_id,
                                 owner_id, requested_at, expires_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10,
             (SELECT p.id FROM people p WHERE p.workspace_id = $1 AND p.email = $4 AND p.deleted_at IS NULL),
             clock_timestamp(), clock_timestamp() + make_interval(hours => $11))`,
    [
      workspaceId,
      id,
      wanted.name,
      wanted.owner,
      JSON.stringify(wanted),
      reason,
      source,
      actor,
      person?.id ?? null,
      credentialId,
      hours,
    ],
  );
  const made = await readRequest(client, workspaceId, id);
  log({
    kind: 'agent.requested',
    actor,
    ...fieldsOf(made),
    roles: made.roles,
    reason: made.reason,
    source: made.source,
    expires_at: new Date(made.expires_at * 1000).toISOString(),
  });
  return made;
}

function fieldsOf({ id, name, owner }: AgentRequest) {
  return { request_id: id, agent: name, owner };
}

/**
 * By a person who neither asked for the agent nor is to own it. Throws `agent_request_not_found`, `agent_request_<status>`,
 * `person_required`, `approver_is_requester`, `approver_is_owner`, `owner_gone`, and as `createAgent`.
 */
export function approveRequest(log: ActionLog, who: Administrator, id: string, reason: string): Promise<AgentRequest> {
  return log.transact(who.workspaceId, async (transaction) => {
    const { client, now, log: record } = transaction;
    const request = await waiting(transaction, who, id);
    await checkAssurance(client, who, 'confirm', now);
    const { rows } = await client.query<Asked>(
      `SELECT greatest(r.requested_at, clock_timestamp()) AS at, r.requested_at, r.owner_id, p.email AS owner, p.deleted_at
         FROM agent_requests r LEFT JOIN people p ON p.workspace_id = r.workspace_id AND p.id = r.owner_id
        WHERE r.workspace_id = $1 AND r.id = $2`,
      [who.workspaceId, id],
    );
    const [asked] = rows;
    if (asked === undefined) throw new Error(`the request ${id} is gone`);
    refuseOwnApproval(who, request, asked);
    const agent = await createAgentIn(transaction, who, ownedNow(request, asked), {
      requestId: id,
      requestedBy: request.requested_by,
      requestedAt: asked.requested_at,
      approvedAt: asked.at,
    });
    await answer(transaction, who, id, 'approved', reason, agent.id, asked.at);
    record({
      kind: 'agent.admitted',
      actor: who.actor,
      ...fieldsOf(request),
      agent_id: agent.id,
      person: who.person?.email,
      reason,
    });
    return readRequest(client, who.workspaceId, id);
  });
}

/** The request as of now; `owner` is the present address of who was known when it was asked for. */
interface Asked {
  readonly at: Date;
  readonly requested_at: Date;
  readonly owner_id: PersonId | null;
  readonly owner: string | null;
  readonly deleted_at: Date | null;
}

/** Throws `owner_gone`. */
function ownedNow({ wanted, name }: AgentRequest, { owner, deleted_at: deletedAt }: Asked): Wanted {
  if (owner === null) return wanted;
  if (deletedAt === null) return { ...wanted, owner };
  throw new Failure(
    409,
    'owner_gone',
    `Who was to own "${name}" is no more.`,
    'Deny the request, and have somebody ask for the agent with another owner.',
  );
}

function refuseOwnApproval(who: Administrator, request: AgentRequest, { owner_id: ownerId }: Asked): void {
  const { person } = who;
  if (person === undefined) throw personRequired('lets in');
  if (isRequester(who, request)) throw approverIsRequester(request);
  if (person.id === ownerId || person.email === request.owner)
    throw new Failure(
      403,
      'approver_is_owner',
      `"${request.name}" is to be yours.`,
      'Have somebody else look at it: an owner lets no agent of their own in.',
    );
}

function isRequester({ person, actor, credentialId }: Administrator, request: AgentRequest): boolean {
  return (
    (person !== undefined && person.id === request.requestedById) ||
    actor === request.requested_by ||
    credentialId === request.credentialId
  );
}

function approverIsRequester({ name }: AgentRequest): Failure {
  return new Failure(
    403,
    'approver_is_requester',
    `You asked for "${name}" yourself.`,
    'Have somebody else look at it, or withdraw it.',
  );
}

function personRequired(does: string): Failure {
  return new Failure(
    403,
    'person_required',
    `A person ${does} an agent, and this key belongs to none.`,
    'Use a key of your own: hivekey key create NAME --person E-MAIL.',
  );
}

/** Throws `agent_request_not_found`, `agent_request_<status>`, `approver_is_requester`. */
export function denyRequest(log: ActionLog, who: Administrator, id: string, reason: string): Promise<AgentRequest> {
  return end(log, who, id, 'denied', reason);
}

/** By who asked, or an administrator. Throws as `denyRequest`, and `role_missing`. */
export function withdrawRequest(log: ActionLog, who: Administrator, id: string, reason: string): Promise<AgentRequest> {
  return end(log, who, id, 'withdrawn', reason);
}

function end(
  log: ActionLog,
  who: Administrator,
  id: string,
  status: 'denied' | 'withdrawn',
  reason: string,
): Promise<AgentRequest> {
  return log.transact(who.workspaceId, async (transaction) => {
    const request = await waiting(transaction, who, id);
    if (status === 'denied' && isRequester(who, request)) throw approverIsRequester(request);
    if (status === 'withdrawn' && request.requested_by !== who.actor && !who.roles.includes('admin'))
      throw new Failure(
        403,
        'role_missing',
        `"${request.name}" was asked for by ${request.requested_by}.`,
        'They withdraw it, or an administrator; a reviewer denies it.',
      );
    await answer(transaction, who, id, status, reason);
    transaction.log({ kind: 'agent.refused', actor: who.actor, ...fieldsOf(request), status, reason });
    return readRequest(transaction.client, who.workspaceId, id);
  });
}

async function waiting(
  { client }: LoggedTransaction,
  { workspaceId }: Administrator,
  id: string,
): Promise<AgentRequest> {
  const request = await readRequest(client, workspaceId, id);
  if (request.status === 'requested') return request;
  throw new Failure(
    409,
    `agent_request_${request.status}`,
    `The request ${id} is ${request.status}.`,
    'Ask for the agent anew.',
  );
}

async function answer(
  { client }: LoggedTransaction,
  { workspaceId, actor, person }: Pick<Administrator, 'workspaceId' | 'actor' | 'person'>,
  id: string,
  status: 'approved' | 'denied' | 'withdrawn' | 'expired',
  reason: string,
  agentId?: string,
  at?: Date,
): Promise<void> {
  await client.query(
    `UPDATE agent_requests SET status = $3, decided_by = $4, decided_by_id = $5, decision_reason = $6, agent_id = $7,
            decided_at = coalesce($8::timestamptz, greatest(requested_at, clock_timestamp()))
      WHERE workspace_id = $1 AND id = $2 AND status = 'requested'`,
    [workspaceId, id, status, actor, person?.id ?? null, reason, agentId ?? null, at ?? null],
  );
}

/** The directory that asked for it wants it no more. Nothing for one that was answered. */
export async function withdrawIn(transaction: LoggedTransaction, who: Requester, id: string): Promise<void> {
  const request = await readRequest(transaction.client, who.workspaceId, id);
  if (request.status !== 'requested') return;
  await answer(transaction, who, id, 'withdrawn', '');
  transaction.log({
    kind: 'agent.refused',
    actor: who.actor,
    ...fieldsOf(request),
    status: 'withdrawn',
    reason: '',
  });
}

/** No answer is a no. */
export async function expireRequest(transaction: LoggedTransaction, who: Requester, id: string): Promise<void> {
  const request = await readRequest(transaction.client, who.workspaceId, id);
  if (request.status !== 'expired' || request.isMarked) return;
  await answer(transaction, who, id, 'expired', '');
  transaction.log({ kind: 'agent.refused', actor: who.actor, ...fieldsOf(request), status: 'expired', reason: '' });
}
