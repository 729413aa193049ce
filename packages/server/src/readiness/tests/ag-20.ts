import type { ControlTest } from '../control-test.ts';
import { boundsOf, sweepMissing } from './bounds.ts';

/**
 * Blast radius is bounded, or accepted by name ($4: agent, unit and what is known of it). A sweep whose answers are stricter than the
 * roles say is told here; one that lets through what no role grants is AG-03's.
 */
export const AG_20: ControlTest = {
  id: 'AG-20',
  sources: ['sweeps'],
  values: async (scope) => [JSON.stringify(await boundsOf(scope))],
  query: `
WITH open AS (
  SELECT b.agent_id, b.agent, string_agg(b.unit, ', ' ORDER BY b.unit) FILTER (WHERE b.kind <> 'bounded') AS units
    FROM jsonb_to_recordset($4::jsonb) AS b (agent_id text, agent text, unit text, kind text)
   GROUP BY b.agent_id, b.agent)
SELECT o.agent_id AS record_id,
       CASE WHEN o.units IS NOT NULL AND NOT EXISTS (
              SELECT FROM blast_radius_acceptances a
               WHERE a.workspace_id = $1 AND (a.subject_kind = 'workspace' OR a.subject_kind = 'agent' AND a.subject_id = o.agent_id)
                 AND a.accepted_at < $3 AND a.until >= $3 AND (a.ended_at IS NULL OR a.ended_at >= $3)
                 AND (a.exceeded_at IS NULL OR a.exceeded_at >= $3)) THEN 'unbounded' END AS kind,
       format('%s: without a number, and nobody has accepted it: %s', o.agent, o.units) AS sentence, '/agents/' || o.agent_id AS href
  FROM open o
UNION ALL
SELECT c.id, CASE WHEN EXISTS (SELECT FROM jsonb_array_elements(c.differing) d
                                WHERE d ->> 'computed' <> 'never' OR d ->> 'asked' = 'never') THEN 'numbers_differ' END,
       format('%s of %s cells differ from the decision function', c.differences, c.cells), '/blast-radius'
  FROM blast_radius_certificates c WHERE c.workspace_id = $1 AND c.made_at >= $2 AND c.made_at < $3`,
  missing: sweepMissing,
};
