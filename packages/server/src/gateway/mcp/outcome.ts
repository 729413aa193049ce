/** How a forwarded request ended, for the record. */
import type { Outcome, Permit } from '../../path/index.ts';
import type { UpstreamAnswer } from '../../upstreams/index.ts';
import type { Gateway } from './caller.ts';

/** `stopped`: an operator ended the call. `upstreamMs`: from the first byte out. */
export function outcomeOf(answer: UpstreamAnswer, stopped: boolean, upstreamMs: number): Outcome {
  switch (answer.kind) {
    case 'result': {
      const { bytesIn, httpStatus, result } = answer;
      const upstream = httpStatus === undefined ? {} : { upstreamCode: httpStatus };
      if (result.isError !== true) return { result: 'success', ...upstream, upstreamMs, bytesIn };
      return { result: 'error', errorCode: 'tool_error', ...upstream, upstreamMs, bytesIn };
    }
    case 'error':
      return {
        result: 'error',
        errorCode: 'upstream_error',
        upstreamCode: answer.error.code,
        upstreamMs,
        bytesIn: answer.bytesIn,
      };
    case 'failed': {
      const errorCode = answer.code !== 'aborted' ? answer.code : stopped ? 'aborted_by_stop' : 'aborted_by_client';
      // A request that may have reached the upstream may have taken effect there.
      return answer.began ? { result: 'unknown', errorCode, upstreamMs } : { result: 'not_attempted', errorCode };
    }
  }
}

/** Ends a permit. The record is retried until it is durable; nobody waits for that. */
export function settle(gateway: Gateway, permit: Permit, outcome: Outcome): void {
  gateway.path.settle(permit, outcome).catch((error: unknown) => {
    gateway.logger.error({ err: error, event_id: permit.eventId }, 'an outcome could not be recorded');
  });
}
