import type { ControlTest } from '../control-test.ts';

/** No conflicting duties in one hand: an agent that wore two roles of a set at once while nobody had accepted it. */
export const AG_04: ControlTest = {
  id: 'AG-04',
  sources: ['segregation'],
  query: `
WITH worn AS (
  SELECT s.id AS set_id, s.name, h.agent_id, h.role,
         tstzrange(greatest(h.granted_at, s.created_at, $2::timestamptz), least(coalesce(h.removed_at, 'infinity'), coalesce(s.ended_at, 'infinity'), $3::timestamptz)) AS at
    FROM segregation_sets s JOIN agent_role_history h ON h.workspace_id = s.workspace_id AND h.role = ANY(s.roles)
   WHERE s.workspace_id = $1 AND s.created_at < $3 AND (s.ended_at IS NULL OR s.ended_at > $2)
     AND h.granted_at < $3 AND (h.removed_at IS NULL OR h.removed_at > greatest($2, s.created_at))
     AND greatest(h.granted_at, s.created_at, $2::timestamptz) < least(coalesce(h.removed_at, 'infinity'), coalesce(s.ended_at, 'infinity'), $3::timestamptz)),
hit AS (
  SELECT a.set_id, a.agent_id, range_agg(a.at * b.at) AS at, string_agg(DISTINCT a.role, ', ') AS roles
    FROM worn a JOIN worn b ON b.set_id = a.set_id AND b.agent_id = a.agent_id AND b.role <> a.role AND a.at && b.at
   GROUP BY a.set_id, a.agent_id),
accepted AS (
  SELECT set_id, agent_id, range_agg(tstzrange(accepted_at, least(until, coalesce(ended_at, until)))) AS at
    FROM segregation_acceptances WHERE workspace_id = $1 GROUP BY set_id, agent_id)
SELECT w.agent_id || '/' || w.set_id AS record_id,
       CASE WHEN h.at IS NOT NULL AND NOT coalesce(c.at @> h.at, false) THEN 'conflict' END AS kind,
       format('%s wears %s, which %s keeps apart', g.handle, h.roles, w.name) AS sentence,
       '/agents/' || w.agent_id AS href
  FROM (SELECT DISTINCT set_id, name, agent_id FROM worn) w
  JOIN agents g ON g.workspace_id = $1 AND g.id = w.agent_id AND g.rehearsal_id IS NULL
  LEFT JOIN hit h ON h.set_id = w.set_id AND h.agent_id = w.agent_id
  LEFT JOIN accepted c ON c.set_id = w.set_id AND c.agent_id = w.agent_id`,
  missing: (_scope, population) =>
    population > 0 ? null : 'No agent wears a role of a set of conflicting duties: nothing was tested.',
};
