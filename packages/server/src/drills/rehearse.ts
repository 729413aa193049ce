/**
 * Presses the kill switch on a shadow of an agent, through the path that agents take, and measures: a call in flight, a
 * session, a caller at every entrance who tries until refused, then every tool. Nothing is sent to any upstream.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { CompiledPolicy } from '@hivekey/policy';
import { type Agent, readAgent } from '../agents/index.ts';
import type { ApiContext } from '../api/route.ts';
import { type ContainmentView, orderStop } from '../containment/index.ts';
import { Failure } from '../errors.ts';
import type { WorkspaceId } from '../ids.ts';
import type { Action, Entrance, Permit, Principal } from '../path/index.ts';
import { nothingMeasured, type Rehearsal, type RehearsalResult, readRehearsal } from './rehearsal.ts';
import { endRehearsal, makeShadow, type Occasion, type Shadow } from './shadow.ts';

export type RehearseContext = Pick<ApiContext, 'pool' | 'log' | 'path' | 'nodeId' | 'clock' | 'logger' | 'keys'>;

const ENTRANCES: readonly Entrance[] = ['mcp', 'http', 'actions', 'authzen'];
/** A caller who is let in for longer than this after the order will not be refused any more. */
const TRY_FOR_MS = 15_000;
/** Between two tries at an entrance: its first refusal is measured no finer than this. */
const TRY_EVERY_MS = 2;
/** Each attempt is on the log. */
const MAX_TOOLS = 500;
const TOOL = 'hivekey.rehearsal';

/** Throws `agent_not_found`, `agent_suspended`, `agent_revoked`. */
export async function rehearse(
  context: RehearseContext,
  who: Pick<Occasion, 'workspaceId' | 'actor'>,
  agentOrId: string,
): Promise<Rehearsal> {
  const { workspaceId } = who;
  const shadow = await context.log.transact(workspaceId, async (transaction) => {
    const agent = await readAgent(transaction.client, workspaceId, agentOrId);
    if (agent.status !== 'active') throw notActive(agent);
    return makeShadow(transaction, { ...who, nodeId: context.nodeId }, agent, context.keys.pepper);
  });
  return rehearseWith(context, who, shadow);
}

/** With a shadow that was made: measures, and keeps the result whatever happens. */
export async function rehearseWith(
  context: RehearseContext,
  who: Pick<Occasion, 'workspaceId' | 'actor'>,
  shadow: Shadow,
): Promise<Rehearsal> {
  const { workspaceId } = who;
  let result: RehearsalResult;
  try {
    result = await measure(context, who, shadow);
  } catch (error) {
    context.logger.warn({ err: error, rehearsal: shadow.rehearsalId }, 'a rehearsal broke off');
    result = nothingMeasured(error instanceof Failure ? error.code : 'rehearsal_broke_off');
  }
  await endRehearsal(context.log, who, shadow.rehearsalId, result.failure === null, result);
  return readRehearsal(context.pool, workspaceId, shadow.rehearsalId);
}

async function measure(
  context: RehearseContext,
  who: Pick<Occasion, 'workspaceId' | 'actor'>,
  shadow: Shadow,
): Promise<RehearsalResult> {
  const { path } = context;
  const { workspaceId } = who;
  const principal = await path.authenticate(shadow.token.reveal(), { tool: TOOL, entrance: 'actions' });
  if ('kind' in principal) return nothingMeasured(`shadow_${principal.code}`);
  const policy = await path.policy(workspaceId);
  const granted = [...policy.granted(principal.roles)].sort().slice(0, MAX_TOOLS);
  const before = await verdictsBefore(context, principal, shadow, granted);
  const permit = await openCall(context, principal, shadow, policy, granted);

  const started = performance.now();
  const since = (): number => Math.round((performance.now() - started) * 100) / 100;
  let abortedMs: number | null = null;
  let closedMs: number | null = null;
  const forget = path.onStop(workspaceId, shadow.agentId, () => {
    closedMs ??= since();
  });
  const settled = permit && settleWhenAborted(context, permit, () => (abortedMs ??= since()));
  try {
    const callers = ENTRANCES.map((entrance) => tryUntilRefused(context, workspaceId, shadow, entrance, since));
    const stop = await orderStop(context, who, {
      scope: 'agent',
      target: shadow.agentId,
      reason: `rehearsal ${shadow.rehearsalId}`,
      rehearsalId: shadow.rehearsalId,
    });
    const entrances = await Promise.all(callers);
    const tools = await Promise.all(
      granted.map(async (capability) => ({
        capability,
        before: before.get(capability) ?? null,
        ...(await tryOnce(context, workspaceId, shadow, 'actions', capability, since)),
      })),
    );
    return judge(shadow, {
      ...timesOf(stop),
      call_aborted_ms: abortedMs,
      session_closed_ms: closedMs,
      entrances,
      tools,
      call: permit === undefined ? null : { event_id: permit.eventId, capability: permit.action.capability },
    });
  } finally {
    forget();
    if (permit !== undefined && !permit.signal.aborted) await path.settle(permit, { result: 'not_attempted' });
    await settled;
  }
}

function timesOf({ id, receipt: { ordered_at, committed_at, first_refusal_ms } }: ContainmentView) {
  return {
    containment: id,
    ordered_at,
    commit_ms: committed_at === null ? null : Date.parse(committed_at) - Date.parse(ordered_at),
    first_refusal_ms,
  };
}

/** Passed: everything was refused, and the slowest of it within the target. */
function judge({ targetMs }: Shadow, measured: Omit<RehearsalResult, 'failure' | 'slowest_ms'>): RehearsalResult {
  const {
    first_refusal_ms: refusal,
    call,
    call_aborted_ms: aborted,
    session_closed_ms: closed,
    entrances,
    tools,
  } = measured;
  const times = [refusal, closed, ...(call === null ? [] : [aborted]), ...entrances.map(({ ms }) => ms)];
  const known = times.filter((ms) => ms !== null);
  const slowest = known.length === 0 ? null : Math.max(...known);
  const failure =
    refusal === null
      ? 'refusal_not_seen'
      : [...entrances, ...tools].some(({ refused }) => !refused)
        ? 'not_refused'
        : known.length < times.length
          ? 'not_cut'
          : slowest !== null && slowest > targetMs
            ? 'too_slow'
            : null;
  return { ...measured, slowest_ms: slowest, failure };
}

function actionOf(context: RehearseContext, { rehearsalId }: Shadow, capability: string): Action {
  return {
    entrance: 'actions',
    capability,
    tool: capability,
    known: true,
    arguments: {},
    argumentsJson: '{}',
    runId: rehearsalId,
    receivedAtMs: context.clock(),
  };
}

async function verdictsBefore(
  context: RehearseContext,
  principal: Principal,
  shadow: Shadow,
  granted: readonly string[],
): Promise<ReadonlyMap<string, 'allow' | 'deny' | 'review'>> {
  const verdicts = new Map<string, 'allow' | 'deny' | 'review'>();
  for (const capability of granted) {
    const decision = await context.path.dryRun(principal, actionOf(context, shadow, capability));
    if (!('kind' in decision)) verdicts.set(capability, decision.verdict);
  }
  return verdicts;
}

/** A recorded call that waits to begin. Only of a tool that counts against no budget, which others may share, and uses up nothing. */
async function openCall(
  context: RehearseContext,
  principal: Principal,
  shadow: Shadow,
  policy: CompiledPolicy,
  granted: readonly string[],
): Promise<Permit | undefined> {
  const { workspaceId, agentId, ownerId, roles } = principal;
  const free = granted.find((capability) => {
    const asked = { workspaceId, agentId, ownerId, roles, capability, arguments: {} };
    const { verdict, demands, charges } = policy.evaluate(asked, {});
    return verdict === 'allow' && demands.length === 0 && charges.length === 0;
  });
  if (free === undefined) return undefined;
  const authorization = await context.path.authorize(shadow.token.reveal(), principal, async () =>
    actionOf(context, shadow, free),
  );
  return authorization.kind === 'permit' ? authorization : undefined;
}

function settleWhenAborted({ path }: RehearseContext, permit: Permit, aborted: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    permit.signal.addEventListener(
      'abort',
      () => {
        aborted();
        path.settle(permit, { result: 'not_attempted', errorCode: 'aborted_by_stop' }).then(resolve, reject);
      },
      { once: true },
    );
  });
}

interface Attempted {
  readonly refused: boolean;
  readonly code: string | null;
  readonly ms: number | null;
}

async function tryOnce(
  { path }: RehearseContext,
  workspaceId: WorkspaceId,
  shadow: Shadow,
  entrance: Entrance,
  tool: string,
  since: () => number,
): Promise<Attempted> {
  const attempt = { tool, entrance };
  const answer = await (entrance === 'authzen'
    ? path.principalOf({ workspaceId, keyId: shadow.rehearsalId }, shadow.agentId, attempt)
    : path.authenticate(shadow.token.reveal(), attempt));
  const ms = since();
  if (answer === undefined) return { refused: true, code: 'agent_unknown', ms };
  return 'kind' in answer ? { refused: true, code: answer.code, ms } : { refused: false, code: null, ms: null };
}

/** As an agent that goes on and on: what is let in is not recorded, the refusal is. */
async function tryUntilRefused(
  context: RehearseContext,
  workspaceId: WorkspaceId,
  shadow: Shadow,
  entrance: Entrance,
  since: () => number,
): Promise<Attempted & { readonly entrance: Entrance }> {
  for (;;) {
    const attempted = await tryOnce(context, workspaceId, shadow, entrance, TOOL, since);
    if (attempted.refused || since() > TRY_FOR_MS) return { entrance, ...attempted };
    await sleep(TRY_EVERY_MS);
  }
}

function notActive({ name, status }: Agent): Failure {
  return new Failure(
    409,
    `agent_${status}`,
    `The agent "${name}" is ${status}: there is nothing to rehearse.`,
    'Choose an active agent.',
  );
}
