import { SegmentedControl } from '@mantine/core';
import { useState } from 'react';
import { at, send } from '../../api/client.ts';
import type { DetectionRule, LiveTest } from '../../api/detection-types.ts';
import { useWrite } from '../../app/write.ts';
import { Confirm } from '../../ui/Confirm.tsx';

export function LiveTestDialog({
  detection,
  onClose,
}: {
  readonly detection: DetectionRule;
  readonly onClose: () => void;
}) {
  const [kind, setKind] = useState<LiveTest['kind']>('attack');
  const fire = useWrite({
    write: () => send<LiveTest>('POST', at`/v1/detections/${detection.name}/live-tests`, { kind }),
    changes: ['detections', 'alerts'],
    done: () => 'The marked events are on their way; the steps show below',
    onDone: onClose,
  });
  return (
    <Confirm
      title={`Test ${detection.name} live`}
      action="Inject"
      pending={fire.isPending}
      error={fire.error}
      onConfirm={() => fire.mutate(undefined)}
      onClose={onClose}
    >
      <div className="stack-tight">
        <SegmentedControl
          aria-label="Sample"
          data={[
            { value: 'attack', label: 'Attack: has to be found' },
            { value: 'benign', label: 'Benign: must not be' },
          ]}
          value={kind}
          onChange={(next) => setKind(next === 'benign' ? 'benign' : 'attack')}
        />
        <p>
          Marked events of a test agent go through the real path into the log and every sink, and are stopped before any
          tool. They are in no count; what follows is marked as a test, and nothing is done about it.
        </p>
      </div>
    </Confirm>
  );
}
