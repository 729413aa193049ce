import type { StoredReadinessRun } from '@hivekey/sdk';
import { Modal } from '@mantine/core';
import { useState } from 'react';
import { send } from '../../api/client.ts';
import { useWrite } from '../../app/write.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { ErrorNotice } from '../../ui/Notice.tsx';
import { instants, lastQuarter, PeriodFields } from '../../ui/Period.tsx';

/** Tests all controls of a period; what comes of it stays. */
export function RunDialog({ onClose, onDone }: { readonly onClose: () => void; readonly onDone: () => void }) {
  const [days, setDays] = useState(lastQuarter);
  const run = useWrite({
    write: (period: { readonly from: string; readonly to: string }) =>
      send<StoredReadinessRun>('POST', '/v1/readiness/runs', period),
    changes: ['readiness'],
    done: ({ headline }) => headline,
    onDone: () => {
      onClose();
      onDone();
    },
  });
  return (
    <Modal opened onClose={onClose} title="Test all controls" size={560} closeButtonProps={{ 'aria-label': 'Close' }}>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          if (!run.isPending) run.mutate(instants(days));
        }}
      >
        <p>The run is signed and on the log. It is never changed or taken back, whatever it finds.</p>
        <PeriodFields value={days} onChange={setDays} />
        {run.isError ? <ErrorNotice error={run.error} /> : null}
        <ActButton needs="POST /v1/readiness/runs" type="submit" loading={run.isPending}>
          Run
        </ActButton>
      </form>
    </Modal>
  );
}
