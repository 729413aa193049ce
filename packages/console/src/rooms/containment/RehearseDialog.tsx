import { Modal } from '@mantine/core';
import { useState } from 'react';
import { send } from '../../api/client.ts';
import type { Rehearsal } from '../../api/types.ts';
import { useWrite } from '../../app/write.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { ErrorNotice } from '../../ui/Notice.tsx';
import { AgentPicker } from '../../ui/Pickers.tsx';

export function RehearseDialog({
  onClose,
  onDone,
}: {
  readonly onClose: () => void;
  readonly onDone: (rehearsal: Rehearsal) => void;
}) {
  const [agent, setAgent] = useState<string>();
  const rehearse = useWrite({
    write: (whom: string) => send<Rehearsal>('POST', '/v1/containments/rehearsals', { agent: whom }),
    changes: ['drills', 'containments'],
    onDone,
  });
  return (
    <Modal opened onClose={onClose} title="Rehearse the kill switch" closeButtonProps={{ 'aria-label': 'Close' }}>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          if (agent !== undefined && !rehearse.isPending) rehearse.mutate(agent);
        }}
      >
        <p>A shadow of the agent is stopped and asked for each of its tools; the agent itself goes on.</p>
        <AgentPicker label="Agent" placeholder="Which agent" required value={agent} onChange={setAgent} />
        {rehearse.isError ? <ErrorNotice error={rehearse.error} /> : null}
        <ActButton
          needs="POST /v1/containments/rehearsals"
          type="submit"
          disabled={agent === undefined}
          loading={rehearse.isPending}
        >
          Rehearse
        </ActButton>
      </form>
    </Modal>
  );
}
