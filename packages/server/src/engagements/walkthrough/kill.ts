import { rehearse } from '../../drills/index.ts';
import { agentOf } from './denied-call.ts';
import type { Button } from './step.ts';

/** The rehearsal that the revoke screen has. Throws `agent_required`, `agent_not_found`, `agent_<status>`. */
export const kill: Button = async (context, press) => {
  const rehearsal = await rehearse(context, press, agentOf(press));
  const { result, status, target_ms: target } = rehearsal;
  const refused = result?.entrances.filter((each) => each.refused).length ?? 0;
  return {
    shown: status === 'passed',
    said:
      status === 'passed'
        ? `All entrances (${refused}) and tools (${result?.tools.length ?? 0}) refused within ${result?.slowest_ms} ms of the order; the target is ${target} ms.`
        : `The rehearsal did not pass: ${result?.failure ?? 'it was lost'}.`,
    facts: { rehearsal: rehearsal.id, status, target_ms: target, ...result },
  };
};
