/** What NATS and JetStream say, as the shipper is told. */
import { JetStreamApiError } from '@nats-io/jetstream';
import { errors } from '@nats-io/transport-node';
import { connectionProblem, type Unsettled } from '../socket/problems.ts';

/** JSStreamMessageExceedsMaximumErr of nats-server: the stream's own `max_msg_size`. */
const MESSAGE_TOO_LARGE = 10_054;
/** JSStreamStoreFailedF, JSStreamLimitsErr, JSInsufficientResourcesErr, JSStorageResourcesExceededErr: full, for now. */
const FULL: ReadonlySet<number> = new Set([10_077, 10_053, 10_023, 10_047]);

/** That one event will never be taken. */
export function isRefusedForGood(error: unknown): boolean {
  return error instanceof JetStreamApiError && error.code === MESSAGE_TOO_LARGE;
}

export function natsProblem(error: unknown): Unsettled {
  // What a connection or a request fails with is wrapped, more or less deep.
  for (let each = error; each instanceof Error; each = each.cause) {
    const problem = said(each) ?? connectionProblem(each);
    if (problem.code !== 'receiver_unreachable') return problem;
  }
  return connectionProblem(error);
}

function said(error: Error): Unsettled | undefined {
  if (error instanceof errors.AuthorizationError || error instanceof errors.UserAuthenticationExpiredError)
    return { kind: 'hold', code: 'credential_refused', why: 'the server refuses our credentials' };
  if (error instanceof errors.PermissionViolationError)
    return { kind: 'hold', code: 'receiver_refuses', why: 'the server does not let us do that' };
  if (error instanceof JetStreamApiError)
    return FULL.has(error.code)
      ? { kind: 'retry', code: 'receiver_full', why: `the stream takes no more (${error.code})` }
      : { kind: 'retry', code: 'receiver_busy', why: `the stream answered ${error.code}` };
  if (error instanceof errors.TimeoutError)
    return { kind: 'retry', code: 'receiver_timeout', why: 'the server did not answer in time' };
  if (error.message === "server does not support 'tls'")
    return { kind: 'hold', code: 'tls_refused', why: 'the server has no TLS' };
  return undefined;
}
