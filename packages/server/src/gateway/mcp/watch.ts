/** Watching a resource for a stream: an action like reading it, decided and recorded before the upstream hears of it. */
import { mayBegin } from '../../path/index.ts';
import { type Caller, type Gateway, protocolVersionOf } from './caller.ts';
import { outcomeOf, settle } from './outcome.ts';
import { type Resolved, resolve } from './resolve.ts';
import { isError, readTarget } from './target.ts';

/** True when the upstream will report updates of `uri` under `affinity`. */
export async function watch(gateway: Gateway, caller: Caller, affinity: string, uri: string): Promise<boolean> {
  const params = { uri };
  const target = readTarget('resources/subscribe', params, caller.era);
  if (target === undefined || isError(target)) return false;
  let resolved: Resolved | undefined;
  const permit = await gateway.path.authorize(caller.token, caller.principal, async (principal) => {
    resolved = await resolve(gateway, caller, principal, target, {});
    // A watch cannot wait for people.
    const { resumption: _, ...action } = resolved.action;
    return action;
  });
  if (permit.kind !== 'permit') return false;
  const server = resolved?.server;
  if (server === undefined || !mayBegin(permit)) {
    settle(gateway, permit, { result: 'not_attempted', errorCode: 'aborted_by_stop' });
    return false;
  }
  const startedAt = performance.now();
  const answer = await gateway.upstreams.request({
    workspaceId: permit.principal.workspaceId,
    server,
    method: target.method,
    params,
    affinity,
    clientCapabilities: {},
    protocolVersion: protocolVersionOf(caller),
    signal: permit.signal,
  });
  settle(gateway, permit, outcomeOf(answer, permit, performance.now() - startedAt));
  return answer.kind === 'result';
}
