import type { ControlTest } from '../control-test.ts';

/**
 * Nothing is allowed by default. A sweep asks the production decision function about every capability for every set of roles; a
 * call that no role reaches (`never`) and that was let through all the same is what this control is about. Of many differences only
 * the first are kept: then it cannot be ruled out.
 */
export const AG_03: ControlTest = {
  id: 'AG-03',
  sources: ['sweeps'],
  query: `
SELECT c.id AS record_id,
       CASE WHEN EXISTS (SELECT FROM jsonb_array_elements(c.differing) d
                          WHERE d ->> 'computed' = 'never' AND d ->> 'asked' <> 'never')
              OR c.differences > jsonb_array_length(c.differing) THEN 'allowed_without_grant' END AS kind,
       format('%s calls were asked about; %s answers were not as the roles say', c.inputs, c.differences) AS sentence,
       '/blast-radius' AS href
  FROM blast_radius_certificates c WHERE c.workspace_id = $1 AND c.made_at >= $2 AND c.made_at < $3`,
  missing: (_scope, population) => (population > 0 ? null : 'No sweep was made in the period.'),
};
