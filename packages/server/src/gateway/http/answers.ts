/** What HiveKey itself answers: problems (RFC 9457) with a stable code, and what would make the request pass. */
import type { ServerResponse } from 'node:http';
import type { Decision } from '@hivekey/policy';
import type { CallApproval } from '../../approvals/index.ts';
import { Failure } from '../../errors.ts';
import type { FailureCode } from '../../http-apis/index.ts';
import type { ApprovalTicket, Refusal, Unauthenticated, Unavailable } from '../../path/index.ts';
import {
  overFailure,
  RETRY_AFTER_SECONDS,
  refusalFailure,
  ticketView,
  unauthenticated,
  unavailable,
} from '../actions/index.ts';
import { challengeOf } from '../credentials.ts';
import { SCHEMA_RULE } from './resolve.ts';

const TITLES: Readonly<Record<number, string>> = {
  202: 'Waiting for people',
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Refused',
  404: 'Not Found',
  413: 'Content Too Large',
  415: 'Unsupported Media Type',
  429: 'Too Many Requests',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
};

/** Once, and only while nothing else has been answered. */
export function answerProblem(
  res: ServerResponse,
  { status, code, message, remedy }: Failure,
  more: Readonly<Record<string, unknown>> = {},
  headers: readonly string[] = [],
): void {
  if (res.headersSent || res.destroyed) return;
  const title = TITLES[status] ?? 'Problem';
  const body = Buffer.from(
    JSON.stringify({ type: `urn:hivekey:problem:${code}`, title, status, detail: message, code, remedy, ...more }),
  );
  res.writeHead(status, [
    ...['content-type', 'application/problem+json', 'content-length', String(body.length)],
    ...['cache-control', 'no-store', ...headers],
  ]);
  res.end(res.req.method === 'HEAD' ? undefined : body);
}

/** Hidden and absent: the same bytes, whatever was asked for. */
function answerUnknown(res: ServerResponse, headers: readonly string[]): void {
  const failure = new Failure(
    404,
    'operation_unknown',
    'This agent has no such operation.',
    'GET /http/<namespace> lists what it may call; the owner of the agent can have more granted.',
  );
  answerProblem(res, failure, {}, headers);
}

export function answerUnauthenticated(res: ServerResponse, refusal: Unauthenticated, url: string): void {
  const failure = unauthenticated(refusal.code);
  answerProblem(res, failure, {}, [...challengeOf(refusal, url, '/http'), 'connection', 'close']);
}

export function answerUnavailable(res: ServerResponse, code: Unavailable['code']): void {
  answerProblem(res, unavailable(code), {}, ['retry-after', '1']);
}

function decisionFields(decision: Decision): Readonly<Record<string, unknown>> {
  return {
    reason_class: decision.reasonClass,
    rule: decision.rule ?? null,
    remaining: decision.remaining ?? null,
    remaining_unit: decision.remainingUnit ?? null,
    retry_after_seconds: decision.retryAfterSeconds ?? null,
  };
}

export function answerRefused(res: ServerResponse, { decision, eventId }: Refusal, headers: readonly string[]): void {
  if (decision.reasonClass === 'scope') {
    answerUnknown(res, headers);
    return;
  }
  const more = { event_id: eventId, ...decisionFields(decision) };
  if (decision.rule === SCHEMA_RULE) {
    const failure = new Failure(
      400,
      'arguments_invalid',
      `${decision.reason}.`,
      'Correct the request and send it again.',
    );
    answerProblem(res, failure, more);
    return;
  }
  const seconds = decision.retryAfterSeconds;
  const retry = seconds === undefined ? [] : ['retry-after', String(Math.max(1, Math.ceil(seconds)))];
  answerProblem(res, refusalFailure(decision), more, retry);
}

/** Not decided yet: the same request again attaches to the approval. */
export function answerHeld(
  res: ServerResponse,
  ticket: ApprovalTicket,
  eventId: string,
  decision: Decision,
  origin: string,
): void {
  const approval = ticketView(ticket, origin);
  const failure = new Failure(
    202,
    'approval_pending',
    `The request waits for people: ${decision.reason.replace(/\.$/, '')}.`,
    'Send the same request again; it is carried out once it is approved. Nothing was sent to the API.',
  );
  const more = { event_id: eventId, ...decisionFields(decision), approval };
  answerProblem(res, failure, more, ['location', approval.url, 'retry-after', String(RETRY_AFTER_SECONDS)]);
}

export function answerOver(res: ServerResponse, approval: CallApproval, eventId: string, origin: string): void {
  answerProblem(res, overFailure(approval), { event_id: eventId, approval: ticketView(approval, origin) });
}

const FAILURES: Readonly<Record<Exclude<FailureCode, 'aborted'>, readonly [status: number, cause: string]>> = {
  upstream_unreachable: [502, 'The API could not be reached, or broke the connection off.'],
  upstream_timeout: [504, 'The API did not answer in time.'],
  upstream_protocol_error: [502, 'The API answered with something that is not passed on.'],
  upstream_too_large: [502, 'The answer of the API is larger than allowed.'],
  credential_unavailable: [502, 'The credential for the API is not there.'],
  address_refused: [502, 'The address of the API is not one that HiveKey connects to.'],
};

/** No answer of the API. `began`: it may have acted all the same. */
export function answerFailed(
  res: ServerResponse,
  { code, began }: { readonly code: FailureCode; readonly began: boolean },
  eventId: string,
): void {
  const fate = began ? 'The API may have acted; check before repeating it.' : 'Nothing was sent; it can be repeated.';
  const failure =
    code === 'aborted'
      ? new Failure(403, 'action_stopped', 'An operator stopped this.', `${fate} Ask the owner of the agent.`)
      : new Failure(FAILURES[code][0], code, FAILURES[code][1], fate);
  answerProblem(res, failure, { event_id: eventId, began });
}
