import type { ControlTest, TestScope } from '../control-test.ts';
import { CYCLES } from '../parameters.ts';

const DAYS_A_MONTH = 30.44;
const DAY_MS = 86_400_000;

/** Access is reviewed each cycle, by nobody about themselves, and what is taken away is gone in time. */
export const AG_05: ControlTest = {
  id: 'AG-05',
  sources: ['reviews'],
  query: `
WITH decided AS (
  SELECT d.campaign_id, d.item, bool_or(i.barred ? d.person_id) AS own
    FROM review_decisions d
    JOIN review_items i ON i.workspace_id = d.workspace_id AND i.campaign_id = d.campaign_id AND i.number = d.item
   WHERE d.workspace_id = $1 AND d.submitted_at IS NOT NULL AND d.superseded_at IS NULL GROUP BY 1, 2),
remedied AS (
  SELECT campaign_id, item,
         bool_or(coalesce(verified_at, excepted_at) IS NULL AND due_at < $3) AS open,
         bool_or(verified_at > due_at AND excepted_at IS NULL) AS late
    FROM review_remediations WHERE workspace_id = $1 GROUP BY 1, 2)
SELECT i.id AS record_id,
       CASE WHEN d.own THEN 'self_review'
            WHEN i.decided_at IS NULL THEN 'undecided'
            WHEN i.decided_at > c.due_at THEN 'decided_late'
            WHEN r.open THEN 'not_remediated'
            WHEN r.late THEN 'remediated_late' END AS kind,
       format('%s: due %s, decided %s', i.title, utc_text(c.due_at), utc_text(i.decided_at)) AS sentence,
       '/reviews/' || c.id AS href
  FROM review_campaigns c
  JOIN review_items i ON i.workspace_id = c.workspace_id AND i.campaign_id = c.id
  LEFT JOIN decided d ON d.campaign_id = i.campaign_id AND d.item = i.number
  LEFT JOIN remedied r ON r.campaign_id = i.campaign_id AND r.item = i.number
 WHERE c.workspace_id = $1 AND c.status <> 'voided' AND c.due_at >= $2 AND c.due_at < $3`,
  missing: reviewsMissing,
};

/** Of events: reviews of one thing, which are no cycle. */
async function reviewsMissing({ client, workspaceId, from, to, parameters }: TestScope): Promise<string | null> {
  const { reviewCycle } = parameters;
  if (reviewCycle === null) return 'Nobody has said in what cycle access is reviewed.';
  const { rows } = await client.query<{ held: number }>(
    `SELECT count(*)::int AS held FROM review_campaigns
      WHERE workspace_id = $1 AND kind <> 'event' AND status <> 'voided' AND due_at >= $2 AND due_at < $3`,
    [workspaceId, from, to],
  );
  const held = rows[0]?.held ?? 0;
  const days = (Date.parse(to) - Date.parse(from)) / DAY_MS;
  const due = Math.max(1, Math.round(days / (CYCLES[reviewCycle] * DAYS_A_MONTH)));
  return held >= due ? null : `${held} of ${due} reviews that were due in the period were held.`;
}
