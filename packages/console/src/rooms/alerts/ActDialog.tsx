import { Modal, Textarea } from '@mantine/core';
import { type ReactNode, useState } from 'react';
import type { Alert } from '../../api/alert-types.ts';
import { send } from '../../api/client.ts';
import { type Thing, useWrite } from '../../app/write.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { ErrorNotice } from '../../ui/Notice.tsx';

/** A form about an alert that goes on the log with its reason. `body` is what is sent beside the reason; undefined while it is not complete. */
export function ActDialog({
  alert,
  title,
  action,
  act,
  body,
  done,
  reasonRequired = true,
  changes = ['alerts'],
  onClose,
  children,
}: {
  readonly alert: Alert;
  readonly title: string;
  readonly action: string;
  /** The last part of the route. */
  readonly act: string;
  readonly body: Readonly<Record<string, unknown>> | undefined;
  readonly done: string;
  readonly reasonRequired?: boolean;
  readonly changes?: readonly Thing[];
  readonly onClose: () => void;
  readonly children: ReactNode;
}) {
  const [reason, setReason] = useState('');
  const write = useWrite({
    write: (fields: Readonly<Record<string, unknown>>) =>
      send('POST', `/v1/alerts/${encodeURIComponent(alert.id)}/${act}`, { ...fields, reason: reason.trim() }),
    changes,
    done: () => done,
    onDone: onClose,
  });
  const isReady = body !== undefined && (!reasonRequired || reason.trim() !== '');
  return (
    <Modal opened onClose={onClose} title={title} size={480} closeButtonProps={{ 'aria-label': 'Close' }}>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          if (isReady && !write.isPending) write.mutate(body);
        }}
      >
        {children}
        <Textarea
          label="Reason"
          description="Goes into the log."
          autosize
          minRows={2}
          maxLength={2000}
          withAsterisk={reasonRequired}
          value={reason}
          onChange={(event) => setReason(event.currentTarget.value)}
        />
        {write.isError ? <ErrorNotice error={write.error} /> : null}
        <ActButton needs={`POST /v1/alerts/:id/${act}`} type="submit" disabled={!isReady} loading={write.isPending}>
          {action}
        </ActButton>
      </form>
    </Modal>
  );
}
