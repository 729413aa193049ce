import { Button, Modal, Textarea, TextInput } from '@mantine/core';
import { type FormEvent, type ReactNode, useState } from 'react';
import { ErrorNotice } from './Notice.tsx';

/**
 * Asks before something that hurts. `word`, when given, must be typed; `withReason` asks for the words that go into
 * the log, and insists on them where it is `required`. Mount it when it opens: what was typed is then gone when it closes.
 */
export function Confirm({
  title,
  children,
  word,
  withReason = false,
  action,
  danger = false,
  pending,
  error,
  onConfirm,
  onClose,
}: {
  readonly title: string;
  readonly children: ReactNode;
  readonly word?: string | undefined;
  readonly withReason?: boolean | 'required';
  readonly action: string;
  readonly danger?: boolean;
  readonly pending: boolean;
  readonly error: unknown;
  readonly onConfirm: (reason: string) => void;
  readonly onClose: () => void;
}) {
  const [typed, setTyped] = useState('');
  const [reason, setReason] = useState('');
  const isNamed = word === undefined || typed.trim() === word;
  const ready = isNamed && (withReason !== 'required' || reason.trim() !== '');
  function submit(event: FormEvent): void {
    event.preventDefault();
    if (ready && !pending) onConfirm(reason.trim());
  }
  return (
    <Modal opened onClose={onClose} title={title} size={480} closeButtonProps={{ 'aria-label': 'Close' }}>
      <form onSubmit={submit} className="stack">
        <div>{children}</div>
        {withReason === false ? null : (
          <Textarea
            label="Reason"
            description="Goes into the log."
            autosize
            minRows={2}
            maxLength={500}
            value={reason}
            onChange={(event) => setReason(event.currentTarget.value)}
            withAsterisk={withReason === 'required'}
            {...(word === undefined ? { 'data-autofocus': true } : {})}
          />
        )}
        {word === undefined ? null : (
          <TextInput
            label={
              <>
                Type <code>{word}</code> to confirm
              </>
            }
            autoComplete="off"
            spellCheck={false}
            data-autofocus
            value={typed}
            onChange={(event) => setTyped(event.currentTarget.value)}
          />
        )}
        {error === null || error === undefined ? null : <ErrorNotice error={error} />}
        <div className="row" style={{ justifyContent: 'flex-end' }}>
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" {...(danger ? { color: 'red' } : {})} disabled={!ready} loading={pending}>
            {action}
          </Button>
        </div>
      </form>
    </Modal>
  );
}
