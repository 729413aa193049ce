import type { ControlTest } from '../control-test.ts';
import { boundsOf, LEAVING, sweepMissing } from './bounds.ts';

/** What leaves is bounded: for each agent and unit that leaves there is a number ($4: agent, unit and what is known of it). */
export const AG_18: ControlTest = {
  id: 'AG-18',
  sources: ['sweeps'],
  values: async (scope) => [JSON.stringify((await boundsOf(scope)).filter(({ unit }) => LEAVING.includes(unit)))],
  query: `
SELECT b.agent_id || '/' || b.unit AS record_id, CASE WHEN b.kind <> 'bounded' THEN b.kind END AS kind,
       format('%s: %s in 24 hours %s', b.agent, b.unit, upper(b.kind)) AS sentence, '/agents/' || b.agent_id AS href
  FROM jsonb_to_recordset($4::jsonb) AS b (agent_id text, agent text, unit text, kind text)`,
  missing: sweepMissing,
};
