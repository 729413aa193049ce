import { Button, Modal } from '@mantine/core';
import { useState } from 'react';
import { at, send } from '../../api/client.ts';
import { isRecord } from '../../api/problem.ts';
import type { Agent, Containment } from '../../api/types.ts';
import { notifyDone } from '../../app/notify.ts';
import { useWrite } from '../../app/write.ts';
import { Confirm } from '../../ui/Confirm.tsx';
import { ReceiptView } from '../containment/ReceiptView.tsx';

export type Order = 'revoke' | 'suspend' | 'restore';

const WORDS = {
  revoke: {
    title: 'Kill',
    action: 'Kill agent',
    text: 'Its next action is refused on every path, calls in flight are aborted, its sessions are closed and all its tokens die. Restoring it later does not bring the tokens back.',
  },
  suspend: {
    title: 'Suspend',
    action: 'Suspend agent',
    text: 'Its next action is refused on every path and calls in flight are aborted. Its tokens are kept and work again once it is restored.',
  },
  restore: {
    title: 'Restore',
    action: 'Restore agent',
    text: 'It may act again within its roles. Tokens from before a kill stay dead: mint a new one.',
  },
} as const;

/** Asks for a stop or a restore of one agent, carries it out, and shows the receipt. */
export function OrderDialog({
  agent,
  order,
  onClose,
}: {
  readonly agent: Agent;
  readonly order: Order;
  readonly onClose: () => void;
}) {
  const [stop, setStop] = useState<Containment>();
  const { title, action, text } = WORDS[order];
  const write = useWrite({
    write: (reason: string) =>
      send<unknown>('POST', `${at`/v1/agents/${agent.id}`}/${order}`, reason === '' ? {} : { reason }),
    changes: ['agents', 'credentials', 'containments', 'roles'],
    onDone: (answer) => {
      if (isContainment(answer)) setStop(answer);
      else if (isRecord(answer) && answer.object === 'containment_proposal') {
        notifyDone('Proposed. Nothing changes until a second person confirms it, in Containment.');
        onClose();
      } else {
        notifyDone(`${agent.name}: ${order === 'restore' ? 'restored' : 'suspended'}.`);
        onClose();
      }
    },
  });
  if (stop !== undefined)
    return (
      <Modal
        opened
        onClose={onClose}
        title={`${agent.name} is stopped`}
        size={640}
        closeButtonProps={{ 'aria-label': 'Close' }}
      >
        <div className="stack">
          <ReceiptView stop={stop} />
          <Button variant="default" onClick={onClose} data-autofocus>
            Close
          </Button>
        </div>
      </Modal>
    );
  return (
    <Confirm
      title={`${title} ${agent.name}`}
      action={action}
      danger={order !== 'restore'}
      word={order === 'revoke' ? agent.name : undefined}
      withReason
      pending={write.isPending}
      error={write.error}
      onConfirm={write.mutate}
      onClose={onClose}
    >
      {text}
    </Confirm>
  );
}

function isContainment(answer: unknown): answer is Containment {
  return isRecord(answer) && answer.object === 'containment' && isRecord(answer.receipt);
}
