import { Modal, Textarea } from '@mantine/core';
import { type ReactNode, useState } from 'react';
import { send } from '../api/client.ts';
import { type Thing, useWrite } from '../app/write.ts';
import { ActButton } from './ActButton.tsx';
import { ErrorNotice } from './Notice.tsx';

/** A form of which the answer goes on the log with its reason. */
export function ReasonForm({
  title,
  action,
  needs,
  method = 'POST',
  to,
  body,
  done,
  reason: wanted = 'required',
  changes,
  onClose,
  children,
}: {
  readonly title: string;
  readonly action: string;
  /** The route, as permissions have it. */
  readonly needs: string;
  readonly method?: 'POST' | 'PATCH';
  readonly to: string;
  /** What is sent beside the reason; undefined while it is not complete. */
  readonly body: Readonly<Record<string, unknown>> | undefined;
  readonly done: string;
  readonly reason?: 'required' | 'optional' | 'none';
  readonly changes: readonly Thing[];
  readonly onClose: () => void;
  readonly children: ReactNode;
}) {
  const [reason, setReason] = useState('');
  const write = useWrite({
    write: (fields: Readonly<Record<string, unknown>>) =>
      send(method, to, wanted === 'none' ? fields : { ...fields, reason: reason.trim() }),
    changes,
    done: () => done,
    onDone: onClose,
  });
  const isReady = body !== undefined && (wanted !== 'required' || reason.trim() !== '');
  return (
    <Modal opened onClose={onClose} title={title} size={520} closeButtonProps={{ 'aria-label': 'Close' }}>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          if (isReady && !write.isPending) write.mutate(body);
        }}
      >
        {children}
        {wanted === 'none' ? null : (
          <Textarea
            label="Reason"
            description="Goes into the log."
            withAsterisk={wanted === 'required'}
            autosize
            minRows={2}
            maxLength={2000}
            value={reason}
            onChange={(event) => setReason(event.currentTarget.value)}
          />
        )}
        {write.isError ? <ErrorNotice error={write.error} /> : null}
        <ActButton needs={needs} type="submit" disabled={!isReady} loading={write.isPending}>
          {action}
        </ActButton>
      </form>
    </Modal>
  );
}
