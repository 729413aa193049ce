import { Modal, TextInput } from '@mantine/core';
import { useState } from 'react';
import { at, send } from '../../api/client.ts';
import type { LiveTest } from '../../api/detection-types.ts';
import { useWrite } from '../../app/write.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { ErrorNotice } from '../../ui/Notice.tsx';

/** The alert that the SIEM made of a live test, by hand where no webhook of the SIEM reports it. */
export function SiemAlertDialog({ test, onClose }: { readonly test: LiveTest; readonly onClose: () => void }) {
  const [id, setId] = useState('');
  const enter = useWrite({
    write: () => send<LiveTest>('POST', at`/v1/detections/live-tests/${test.id}/siem-alert`, { alert_id: id.trim() }),
    changes: ['detections'],
    done: () => 'The round trip is on record',
    onDone: onClose,
  });
  return (
    <Modal opened onClose={onClose} title="The alert of the SIEM" closeButtonProps={{ 'aria-label': 'Close' }}>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          if (id.trim() !== '' && !enter.isPending) enter.mutate(undefined);
        }}
      >
        <TextInput
          label="Its id in the SIEM"
          withAsterisk
          value={id}
          onChange={(event) => setId(event.currentTarget.value)}
        />
        {enter.isError ? <ErrorNotice error={enter.error} /> : null}
        <ActButton
          needs="POST /v1/detections/live-tests/:id/siem-alert"
          type="submit"
          disabled={id.trim() === ''}
          loading={enter.isPending}
        >
          Enter
        </ActButton>
      </form>
    </Modal>
  );
}
