/** Complete HTTP answers that are not the outcome of a method: refusals at the door, and plain acknowledgements. */
import type { ServerResponse } from 'node:http';
import type { Unauthenticated, Unavailable } from '../../path/index.ts';
import { CREDENTIAL_WORDS, challengeOf, statusOf } from '../credentials.ts';
import { CODE, errorMessage, type RequestId, type RpcError } from './wire.ts';

const RESOURCE = /^\/mcp(?:\/[A-Za-z0-9][A-Za-z0-9_-]{0,63}(?=\?|$))?/;

export function answerJson(
  res: ServerResponse,
  status: number,
  body: string | Buffer,
  headers: readonly string[] = [],
): void {
  if (res.headersSent || res.destroyed) return;
  const length = typeof body === 'string' ? Buffer.byteLength(body) : body.length;
  res.writeHead(status, ['content-type', 'application/json', 'content-length', String(length), ...headers]);
  res.end(body);
}

export function answerError(
  res: ServerResponse,
  status: number,
  error: RpcError,
  id?: RequestId,
  headers: readonly string[] = [],
): void {
  answerJson(res, status, errorMessage(id, error), headers);
}

export function answerEmpty(res: ServerResponse, status: number, headers: readonly string[] = []): void {
  if (res.headersSent || res.destroyed) return;
  res.writeHead(status, ['content-length', '0', ...headers]);
  res.end();
}

/** The protected resource of a request: `/mcp`, or that of one server. */
export function resourceOf(url = ''): string {
  return RESOURCE.exec(url)?.[0] ?? '/mcp';
}

/** Never 404: that would tell a client to open another session. */
export function answerUnauthenticated(
  res: ServerResponse,
  refusal: Unauthenticated,
  url: string | undefined,
  id?: RequestId,
): void {
  const { code } = refusal;
  const remedy = 'Send "Authorization: Bearer <agent token>" with a live token; the agent\'s owner can issue one.';
  // The body of a stranger is not waited for.
  const headers = [...challengeOf(refusal, url, resourceOf(res.req?.url)), 'connection', 'close'];
  answerError(
    res,
    statusOf(code),
    { code: CODE.unauthenticated, message: CREDENTIAL_WORDS[code], data: { code, remedy } },
    id,
    headers,
  );
}

/** The action could not be decided or recorded, so it was not carried out. */
export function answerUnavailable(res: ServerResponse, code: Unavailable['code'], id?: RequestId): void {
  const error = {
    code: CODE.unavailable,
    message: 'The request could not be decided and recorded. Nothing was forwarded; try again shortly.',
    data: { code },
  };
  answerError(res, 503, error, id, ['retry-after', '1']);
}

export function answerTooMany(res: ServerResponse, what: string, id?: RequestId): void {
  const error = { code: CODE.tooManyRequests, message: `Too many ${what}. Nothing was forwarded; try again shortly.` };
  answerError(res, 429, error, id, ['retry-after', '1']);
}

export function answerHttpProblem(
  res: ServerResponse,
  status: number,
  message: string,
  headers: readonly string[] = [],
): void {
  answerError(res, status, { code: CODE.httpRequest, message }, undefined, headers);
}
