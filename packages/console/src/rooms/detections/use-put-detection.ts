import { useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { changeSettingsQuery } from '../../api/change-queries.ts';
import type { Change } from '../../api/change-types.ts';
import { at, send } from '../../api/client.ts';
import type { DetectionDocument } from '../../api/detection-types.ts';
import { useWrite } from '../../app/write.ts';

interface Put {
  readonly name: string;
  readonly document: DetectionDocument;
}

/** Sets a rule, or drafts a change that does, where detections are reviewed. */
export function usePutDetection(onDone: () => void) {
  const { data: settings } = useQuery(changeSettingsQuery);
  const navigate = useNavigate();
  const isReviewed = settings?.mode === 'reviewed' && (settings.types === null || settings.types.includes('detection'));
  const put = useWrite({
    write: ({ name, document }: Put): Promise<Change | undefined> =>
      isReviewed
        ? send<Change>('POST', '/v1/changes', {
            title: `Detection ${name}`,
            operations: [{ type: 'detection', id: name, document }],
          })
        : send('PUT', at`/v1/detections/${name}`, document).then(() => undefined),
    changes: ['detections', 'changes'],
    done: (change, { name }) =>
      change === undefined
        ? `${name} is in force from its own entry of the log on`
        : `${change.name} is drafted; submit it for review.`,
    onDone: (change) => {
      onDone();
      if (change !== undefined) void navigate({ to: '/changes/$change', params: { change: change.name } });
    },
  });
  return { put, isReviewed };
}
