/** A held action of an agent's own tool: waits, is released, or is told what became of it. */
import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import type { ApiContext } from '../../api/route.ts';
import { approvalLink, type CallApproval } from '../../approvals/index.ts';
import { Failure } from '../../errors.ts';
import type { ApprovalStatus, ApprovalTicket, Authorization, Permit } from '../../path/index.ts';

/** Longest wait for people before the caller is told to come back: its own patience may be 30 s. */
const MAX_WAIT_MS = 25_000;
export const RETRY_AFTER_SECONDS = 5;
/** Times that an approval may have been taken on its way, by another node or repeat. */
const MAX_MOVES = 5;

const statuses = [
  'pending',
  'approved',
  'released',
  'finished',
  'unknown',
  'denied',
  'expired',
  'cancelled',
  'stopped',
] as const satisfies readonly ApprovalStatus[];

export const ticketSchema = z
  .object({ id: z.string(), status: z.enum(statuses), expires_at: z.int(), url: z.string(), console_url: z.string() })
  .meta({ id: 'ApprovalTicket' });

export const agentApprovalSchema = ticketSchema
  .extend({
    object: z.literal('action_approval'),
    action: z.string(),
    reason: z.string().nullable(),
    outcome: z.enum(['success', 'error', 'unknown', 'not_attempted']).nullable(),
  })
  .meta({ id: 'ActionApproval' });

function urlOf(id: string): string {
  return `/v1/actions/approvals/${id}`;
}

/** `url`: where the agent looks what became of it; `console_url`: where people decide. `origin` is the server's. */
export function ticketView({ id, status, expiresAtMs }: ApprovalTicket, origin: string): z.output<typeof ticketSchema> {
  const expiresAt = Math.floor(expiresAtMs / 1000);
  return { id, status, expires_at: expiresAt, url: urlOf(id), console_url: approvalLink(origin, id) };
}

export function agentApprovalView(approval: CallApproval, origin: string): z.output<typeof agentApprovalSchema> {
  return {
    ...ticketView(approval, origin),
    object: 'action_approval',
    action: approval.capability,
    reason: approval.reason,
    outcome: approval.outcome,
  };
}

/** RFC 7240: `respond-async` waits for nobody, `wait=5` at most that many seconds. */
export function patienceOf({ headers: { prefer } }: { readonly headers: IncomingHttpHeaders }): number {
  const preferences = String(prefer ?? '')
    .split(',')
    .map((each) => each.trim().toLowerCase());
  if (preferences.includes('respond-async')) return 0;
  const wait = preferences.map((each) => /^wait=(\d{1,4})$/.exec(each)?.[1]).find((each) => each !== undefined);
  return wait === undefined ? MAX_WAIT_MS : Math.min(MAX_WAIT_MS, Number(wait) * 1000);
}

/** How a held action came out, as far as it did. */
export type Settled =
  | { readonly kind: 'undecided'; readonly approval: ApprovalTicket }
  | { readonly kind: 'permit'; readonly permit: Permit; readonly approval: ApprovalTicket }
  /** It was released before, and this is what its caller was told. */
  | { readonly kind: 'collected'; readonly answer: unknown }
  | { readonly kind: 'over'; readonly approval: CallApproval }
  | { readonly kind: 'answered'; readonly authorization: Exclude<Authorization, Permit> }
  /** The caller is gone; nothing was released for it. */
  | { readonly kind: 'gone' };

/** `resume` decides again and consumes the approval, from the stored request. */
export async function settleHeld(
  { approvals }: Pick<ApiContext, 'approvals'>,
  principal: Permit['principal'],
  ticket: ApprovalTicket,
  patienceMs: number,
  signal: AbortSignal,
  resume: (approval: CallApproval) => Promise<Authorization | { readonly kind: 'moved' }>,
): Promise<Settled> {
  const { workspaceId, agentId } = principal;
  const untilMs = performance.now() + patienceMs;
  for (let moves = 0; moves < MAX_MOVES; moves += 1) {
    let approval = await approvals.wait(workspaceId, agentId, ticket.id, ['pending'], untilMs, signal);
    if (approval?.status === 'released' && !approval.hasResult)
      approval = await approvals.wait(workspaceId, agentId, ticket.id, ['released'], untilMs, signal);
    if (approval === undefined) throw new Error(`the approval ${ticket.id} is gone`);
    if (signal.aborted) return { kind: 'gone' };
    if (approval.hasResult) return { kind: 'collected', answer: approval.result() };
    if (approval.status === 'pending' || approval.status === 'released') return { kind: 'undecided', approval };
    if (approval.status !== 'approved') return { kind: 'over', approval };
    const authorization = await resume(approval);
    if (authorization.kind === 'permit') return { kind: 'permit', permit: authorization, approval };
    if (authorization.kind !== 'moved') return { kind: 'answered', authorization };
  }
  throw new Error(`the approval ${ticket.id} is released and not released`);
}

/** Aborts when the caller goes away. */
export function goneSignal(raw: ServerResponse): AbortSignal {
  const gone = new AbortController();
  raw.on('close', () => {
    if (!raw.writableFinished) gone.abort();
  });
  return gone.signal;
}

export function undecided(reply: FastifyReply, { id }: ApprovalTicket): void {
  reply.code(202).header('location', urlOf(id)).header('retry-after', String(RETRY_AFTER_SECONDS));
}

/** Why an approval came to nothing. */
export function overFailure({ id, status, reason, deniedBy, outcome }: CallApproval): Failure {
  const why = reason === null ? '' : `: ${reason.replace(/\.$/, '')}`;
  const again = 'Ask again to have it decided anew.';
  switch (status) {
    case 'denied':
      return new Failure(
        403,
        'approval_denied',
        `${deniedBy ?? 'A person'} denied ${id}${why}.`,
        'Do not repeat it; ask the owner of the agent.',
      );
    case 'expired':
      return new Failure(403, 'approval_expired', `Nobody approved ${id} in time.`, again);
    case 'cancelled':
      return new Failure(403, 'approval_cancelled', `The approval ${id} was cancelled${why}.`, again);
    case 'stopped':
      return new Failure(403, 'approval_stopped', `${id} was approved, and then stopped${why}.`, again);
    default:
      return new Failure(
        403,
        'approval_used',
        `${id} was used, with the outcome ${outcome ?? 'unknown'}; what its caller was told was not kept.`,
        'Check what became of the action before asking anew.',
      );
  }
}

export function approvalNotFound(id: string): Failure {
  return new Failure(
    404,
    'approval_not_found',
    `This agent has no approval ${id}.`,
    'Use approval.id of the answer to POST /v1/actions.',
  );
}
