/** What brokers say, as the shipper is told. The client wraps errors in errors: the first one that says something counts. */
import { codeOf, connectionProblem, STOPPED } from '../socket/problems.ts';
import type { Delivery } from '../transport.ts';

type Unsettled = Extract<Delivery, { kind: 'retry' | 'hold' | 'split' }>;

/** By the protocol's own names. What is not here is tried again. */
const SAID: Readonly<Record<string, Unsettled>> = {
  MESSAGE_TOO_LARGE: { kind: 'split', code: 'too_large', why: 'the batch is larger than the topic takes' },
  RECORD_LIST_TOO_LARGE: { kind: 'split', code: 'too_large', why: 'the batch is larger than the broker takes' },
  INVALID_RECORD: { kind: 'split', code: 'event_refused', why: 'the broker refuses a record' },
  SASL_AUTHENTICATION_FAILED: { kind: 'hold', code: 'credential_refused', why: 'the broker refuses our credentials' },
  UNSUPPORTED_SASL_MECHANISM: { kind: 'hold', code: 'credential_refused', why: 'the broker has no such mechanism' },
  TOPIC_AUTHORIZATION_FAILED: { kind: 'hold', code: 'receiver_refuses', why: 'we may not write to the topic' },
  CLUSTER_AUTHORIZATION_FAILED: { kind: 'hold', code: 'receiver_refuses', why: 'we may not write to the cluster' },
  UNKNOWN_TOPIC_OR_PARTITION: { kind: 'hold', code: 'topic_missing', why: 'there is no such topic' },
  INVALID_TOPIC_EXCEPTION: { kind: 'hold', code: 'topic_missing', why: 'there can be no such topic' },
};

export function kafkaProblem(error: unknown, isStopped: boolean): Unsettled {
  if (isStopped) return STOPPED;
  const errors = [...errorsIn(error, 0)];
  for (const each of errors) {
    const said = 'apiId' in each && typeof each.apiId === 'string' ? SAID[each.apiId] : undefined;
    if (said !== undefined) return said;
  }
  for (const each of errors) {
    if (codeOf(each) === 'PLT_KFK_AUTHENTICATION')
      return { kind: 'hold', code: 'credential_refused', why: 'the broker refuses our credentials' };
    const problem = connectionProblem(each);
    if (problem.kind === 'hold') return problem;
  }
  const named = errors.find((each) => 'apiId' in each && typeof each.apiId === 'string');
  if (named !== undefined && 'apiId' in named)
    return { kind: 'retry', code: 'receiver_busy', why: `the broker answered ${String(named.apiId)}` };
  return connectionProblem(errors.at(-1));
}

const DEEPEST = 8;

function* errorsIn(error: unknown, depth: number): Generator<Error> {
  if (!(error instanceof Error) || depth > DEEPEST) return;
  yield error;
  if (error instanceof AggregateError) for (const each of error.errors) yield* errorsIn(each, depth + 1);
  yield* errorsIn(error.cause, depth + 1);
}
