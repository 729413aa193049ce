/** Alerts and incidents, as the SDK has them. */
import type { Alert } from '@hivekey/sdk';

export type {
  Alert,
  AlertCase,
  AlertDetail,
  AlertSettings,
  AlertSummary,
  Incident,
  IncidentDetail,
  IncidentFollowUp,
  IncidentTimeline,
} from '@hivekey/sdk';

/** From the least. */
export const SEVERITIES = [
  'informational',
  'low',
  'medium',
  'high',
  'critical',
] as const satisfies readonly Alert['severity'][];
export type Severity = (typeof SEVERITIES)[number];
