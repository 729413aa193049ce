/**
 * The way in: body, credential and message of a POST, in an order that tells nothing to a stranger. A
 * body is read and parsed before the token is looked up only so that a dead token's attempt can be
 * recorded with what it tried.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Principal } from '../../path/index.ts';
import { presentationOf, readAuthorization } from '../credentials.ts';
import { readBody } from '../read-body.ts';
import { DEFAULT_JSON_LIMITS, parseStrictJson, type StrictJsonRefusal } from '../strict-json.ts';
import { answerError, answerHttpProblem, answerUnauthenticated, answerUnavailable, resourceOf } from './answers.ts';
import { isJsonContentType } from './body.ts';
import type { Gateway } from './caller.ts';
import { type Message, readMessage } from './message.ts';
import { isGovernedModern } from './modern.ts';
import { recordedName } from './target.ts';
import { CODE } from './wire.ts';

const CLOSE: readonly string[] = ['connection', 'close'];
/** Refusals of the parser that are about syntax; the others are about a document that is JSON but not acceptable. */
const SYNTAX: ReadonlySet<StrictJsonRefusal['code']> = new Set([
  'json_syntax',
  'json_invalid_utf8',
  'json_byte_order_mark',
  'json_lone_surrogate',
]);
/** The size of the body has been limited while reading it. */
const JSON_LIMITS = { ...DEFAULT_JSON_LIMITS, maxBytes: Number.MAX_SAFE_INTEGER };

export type Credentials = { readonly token: string; readonly principal: Principal };
export type Admitted = Credentials & { readonly message: Exclude<Message, { kind: 'invalid' }> };

function refuseStranger({ settings }: Gateway, { headers }: IncomingMessage, res: ServerResponse): void {
  const code = headers.authorization === undefined ? 'token_missing' : 'token_invalid';
  answerUnauthenticated(res, { kind: 'unauthenticated', code }, settings.url);
}

/** The holder of the request's token, or undefined after a 401 or 503. */
export async function authenticate(
  gateway: Gateway,
  req: IncomingMessage,
  res: ServerResponse,
  attempted: string,
  willRecord: boolean,
): Promise<Credentials | undefined> {
  const authorization = readAuthorization(req.headers.authorization);
  if (authorization === undefined) {
    refuseStranger(gateway, req, res);
    return undefined;
  }
  const source = req.socket.remoteAddress;
  const { token } = authorization;
  const presented = presentationOf(authorization, req, req.headers.dpop, resourceOf(req.url));
  const attempt = { tool: recordedName(attempted), willRecord, presented };
  const principal = await gateway.path.authenticate(
    token,
    source === undefined ? attempt : { ...attempt, sourceAddress: source },
  );
  if (!('kind' in principal)) return { token, principal };
  if (principal.kind === 'unauthenticated') answerUnauthenticated(res, principal, gateway.settings.url);
  else answerUnavailable(res, principal.code);
  return undefined;
}

/** A well-formed message of a live agent, or undefined after the request has been refused. */
export async function admit(
  gateway: Gateway,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<Admitted | undefined> {
  if (readAuthorization(req.headers.authorization) === undefined) {
    refuseStranger(gateway, req, res);
    req.resume();
    return undefined;
  }
  const encoding = req.headers['content-encoding'];
  if (!isJsonContentType(req.headers['content-type']) || (encoding !== undefined && encoding !== 'identity')) {
    answerHttpProblem(res, 415, 'Unsupported Media Type: Content-Type must be application/json, not encoded', CLOSE);
    return undefined;
  }
  const limit = gateway.settings.maxBodyBytes;
  const body = await readBody(req, limit);
  if (body === 'gone') return undefined;
  if (body === 'too_large') {
    answerHttpProblem(res, 413, `Payload Too Large: the body must not exceed ${limit} bytes`, CLOSE);
    return undefined;
  }
  const parsed = parseStrictJson(body, JSON_LIMITS);
  const message = parsed.ok ? readMessage(parsed.value) : undefined;
  const { attempted, willRecord } = attemptOf(message);
  const credentials = await authenticate(gateway, req, res, attempted, willRecord);
  if (credentials === undefined) return undefined;
  if (!parsed.ok) {
    refuseDocument(res, parsed);
    return undefined;
  }
  if (message === undefined || message.kind === 'invalid') {
    if (message !== undefined) answerError(res, 400, message.error, message.id);
    return undefined;
  }
  return { ...credentials, message };
}

function attemptOf(message: Message | undefined): { readonly attempted: string; readonly willRecord: boolean } {
  if (message === undefined || message.kind === 'invalid' || message.kind === 'response')
    return { attempted: 'mcp', willRecord: false };
  const { method, params } = message;
  const named = typeof params.name === 'string' ? params.name : params.uri;
  return {
    attempted: typeof named === 'string' ? named : method,
    willRecord: message.kind === 'request' && isGovernedModern(method),
  };
}

function refuseDocument(res: ServerResponse, { code, cause, remedy, offset }: StrictJsonRefusal): void {
  const data = offset === undefined ? { code, remedy } : { code, remedy, offset };
  if (SYNTAX.has(code)) answerError(res, 400, { code: CODE.parseError, message: `Parse error: ${cause}`, data });
  else answerError(res, 400, { code: CODE.invalidRequest, message: `Invalid Request: ${cause}`, data });
}
