/** How a forwarded request ended, for the record. */
import type { Outcome, Permit } from '../../path/index.ts';
import type { UpstreamAnswer } from '../../upstreams/index.ts';
import type { Gateway } from './caller.ts';

/** `upstreamMs`: from the first byte out. A stop that reached the permit ended the call. */
export function outcomeOf(
  answer: UpstreamAnswer,
  { signal, settlement, reference }: Permit,
  upstreamMs: number,
): Outcome {
  switch (answer.kind) {
    case 'result': {
      const { bytesIn, httpStatus, result } = answer;
      const isError = result.isError === true;
      const told = { isError, content: result.structuredContent };
      const spent = settlement?.(told);
      const toolReference = reference?.(told);
      const seen = {
        ...(httpStatus === undefined ? {} : { upstreamCode: httpStatus }),
        upstreamMs,
        bytesIn,
        ...spentOf(spent),
        ...(toolReference === undefined ? {} : { toolReference }),
      };
      return isError ? { result: 'error', errorCode: 'tool_error', ...seen } : { result: 'success', ...seen };
    }
    case 'error':
      return {
        result: 'error',
        errorCode: 'upstream_error',
        upstreamCode: answer.error.code,
        upstreamMs,
        bytesIn: answer.bytesIn,
        ...spentOf(settlement?.({ isError: true, content: undefined })),
      };
    case 'failed': {
      const errorCode =
        answer.code !== 'aborted' ? answer.code : signal.aborted ? 'aborted_by_stop' : 'aborted_by_client';
      // A request that may have reached the upstream may have taken effect there.
      return answer.began ? { result: 'unknown', errorCode, upstreamMs } : { result: 'not_attempted', errorCode };
    }
  }
}

function spentOf(spent: Outcome['spent']): Pick<Outcome, 'spent'> {
  return spent === undefined || Object.keys(spent).length === 0 ? {} : { spent };
}

/** Ends a permit. The record is retried until it is durable; nobody waits for that. */
export function settle(gateway: Gateway, permit: Permit, outcome: Outcome): void {
  gateway.path.settle(permit, outcome).catch((error: unknown) => {
    gateway.logger.error({ err: error, event_id: permit.eventId }, 'an outcome could not be recorded');
  });
}
