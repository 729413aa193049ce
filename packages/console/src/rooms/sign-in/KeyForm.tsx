import { Button, PasswordInput } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { send } from '../../api/client.ts';
import type { Session } from '../../api/types.ts';
import { ErrorNotice } from '../../ui/Notice.tsx';
import classes from './SignIn.module.css';

export function KeyForm({
  onIn,
  isOnlyWay,
}: {
  readonly onIn: (session: Session) => void;
  readonly isOnlyWay: boolean;
}) {
  const [key, setKey] = useState('');
  const signIn = useMutation({
    mutationFn: () => send<Session>('POST', '/v1/session', { key: key.trim() }),
    onSuccess: (session) => {
      setKey('');
      onIn(session);
    },
  });
  return (
    <form
      className={classes.part}
      onSubmit={(event) => {
        event.preventDefault();
        if (key.trim() !== '') signIn.mutate();
      }}
    >
      <PasswordInput
        label="Admin key"
        description="Exchanged once for a session; this browser does not keep it."
        placeholder="hk_live_…"
        autoComplete="off"
        spellCheck={false}
        autoFocus
        value={key}
        onChange={(event) => setKey(event.currentTarget.value)}
        visibilityToggleButtonProps={{ 'aria-label': 'Show the key' }}
      />
      {signIn.isError ? <ErrorNotice error={signIn.error} /> : null}
      <Button type="submit" fullWidth loading={signIn.isPending} disabled={key.trim() === ''}>
        Sign in
      </Button>
      {isOnlyWay ? (
        <p className="muted">
          The first key is printed by <code>npm start</code> and stands in <code>admin.key</code> of the data folder.
          Make one for each person with <code>hivekey key create NAME</code>, or add an identity provider under People.
        </p>
      ) : null}
    </form>
  );
}
