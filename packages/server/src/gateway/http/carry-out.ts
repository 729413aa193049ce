/** From the permit on: forward, relay, record how it ended. Every way it can end settles the permit exactly once. */
import type { ServerResponse } from 'node:http';
import type { JsonObject } from '@hivekey/policy';
import type { Approvals } from '../../approvals/index.ts';
import type { ApiEnd, HttpApis } from '../../http-apis/index.ts';
import type { Logger } from '../../observability/index.ts';
import { type ActionPath, mayBegin, type Outcome, type Permit } from '../../path/index.ts';
import { StopController } from '../../stop-signal.ts';
import { AnswerStream } from './answer-stream.ts';
import { answerFailed } from './answers.ts';
import { traceparentOf } from './headers.ts';
import type { HttpRequest } from './request.ts';
import type { Resolved } from './resolve.ts';

export interface Gateway {
  readonly path: ActionPath;
  readonly httpApis: HttpApis;
  readonly approvals: Approvals;
  readonly logger: Logger;
}

/** `approvalId`: the approval that the permit consumed. Then the call goes on without its client, and its answer is kept. */
export async function carryOut(
  { path, httpApis, approvals, logger }: Gateway,
  res: ServerResponse,
  request: HttpRequest,
  permit: Permit,
  resolved: Resolved | undefined,
  approvalId?: string,
): Promise<void> {
  const { workspaceId } = permit.principal;
  const end = (outcome: Outcome, kept?: JsonObject): void => {
    path.settle(permit, outcome).catch((error: unknown) => {
      logger.error({ err: error, event_id: permit.eventId }, 'an outcome could not be recorded');
    });
    if (approvalId !== undefined) void approvals.finish(workspaceId, approvalId, outcome, kept);
  };
  const call = resolved?.action === permit.action ? resolved.call : undefined;
  if (call === undefined || request.body === undefined) {
    end({ result: 'not_attempted', errorCode: 'upstream_unreachable' });
    answerFailed(res, { code: 'upstream_unreachable', began: false }, permit.eventId);
    return;
  }
  const { api, operation, read } = call;
  const { settings, namespace } = api.stored;
  const base = new URL(settings.endpoint);
  const answer = new AnswerStream(
    res,
    {
      namespace,
      base: base.pathname.replace(/\/+$/, ''),
      url: new URL(base.origin + base.pathname.replace(/\/+$/, '') + read.target),
      isScrubbed: settings.credentialRef !== undefined,
      isHead: operation.method === 'HEAD',
      eventId: permit.eventId,
    },
    approvalId !== undefined || permit.settlement !== undefined || permit.reference !== undefined,
  );
  const stop = new StopController();
  const onStop = (): void => stop.abort();
  permit.signal.addEventListener('abort', onStop, { once: true });
  const onGone = (): void => {
    if (!res.writableFinished) stop.abort();
  };
  if (approvalId === undefined) res.on('close', onGone);
  if (permit.signal.aborted || (approvalId === undefined && res.destroyed)) stop.abort();
  const traceparent = traceparentOf({ traceparent: request.headers.get('traceparent')?.[0] });
  const startedAt = performance.now();
  let ended: ApiEnd;
  try {
    ended = await httpApis.send(
      api,
      {
        method: operation.method,
        target: read.target,
        headers: [
          ...request.passed,
          ...read.headers,
          ...(traceparent === undefined ? [] : [['traceparent', traceparent] as const]),
        ],
        contentType: read.contentType,
        body: request.body,
        signal: stop,
        begin: () => mayBegin(permit),
      },
      answer,
    );
  } catch (error) {
    // Whatever broke, the call may have been sent.
    end({ result: 'unknown', errorCode: 'gateway_error' });
    res.destroy();
    throw error;
  } finally {
    permit.signal.removeEventListener('abort', onStop);
    res.off('close', onGone);
  }
  // Its time to begin was over before a connection was there.
  if (ended.kind === 'failed' && ended.code === 'aborted' && !stop.aborted)
    ended = { ...ended, code: 'upstream_timeout' };
  end(outcomeOf(ended, permit, answer, performance.now() - startedAt), keptOf(ended, answer, permit.eventId));
  if (ended.kind === 'ended') answer.end();
  else if (res.headersSent) answer.break();
  else answerFailed(res, ended, permit.eventId);
}

function outcomeOf(
  ended: ApiEnd,
  { signal, settlement, reference }: Permit,
  answer: AnswerStream,
  upstreamMs: number,
): Outcome {
  const { bytesIn } = ended;
  if (ended.kind === 'ended') {
    const isError = ended.status >= 400;
    const content = settlement === undefined && reference === undefined ? undefined : answer.json();
    const spent = settlement?.({ isError, content });
    const toolReference = reference?.({ isError, content });
    return {
      result: isError ? 'error' : 'success',
      ...(isError ? { errorCode: 'upstream_error' } : {}),
      upstreamCode: ended.status,
      upstreamMs,
      bytesIn,
      ...(spent === undefined || Object.keys(spent).length === 0 ? {} : { spent }),
      ...(toolReference === undefined ? {} : { toolReference }),
    };
  }
  const errorCode = ended.code !== 'aborted' ? ended.code : signal.aborted ? 'aborted_by_stop' : 'aborted_by_client';
  if (!ended.began) return { result: 'not_attempted', errorCode };
  const seen = ended.status === undefined ? {} : { upstreamCode: ended.status, bytesIn };
  // It may have taken effect there, whatever part of the answer came.
  return { result: 'unknown', errorCode, upstreamMs, ...seen };
}

function keptOf(ended: ApiEnd, answer: AnswerStream, eventId: string): JsonObject | undefined {
  const kept = ended.kind === 'ended' ? answer.kept() : undefined;
  if (kept === undefined) return undefined;
  return { event_id: eventId, status: kept.status, headers: [...kept.headers], body: kept.body.toString('base64') };
}

/** Gives again what was kept of the call that ran; false when it cannot be read. */
export function replay(res: ServerResponse, kept: unknown): boolean {
  if (typeof kept !== 'object' || kept === null || res.headersSent || res.destroyed) return false;
  if (!('status' in kept && 'headers' in kept && 'body' in kept)) return false;
  const { status, headers, body } = kept;
  if (typeof status !== 'number' || !Array.isArray(headers) || typeof body !== 'string') return false;
  res.writeHead(status, headers.map(String));
  res.end(res.req.method === 'HEAD' ? undefined : Buffer.from(body, 'base64'));
  return true;
}
