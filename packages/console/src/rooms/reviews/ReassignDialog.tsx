import type { ReviewItem } from '@hivekey/sdk';
import { useState } from 'react';
import { at } from '../../api/client.ts';
import { OwnerPicker } from '../../ui/Pickers.tsx';
import { ReasonForm } from '../../ui/ReasonForm.tsx';

/** Whoever gets it is asked what everybody is asked. */
export function ReassignDialog({ item, onClose }: { readonly item: ReviewItem; readonly onClose: () => void }) {
  const [to, setTo] = useState<string>();
  const [first, second] = item.reviewers;
  return (
    <ReasonForm
      title={`Give on ${item.title}`}
      action="Give on"
      needs="POST /v1/reviews/:review/items/:item/reassign"
      to={at`/v1/reviews/${item.review}/items/${item.id}/reassign`}
      body={
        to === undefined
          ? undefined
          : { to, ...(second === undefined || first === undefined ? {} : { from: first.reviewer }) }
      }
      done={`${item.id} was given on`}
      changes={['reviews']}
      onClose={onClose}
    >
      <OwnerPicker label="Who reviews it from now on" value={to} onChange={setTo} onlyKnown required />
    </ReasonForm>
  );
}
