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
/** The request will be refused until somebody changes bucket or settings. */
const SETTINGS: ReadonlySet<string> = new Set([
  'InvalidArgument',
  'InvalidBucketName',
  'InvalidRequest',
  'InvalidRetentionPeriod',
  'KMS.DisabledException',
  'KMS.NotFoundException',
  'MethodNotAllowed',
  'NoSuchBucket',
  'NotImplemented',
  'ObjectLockConfigurationNotFoundError',
  'PermanentRedirect',
]);

export function s3Problem(error: unknown, isStopped: boolean): Unsettled {
  if (isStopped) return STOPPED;
  const name = error instanceof Error ? error.name : 'unknown';
  const status = statusOf(error);
  if (CREDENTIAL.has(name) || status === 401 || status === 403)
    return { kind: 'hold', code: 'credential_refused', why: `the store refuses our credentials (${shown(name)})` };
  if (SETTINGS.has(name) || status === 301 || status === 404 || status === 501)
    return { kind: 'hold', code: 'receiver_refuses', why: `the store refuses the object (${shown(name)})` };
  // The client calls a connection that was cut by that name, too; then there is a code.
  if (name === 'TimeoutError' && codeOf(error) === name)
    return { kind: 'retry', code: 'receiver_timeout', why: 'the store did not answer in time' };
  if (status !== undefined)
    return { kind: 'retry', code: 'receiver_busy', why: `the store answered ${status} (${shown(name)})` };
  return connectionProblem(error);
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
