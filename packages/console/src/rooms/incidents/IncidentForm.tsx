import { Modal, Textarea } from '@mantine/core';
import { type ReactNode, useState } from 'react';
import { send } from '../../api/client.ts';
import { useWrite } from '../../app/write.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { ErrorNotice } from '../../ui/Notice.tsx';

/** A form of an incident, with the reason for the log. `body`: what is sent beside it; undefined while it is not complete. */
export function IncidentForm({
  title,
  action,
  needs,
  method = 'POST',
  to,
  body,
  done,
  withReason = true,
  onClose,
  children,
}: {
  readonly title: string;
  readonly action: string;
  readonly needs: string;
  readonly method?: 'POST' | 'PATCH';
  readonly to: string;
  readonly body: Readonly<Record<string, unknown>> | undefined;
  readonly done: string;
  readonly withReason?: boolean;
  readonly onClose: () => void;
  readonly children: ReactNode;
}) {
  const [reason, setReason] = useState('');
  const write = useWrite({
    write: (fields: Readonly<Record<string, unknown>>) =>
      send(method, to, withReason ? { ...fields, reason: reason.trim() } : fields),
    changes: ['incidents', 'alerts'],
    done: () => done,
    onDone: onClose,
  });
  const isReady = body !== undefined && (!withReason || reason.trim() !== '');
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
        {withReason ? (
          <Textarea
            label="Reason"
            description="Goes into the log."
            withAsterisk
            autosize
            minRows={2}
            maxLength={2000}
            value={reason}
            onChange={(event) => setReason(event.currentTarget.value)}
          />
        ) : null}
        {write.isError ? <ErrorNotice error={write.error} /> : null}
        <ActButton needs={needs} type="submit" disabled={!isReady} loading={write.isPending}>
          {action}
        </ActButton>
      </form>
    </Modal>
  );
}
