import type { ControlTest } from '../control-test.ts';
import { logCoverageMissing } from './log-coverage.ts';

/** Every action has an owner. */
export const AG_15: ControlTest = {
  id: 'AG-15',
  sources: ['log'],
  query: `
SELECT event_id AS record_id, CASE WHEN coalesce(owner, '') = '' THEN 'no_owner' END AS kind,
       CASE WHEN coalesce(owner, '') = '' THEN format('%s by %s names nobody who answers for it', action, agent) END AS sentence, '/log?event=' || event_id AS href
  FROM actions WHERE workspace_id = $1 AND kind = 'tool.call' AND ts >= $2 AND ts < $3 AND NOT record ? 'synthetic'`,
  missing: logCoverageMissing,
};
