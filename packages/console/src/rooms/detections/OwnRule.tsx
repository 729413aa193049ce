import { Drawer, TextInput } from '@mantine/core';
import { useState } from 'react';
import type { DetectionAction } from '../../api/detection-types.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { CodeField } from '../../ui/CodeField.tsx';
import { ErrorNotice } from '../../ui/Notice.tsx';
import { ActionFields } from './ActionFields.tsx';
import { usePutDetection } from './use-put-detection.ts';

const EXAMPLE = `title: Refused Payments Of One Agent
name: refused_payment
logsource: { product: hivekey, service: action }
detection:
  selection: { kind: tool.call, verdict: deny, action: payments.pay }
  condition: selection
level: informational
---
title: Many Refused Payments Of One Agent
correlation:
  type: event_count
  rules: [refused_payment]
  group-by: [agent_id]
  timespan: 10m
  condition: { gte: 5 }
level: high
`;

/** A rule of the workspace's own, as Sigma. */
export function OwnRule({ onClose }: { readonly onClose: () => void }) {
  const [name, setName] = useState('');
  const [sigma, setSigma] = useState(EXAMPLE);
  const [action, setAction] = useState<DetectionAction>({ kind: 'none' });
  const { put, isReviewed } = usePutDetection(onClose);
  const problems =
    put.isError && 'problems' in put.error && Array.isArray(put.error.problems) ? put.error.problems : [];
  return (
    <Drawer
      opened
      onClose={onClose}
      position="right"
      size={640}
      title="A rule of your own"
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          if (name.trim() !== '' && !put.isPending)
            put.mutate({ name: name.trim(), document: { enabled: true, parameters: {}, action, sigma } });
        }}
      >
        <TextInput
          label="Name"
          description="Letters, digits, hyphens and underscores."
          withAsterisk
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
        />
        <CodeField
          label="The rule, as Sigma 2.1"
          description="Correlations included. Try it first with npx hivekey detections test."
          rows={22}
          value={sigma}
          onChange={setSigma}
          problems={problems}
        />
        <ActionFields action={action} onChange={setAction} />
        {put.isError ? <ErrorNotice error={put.error} /> : null}
        <ActButton
          needs={isReviewed ? 'POST /v1/changes' : 'PUT /v1/detections/:rule'}
          type="submit"
          disabled={name.trim() === ''}
          loading={put.isPending}
        >
          {isReviewed ? 'Draft the change' : 'Add'}
        </ActButton>
      </form>
    </Drawer>
  );
}
