import { Button, PasswordInput } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { getRouteApi, useRouter } from '@tanstack/react-router';
import { type FormEvent, useEffect, useState } from 'react';
import { send, setCsrfToken } from '../../api/client.ts';
import { sessionQuery } from '../../api/queries.ts';
import type { Session } from '../../api/types.ts';
import mark from '../../app/mark.svg';
import { ErrorNotice } from '../../ui/Notice.tsx';
import classes from './SignIn.module.css';

const route = getRouteApi('/sign-in');

export function SignIn() {
  const { to, ended } = route.useSearch();
  const router = useRouter();
  const queryClient = useQueryClient();
  const [key, setKey] = useState('');
  useEffect(() => {
    document.title = 'Sign in · HiveKey';
  }, []);
  const signIn = useMutation({
    mutationFn: () => send<Session>('POST', '/v1/session', { key: key.trim() }),
    onSuccess: (session) => {
      setKey('');
      setCsrfToken(session.csrf_token);
      queryClient.setQueryData(sessionQuery.queryKey, session);
      // Only a path of our own: an address with a host would lead elsewhere.
      router.history.push(to?.startsWith('/') && !to.startsWith('//') ? to : '/agents');
    },
  });
  function submit(event: FormEvent): void {
    event.preventDefault();
    if (key.trim() !== '') signIn.mutate();
  }
  return (
    <main className={classes.room}>
      <form className={classes.form} onSubmit={submit}>
        <h1 className={classes.brand}>
          <img src={mark} width={26} height={26} alt="" />
          HiveKey
        </h1>
        {ended && !signIn.isError ? (
          <p role="status" className={classes.ended}>
            Your session has ended. Sign in again to go on where you were.
          </p>
        ) : null}
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
        <p className="muted">
          The first key is printed by <code>npm start</code> and stands in <code>admin.key</code> of the data folder.
          Make one for each person with <code>hivekey key create NAME</code>.
        </p>
      </form>
    </main>
  );
}
