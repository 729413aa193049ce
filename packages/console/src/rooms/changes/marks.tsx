import { IconAlertTriangle, IconCheck, IconCircleDashed, IconClock, IconHandStop, IconX } from '@tabler/icons-react';
import type { ChangeRisk, ChangeStatus, ChangeSummary } from '../../api/change-types.ts';
import { Mark } from '../../ui/Verdict.tsx';
import { STATUS_WORDS } from './words.ts';

const MARKS: Readonly<Record<ChangeStatus, { tone: 'allow' | 'deny' | 'review' | 'neutral'; icon: typeof IconCheck }>> =
  {
    draft: { tone: 'neutral', icon: IconCircleDashed },
    submitted: { tone: 'review', icon: IconHandStop },
    approved: { tone: 'allow', icon: IconCheck },
    scheduled: { tone: 'allow', icon: IconClock },
    activated: { tone: 'allow', icon: IconCheck },
    rejected: { tone: 'deny', icon: IconX },
    withdrawn: { tone: 'neutral', icon: IconX },
    stale: { tone: 'neutral', icon: IconCircleDashed },
    expired: { tone: 'neutral', icon: IconClock },
    rolled_back: { tone: 'neutral', icon: IconCircleDashed },
  };

export function ChangeMark({ change }: { readonly change: Pick<ChangeSummary, 'status' | 'emergency_review'> }) {
  const { status, emergency_review } = change;
  if (emergency_review === 'overdue')
    return (
      <Mark tone="deny" icon={IconAlertTriangle}>
        review overdue
      </Mark>
    );
  if (emergency_review === 'due')
    return (
      <Mark tone="review" icon={IconHandStop}>
        review due
      </Mark>
    );
  return <Mark {...MARKS[status]}>{STATUS_WORDS[status]}</Mark>;
}

const RISKS: Readonly<Record<ChangeRisk, 'allow' | 'neutral' | 'review' | 'deny'>> = {
  low: 'neutral',
  medium: 'neutral',
  high: 'review',
  critical: 'deny',
};

export function RiskMark({ risk }: { readonly risk: ChangeRisk | null }) {
  return risk === null ? <span className="muted">—</span> : <Mark tone={RISKS[risk]}>{risk}</Mark>;
}
