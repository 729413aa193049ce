/** What has no bound in a day, as of the end of the period; and whether a sweep has shown that the numbers are right. */
import type { TestScope } from '../control-test.ts';

/** Units that leave: read out of what is held, or sent to somebody. */
export const LEAVING: readonly string[] = ['records_read', 'messages', 'recipients'];
const JUDGED = { horizon: '24h', line: 'alone' };

export interface Bound {
  readonly agent_id: string;
  readonly agent: string;
  readonly unit: string;
  readonly kind: 'bounded' | 'unbounded' | 'unknown';
}

/** Of each agent and unit, alone and within a day. */
export async function boundsOf({ fleet }: Pick<TestScope, 'fleet'>): Promise<readonly Bound[]> {
  return (await fleet()).flatMap(({ radius, agents }) =>
    radius.cells
      .filter(({ horizon, line }) => horizon === JUDGED.horizon && line === JUDGED.line)
      .flatMap(({ unit, amount }) =>
        agents.map(({ id, name }) => ({ agent_id: id, agent: name, unit, kind: amount.kind })),
      ),
  );
}

/** A sweep in the period, of the policy that was in force at its end. */
export async function sweepMissing({ client, workspaceId, from, to }: TestScope): Promise<string | null> {
  const { rows } = await client.query<{ swept: boolean }>(
    `SELECT EXISTS (SELECT FROM blast_radius_certificates c
                     WHERE c.workspace_id = $1 AND c.made_at >= $2 AND c.made_at < $3
                       AND c.policy_hash = (SELECT r.policy_hash FROM policy_revisions r
                                             WHERE r.workspace_id = $1 AND r.created_at < $3 ORDER BY r.revision DESC LIMIT 1)) AS swept`,
    [workspaceId, from, to],
  );
  return rows[0]?.swept === true
    ? null
    : 'No sweep of the policy that was in force at the end of the period was made in it.';
}
