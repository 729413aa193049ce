/** What S3 says, as the shipper is told: the names of its errors, never its texts. */
import { codeOf, connectionProblem, STOPPED, type Unsettled } from '../socket/problems.ts';

const CREDENTIAL: ReadonlySet<string> = new Set([
  'AccessDenied',
  'AccountProblem',
  'AuthorizationHeaderMalformed',
  'CredentialsProviderError',
  'ExpiredToken',
  'InvalidAccessKeyId',
  'InvalidToken',
  'SignatureDoesNotMatch',
  'TokenRefreshRequired',
]);
/** Refused this time: the bytes did not arrive whole, or others were at it. What else is refused stays refused. */
const AGAIN: ReadonlySet<string> = new Set([
  'BadDigest',
  'ConditionalRequestConflict',
  'IncompleteBody',
  'OperationAborted',
  'RequestTimeout',
  'RequestTimeTooSkewed',
  'SlowDown',
  'TooManyRequests',
  'XAmzContentChecksumMismatch',
  'XAmzContentSHA256Mismatch',
]);

export function s3Problem(error: unknown, isStopped: boolean): Unsettled {
  if (isStopped) return STOPPED;
  const name = error instanceof Error ? error.name : 'unknown';
  const status = statusOf(error);
  // The client calls a connection that was cut by that name, too; then there is a code.
  if (name === 'TimeoutError' && codeOf(error) === name)
    return { kind: 'retry', code: 'receiver_timeout', why: 'the store did not answer in time' };
  if (CREDENTIAL.has(name))
    return { kind: 'hold', code: 'credential_refused', why: `the store refuses our credentials (${shown(name)})` };
  if (status === undefined) return connectionProblem(error);
  const why = `the store answered ${status} (${shown(name)})`;
  if (AGAIN.has(name) || status === 429 || (status >= 500 && status !== 501))
    return { kind: 'retry', code: 'receiver_busy', why };
  return { kind: 'hold', code: status === 401 || status === 403 ? 'credential_refused' : 'receiver_refuses', why };
}

/** An object of that name is there: `If-None-Match: *` of RFC 9110, 13.1.2. */
export function isThere(error: unknown): boolean {
  return statusOf(error) === 412;
}

export function isForbidden(error: unknown): boolean {
  return statusOf(error) === 403;
}

function statusOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('$metadata' in error)) return undefined;
  const { $metadata: metadata } = error;
  if (typeof metadata !== 'object' || metadata === null || !('httpStatusCode' in metadata)) return undefined;
  return typeof metadata.httpStatusCode === 'number' ? metadata.httpStatusCode : undefined;
}

function shown(name: string): string {
  return /^[A-Za-z0-9.]{1,80}$/.test(name) ? name : codeOf(undefined);
}
