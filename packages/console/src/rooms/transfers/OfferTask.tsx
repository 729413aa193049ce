import { Button, Checkbox, Modal, Textarea } from '@mantine/core';
import { useState } from 'react';
import type { FullTransferTask, OwnershipTransfer } from '../../api/agent-types.ts';
import { at, send } from '../../api/client.ts';
import type { List } from '../../api/types.ts';
import { useWrite } from '../../app/write.ts';
import { plural } from '../../ui/format.ts';
import { ErrorNotice } from '../../ui/Notice.tsx';
import { OwnerPicker } from '../../ui/Pickers.tsx';
import classes from './transfers.module.css';

/** Offers agents of a task that wait, all of them or some, to one person. */
export function OfferTask({ task, onClose }: { readonly task: FullTransferTask; readonly onClose: () => void }) {
  const waiting = task.agents.filter(({ outcome }) => outcome === null);
  const [chosen, setChosen] = useState<readonly string[]>(waiting.map(({ agent_id }) => agent_id));
  const [to, setTo] = useState<string>();
  const [reason, setReason] = useState('');
  const offer = useWrite({
    write: () =>
      send<List<OwnershipTransfer>>('POST', at`/v1/transfer-tasks/${task.id}/propose`, {
        to,
        ...(chosen.length === waiting.length ? {} : { agents: chosen }),
        reason: reason.trim(),
      }),
    changes: ['agents'],
    done: ({ data }) => `${plural(data.length, 'agent')} offered to ${to}.`,
    onDone: onClose,
  });
  const isReady = to !== undefined && chosen.length > 0;
  return (
    <Modal
      opened
      onClose={onClose}
      title={`Offer agents of ${task.person}`}
      size={520}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          if (isReady && !offer.isPending) offer.mutate(undefined);
        }}
      >
        <OwnerPicker
          label="New owner"
          description="They are asked, and answer for the agents once they accept."
          required
          onlyKnown
          value={to}
          onChange={setTo}
        />
        <fieldset className={classes.agents}>
          <legend>Agents</legend>
          {waiting.length > 1 ? (
            <Checkbox
              label={`All ${waiting.length}`}
              checked={chosen.length === waiting.length}
              indeterminate={chosen.length > 0 && chosen.length < waiting.length}
              onChange={(event) =>
                setChosen(event.currentTarget.checked ? waiting.map(({ agent_id }) => agent_id) : [])
              }
            />
          ) : null}
          {waiting.map(({ agent, agent_id, transfer }) => (
            <Checkbox
              key={agent_id}
              label={agent}
              {...(transfer === null ? {} : { description: `Offered to ${transfer.to}; that offer is withdrawn.` })}
              checked={chosen.includes(agent_id)}
              onChange={(event) => {
                const others = chosen.filter((each) => each !== agent_id);
                setChosen(event.currentTarget.checked ? [...others, agent_id] : others);
              }}
            />
          ))}
        </fieldset>
        <Textarea
          label="Reason"
          description="They see it, and it goes into the log."
          autosize
          minRows={2}
          maxLength={500}
          value={reason}
          onChange={(event) => setReason(event.currentTarget.value)}
        />
        {offer.isError ? <ErrorNotice error={offer.error} /> : null}
        <Button type="submit" disabled={!isReady} loading={offer.isPending}>
          Offer
        </Button>
      </form>
    </Modal>
  );
}
