import { Radio } from '@mantine/core';
import { useState } from 'react';
import { at } from '../../api/client.ts';
import { plural } from '../../ui/format.ts';
import { ReasonForm } from '../../ui/ReasonForm.tsx';

/** Of the low tier alone; the evidence says that they were decided together. */
export function BulkDialog({
  review,
  items,
  onClose,
}: {
  readonly review: string;
  readonly items: readonly string[];
  readonly onClose: () => void;
}) {
  const [decision, setDecision] = useState<string>();
  return (
    <ReasonForm
      title={`Decide ${plural(items.length, 'item')} together`}
      action="Decide"
      needs="POST /v1/reviews/:review/decide"
      to={at`/v1/reviews/${review}/decide`}
      body={decision === undefined ? undefined : { items, decision }}
      done={`${plural(items.length, 'item')} decided, and not submitted yet`}
      changes={['reviews']}
      onClose={onClose}
    >
      <p className="muted">They stand as decided together in the evidence.</p>
      <Radio.Group label="What shall become of them" withAsterisk value={decision ?? null} onChange={setDecision}>
        <div className="stack-tight" style={{ marginTop: 8 }}>
          <Radio value="keep" label="Keep them" />
          <Radio value="revoke" label="Take them away" />
        </div>
      </Radio.Group>
    </ReasonForm>
  );
}
