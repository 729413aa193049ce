import { readAgent } from '../../agents/index.ts';
import type { ApiContext } from '../../api/route.ts';
import { makeShadow, rehearseWith } from '../../drills/index.ts';
import { Failure } from '../../errors.ts';
import { maskRecord } from '../masks.ts';
import type { Button, Press } from './step.ts';

/** No capability is called that, so that no role grants it. */
const NEVER_GRANTED = 'hivekey.walkthrough.never-granted';

/**
 * A shadow of the agent asks, on the path of agents, for what none of its roles grants. Then the kill switch is pressed on it,
 * as it is on every shadow, so that nothing of it is left. Throws `agent_required`, `agent_not_found`, `agent_<status>`.
 */
export const deniedCall: Button = async (context, press) => {
  const { workspaceId, actor } = press;
  const name = agentOf(press);
  const shadow = await context.log.transact(workspaceId, async (transaction) => {
    const agent = await readAgent(transaction.client, workspaceId, name);
    if (agent.status !== 'active')
      throw new Failure(
        409,
        `agent_${agent.status}`,
        `The agent "${agent.name}" is ${agent.status}: it is denied everything.`,
        'Choose an active agent.',
      );
    return makeShadow(transaction, { workspaceId, actor, nodeId: context.nodeId }, agent, context.keys.pepper);
  });
  try {
    const token = shadow.token.reveal();
    const principal = await context.path.authenticate(token, { tool: NEVER_GRANTED, entrance: 'actions' });
    if ('kind' in principal) return notShown(`The shadow was not let in: ${principal.code}.`);
    const capability = await otherCapability(context, press, principal.roles);
    const asked = await context.path.authorize(token, principal, async () => ({
      entrance: 'actions' as const,
      capability,
      tool: capability,
      known: true,
      arguments: {},
      argumentsJson: '{}',
      runId: shadow.rehearsalId,
      receivedAtMs: context.clock(),
    }));
    if (asked.kind === 'permit') await context.path.settle(asked, { result: 'not_attempted' });
    if (asked.kind !== 'refused') return notShown(`The call came to ${asked.kind}, and not to a denial.`);
    await context.log.catchUp(workspaceId);
    const found = await context.log.find(workspaceId, asked.eventId);
    return {
      shown: asked.decision.verdict === 'deny' && found !== undefined,
      said: `${capability} was denied: ${asked.decision.reason}. The record is entry ${found?.event.seq ?? 'not found'}.`,
      facts: {
        capability,
        agent: name,
        roles: [...principal.roles],
        verdict: asked.decision.verdict,
        reason: asked.decision.reason,
        policy: asked.decision.policyHash,
        event_id: asked.eventId,
        seq: found?.event.seq ?? null,
        entry_hash: found?.event.entry_hash ?? null,
        record: found === undefined ? null : maskRecord(found.event.record),
      },
    };
  } finally {
    await rehearseWith(context, press, shadow);
  }
};

/** What somebody else may do and this agent may not, by name; else what nobody may. */
async function otherCapability(context: ApiContext, { workspaceId }: Press, roles: readonly string[]): Promise<string> {
  const policy = await context.path.policy(workspaceId);
  const granted = policy.granted(roles);
  const { rows } = await context.pool.query<{ name: string }>(
    'SELECT name FROM capabilities WHERE workspace_id = $1 ORDER BY name COLLATE "C"',
    [workspaceId],
  );
  return rows.find(({ name }) => !granted.has(name))?.name ?? NEVER_GRANTED;
}

function notShown(said: string) {
  return { shown: false, said, facts: {} };
}

/** Throws `agent_required`. */
export function agentOf({ agent }: Press): string {
  if (agent !== undefined) return agent;
  throw new Failure(422, 'agent_required', 'This step is about an agent.', 'Name one in `agent`, by handle or id.');
}
