import { Button } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { at, send } from '../../api/client.ts';
import type { SignInWays } from '../../api/identity-types.ts';
import type { Session } from '../../api/types.ts';
import { signInWithPasskey } from '../../app/passkey.ts';
import { ErrorNotice } from '../../ui/Notice.tsx';
import classes from './SignIn.module.css';

/** A button for each identity provider, and one for the accounts for emergencies. */
export function ProviderButtons({
  ways: { providers, break_glass, engagements },
  to,
  invitation,
  onIn,
}: {
  readonly ways: SignInWays;
  readonly to: string | undefined;
  readonly invitation: string | undefined;
  readonly onIn: (session: Session) => void;
}) {
  const leave = useMutation({
    mutationFn: (provider: string) =>
      send<{ url: string }>('POST', at`/v1/sign-in/${provider}/start`, { return_to: to, invitation }),
    onSuccess: ({ url }) => location.assign(url),
  });
  const emergency = useMutation({ mutationFn: signInWithPasskey, onSuccess: onIn });
  if (providers.length === 0 && !break_glass && !engagements) return null;
  return (
    <div className={classes.part}>
      {providers.map(({ id, name }) => (
        <Button
          key={id}
          fullWidth
          loading={leave.variables === id && (leave.isPending || leave.isSuccess)}
          onClick={() => leave.mutate(id)}
        >
          Sign in with {name}
        </Button>
      ))}
      {leave.isError ? <ErrorNotice error={leave.error} /> : null}
      {break_glass && invitation === undefined ? (
        <Button variant="default" fullWidth loading={emergency.isPending} onClick={() => emergency.mutate()}>
          Emergency account, with its passkey
        </Button>
      ) : null}
      {engagements && invitation === undefined ? (
        <Button variant="default" fullWidth loading={emergency.isPending} onClick={() => emergency.mutate()}>
          Auditor, with a passkey
        </Button>
      ) : null}
      {emergency.isError ? <ErrorNotice error={emergency.error} /> : null}
    </div>
  );
}
