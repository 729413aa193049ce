import { Tooltip } from '@mantine/core';
import type { Attention } from '../../api/types.ts';
import { Mark } from '../../ui/Verdict.tsx';
import { ATTENTION } from './words.ts';

/** What of an agent somebody should look at, in words. */
export function AttentionMarks({ attention }: { readonly attention: readonly Attention[] }) {
  return attention.map((each) => (
    <Tooltip key={each} label={ATTENTION[each].means}>
      <span>
        <Mark tone={each === 'expired' || each === 'orphan' ? 'deny' : 'review'}>{ATTENTION[each].word}</Mark>
      </span>
    </Tooltip>
  ));
}
