/** The five states in words. Unknown is never green. */
import type { ControlState } from '@hivekey/sdk';
import { IconCheck, IconCircleDashed, IconMinus, IconQuestionMark, IconX } from '@tabler/icons-react';
import { Mark } from '../../ui/Verdict.tsx';

export const STATES = {
  fail: { word: 'Fail', tone: 'deny', icon: IconX },
  not_enough_data: { word: 'Not enough data', tone: 'review', icon: IconQuestionMark },
  did_not_occur: { word: 'Did not occur', tone: 'neutral', icon: IconCircleDashed },
  pass: { word: 'Pass', tone: 'allow', icon: IconCheck },
  not_applicable: { word: 'Not applicable', tone: 'neutral', icon: IconMinus },
} as const satisfies Readonly<Record<ControlState, object>>;

/** `isNone`: as the name of a count of nothing, which has no colour. */
export function StateMark({ state, isNone = false }: { readonly state: ControlState; readonly isNone?: boolean }) {
  const { word, tone, icon } = STATES[state];
  return (
    <Mark tone={isNone ? 'neutral' : tone} icon={icon}>
      {word}
    </Mark>
  );
}
