import {
  IconBan,
  IconCheck,
  IconCircleDashed,
  IconHandStop,
  IconHourglass,
  IconPlayerPause,
  IconQuestionMark,
  IconX,
} from '@tabler/icons-react';
import type { ComponentType } from 'react';
import { verdictLabel } from './format.ts';
import classes from './ui.module.css';

type Tone = 'allow' | 'deny' | 'review' | 'neutral';

/** A state in words, with a shape of its own: never told apart by colour alone. */
export function Mark({
  tone,
  icon: Icon,
  children,
}: {
  readonly tone: Tone;
  readonly icon?: ComponentType<{ size?: number; stroke?: number; 'aria-hidden'?: boolean }>;
  readonly children: string;
}) {
  return (
    <span className={classes.mark} data-tone={tone}>
      {Icon === undefined ? null : <Icon size={12} stroke={2.4} aria-hidden />}
      {children}
    </span>
  );
}

const VERDICTS = { allow: IconCheck, deny: IconX, review: IconHandStop } as const;

/** `allow`, `deny · cap`, `deny · guard`, `deny · scope`, `review · guard`, … */
export function VerdictMark({
  verdict,
  reasonClass,
}: {
  readonly verdict: 'allow' | 'deny' | 'review';
  readonly reasonClass?: string | undefined;
}) {
  return (
    <Mark tone={verdict} icon={VERDICTS[verdict]}>
      {verdictLabel(verdict, reasonClass)}
    </Mark>
  );
}

const STATES: Readonly<Record<string, { readonly tone: Tone; readonly icon: typeof IconCheck }>> = {
  active: { tone: 'allow', icon: IconCheck },
  live: { tone: 'allow', icon: IconCheck },
  ok: { tone: 'allow', icon: IconCheck },
  success: { tone: 'allow', icon: IconCheck },
  suspended: { tone: 'review', icon: IconPlayerPause },
  new: { tone: 'review', icon: IconCircleDashed },
  changed: { tone: 'review', icon: IconCircleDashed },
  unknown: { tone: 'review', icon: IconQuestionMark },
  'in flight': { tone: 'neutral', icon: IconHourglass },
  revoked: { tone: 'deny', icon: IconBan },
  stopped: { tone: 'deny', icon: IconBan },
  error: { tone: 'deny', icon: IconX },
  failing: { tone: 'deny', icon: IconX },
  expired: { tone: 'neutral', icon: IconHourglass },
  off: { tone: 'neutral', icon: IconBan },
  disabled: { tone: 'neutral', icon: IconBan },
  gone: { tone: 'neutral', icon: IconX },
  waiting: { tone: 'review', icon: IconHandStop },
  approved: { tone: 'allow', icon: IconCheck },
  running: { tone: 'neutral', icon: IconHourglass },
  finished: { tone: 'allow', icon: IconCheck },
  denied: { tone: 'deny', icon: IconX },
  cancelled: { tone: 'neutral', icon: IconX },
  'reads only': { tone: 'review', icon: IconPlayerPause },
  'on trial': { tone: 'review', icon: IconHourglass },
  refused: { tone: 'allow', icon: IconCheck },
  passed: { tone: 'allow', icon: IconCheck },
  failed: { tone: 'deny', icon: IconX },
  overdue: { tone: 'deny', icon: IconHourglass },
  tripped: { tone: 'deny', icon: IconBan },
  closed: { tone: 'allow', icon: IconCheck },
  cleared: { tone: 'neutral', icon: IconCheck },
  staged: { tone: 'review', icon: IconHourglass },
  current: { tone: 'allow', icon: IconCheck },
  previous: { tone: 'neutral', icon: IconHourglass },
  retired: { tone: 'neutral', icon: IconBan },
  retiring: { tone: 'review', icon: IconHourglass },
  removed: { tone: 'neutral', icon: IconX },
  lifted: { tone: 'neutral', icon: IconCheck },
};

/** Status of an agent, token, server, definition, approval or outcome. */
export function StatusMark({ status }: { readonly status: string }) {
  const { tone, icon } = STATES[status] ?? { tone: 'neutral' as const, icon: IconCircleDashed };
  return (
    <Mark tone={tone} icon={icon}>
      {status}
    </Mark>
  );
}
