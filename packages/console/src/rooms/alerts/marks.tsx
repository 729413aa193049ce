import { IconAlertTriangle, IconFlame, IconInfoCircle } from '@tabler/icons-react';
import type { Alert, Severity } from '../../api/alert-types.ts';
import { Mark, StatusMark } from '../../ui/Verdict.tsx';

const SEVERITIES = {
  critical: { tone: 'deny', icon: IconFlame },
  high: { tone: 'deny', icon: IconAlertTriangle },
  medium: { tone: 'review', icon: IconAlertTriangle },
  low: { tone: 'neutral', icon: IconInfoCircle },
  informational: { tone: 'neutral', icon: IconInfoCircle },
} as const;

export function SeverityMark({ severity }: { readonly severity: Severity }) {
  const { tone, icon } = SEVERITIES[severity];
  return (
    <Mark tone={tone} icon={icon}>
      {severity}
    </Mark>
  );
}

/** Where an alert stands, and what was not done in time. */
export function AlertMark({ alert: { status, overdue, disposition } }: { readonly alert: Alert }) {
  if (overdue !== null) return <StatusMark status="overdue" />;
  if (disposition === null) return <StatusMark status={status} />;
  return <Mark tone={disposition === 'true_positive' ? 'deny' : 'neutral'}>{DISPOSITIONS[disposition]}</Mark>;
}

export const DISPOSITIONS = {
  true_positive: 'true positive',
  benign: 'benign',
  false_positive: 'false positive',
  test: 'test',
  duplicate: 'duplicate',
} as const;
