import { Button, TextInput } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { enrolPasskey } from '../../app/passkey.ts';
import { ErrorNotice } from '../../ui/Notice.tsx';
import classes from './SignIn.module.css';

/** Registers the passkey of an account for emergencies, or of an auditor, on the device that will keep it. */
export function Enrolment({ invitation }: { readonly invitation: string }) {
  const [name, setName] = useState('');
  const enrol = useMutation({ mutationFn: () => enrolPasskey(invitation, name.trim()) });
  if (enrol.isSuccess)
    return (
      <p role="status">
        The passkey {enrol.data.name} of {enrol.data.person} is registered. Try it once: <a href="/sign-in">sign in</a>.
        With the emergency account that raises the alarm that each use raises.
      </p>
    );
  return (
    <form
      className={classes.part}
      onSubmit={(event) => {
        event.preventDefault();
        enrol.mutate();
      }}
    >
      <p>Register the passkey that you sign in with, on this device.</p>
      <TextInput
        label="Name"
        description="Where it is kept."
        placeholder="Key in the safe"
        maxLength={64}
        autoFocus
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
      />
      {enrol.isError ? <ErrorNotice error={enrol.error} /> : null}
      <Button type="submit" fullWidth loading={enrol.isPending} disabled={name.trim() === ''}>
        Register the passkey
      </Button>
    </form>
  );
}
