import { type ControlTest, missingInQuarters } from '../control-test.ts';

const REHEARSED = `
SELECT EXISTS (SELECT FROM rehearsals WHERE workspace_id = $1 AND status = 'passed' AND ended_at >= $2 AND ended_at < $3) AS found`;

/** Incidents are decided upon, each within the time that alerts of its severity may stay open ($4: severity → minutes). */
export const AG_17: ControlTest = {
  id: 'AG-17',
  sources: ['log'],
  values: ({ parameters: { due } }) => [
    JSON.stringify(Object.fromEntries(Object.entries(due).map(([severity, times]) => [severity, times.close_minutes]))),
  ],
  query: `
SELECT i.id AS record_id,
       CASE WHEN i.closed_at IS NOT NULL AND i.decision IS NULL THEN 'closed_without_decision'
            WHEN i.opened_at + make_interval(mins => ($4::jsonb ->> i.severity)::int) < coalesce(i.decided_at, $3) THEN 'decided_late' END AS kind,
       format('%s (%s), opened %s, decided %s', i.title, i.severity, utc_text(i.opened_at), utc_text(i.decided_at)) AS sentence,
       '/incidents/' || i.id AS href
  FROM incidents i WHERE i.workspace_id = $1 AND NOT i.synthetic AND i.opened_at >= $2 AND i.opened_at < $3`,
  missing: (scope) => missingInQuarters(scope, 'rehearsal that passed', REHEARSED),
};
