/** Complete HTTP answers that are not the outcome of a method: refusals at the door, and plain acknowledgements. */
import type { ServerResponse } from 'node:http';
import type { Unauthenticated, Unavailable } from '../../path/index.ts';
import { CODE, errorMessage, type RequestId, type RpcError } from './wire.ts';

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

const CREDENTIAL_WORDS: Readonly<Record<Unauthenticated['code'], string>> = {
  token_missing: 'An agent token is required.',
  token_invalid: 'The agent token is not valid.',
  token_expired: 'The agent token has expired.',
  token_revoked: 'The agent token was revoked.',
  agent_revoked: 'The agent is revoked.',
  agent_suspended: 'The agent is suspended.',
  agent_expired: 'The time of the agent is over.',
  workspace_stopped: 'The workspace is stopped.',
};

/** Never 404: that would tell a client to open another session. */
export function answerUnauthenticated(res: ServerResponse, code: Unauthenticated['code'], id?: RequestId): void {
  const words = CREDENTIAL_WORDS[code];
  // RFC 6750 section 3.1: no error code for a request that shows no credential.
  const challenge =
    code === 'token_missing'
      ? 'Bearer realm="hivekey"'
      : `Bearer realm="hivekey", error="invalid_token", error_description="${words}"`;
  const remedy = 'Send "Authorization: Bearer <agent token>" with a live token; the agent\'s owner can issue one.';
  // The body of a stranger is not waited for.
  const headers = ['www-authenticate', challenge, 'connection', 'close'];
  answerError(res, 401, { code: CODE.unauthenticated, message: words, data: { code, remedy } }, id, headers);
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
