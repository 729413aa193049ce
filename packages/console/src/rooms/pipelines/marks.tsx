import {
  IconAlertTriangle,
  IconBan,
  IconCheck,
  IconHandStop,
  IconHourglass,
  IconPlayerPause,
  IconQuestionMark,
} from '@tabler/icons-react';
import type { Sink } from '../../api/sink-types.ts';
import { Mark } from '../../ui/Verdict.tsx';

const STATES = {
  healthy: { tone: 'allow', icon: IconCheck, words: 'healthy' },
  unconfirmed: { tone: 'review', icon: IconQuestionMark, words: 'unconfirmed' },
  lagging: { tone: 'review', icon: IconHourglass, words: 'lagging' },
  failing: { tone: 'deny', icon: IconAlertTriangle, words: 'failing' },
  holding: { tone: 'deny', icon: IconHandStop, words: 'waits for a person' },
  paused: { tone: 'neutral', icon: IconPlayerPause, words: 'paused' },
  deleted: { tone: 'neutral', icon: IconBan, words: 'deleted' },
} as const;

export function SinkMark({ state }: { readonly state: Sink['state'] }) {
  const { tone, icon, words } = STATES[state];
  return (
    <Mark tone={tone} icon={icon}>
      {words}
    </Mark>
  );
}
