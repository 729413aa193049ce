import { Button, Modal } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useRouterState } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import { send, whenStepUpRequired } from '../api/client.ts';
import { passkeysQuery } from '../api/identity-queries.ts';
import type { ApiError } from '../api/problem.ts';
import { sessionQuery } from '../api/queries.ts';
import { ErrorNotice } from '../ui/Notice.tsx';
import { stepUp } from './passkey.ts';

interface Waiting {
  readonly failure: ApiError;
  readonly answer: (isProven: boolean) => void;
}

/** Asks for proof that it is still the same person, when a write takes it; the write then goes on by itself. */
export function StepUp() {
  const [waiting, setWaiting] = useState<Waiting>();
  useEffect(
    () =>
      whenStepUpRequired(
        (failure) =>
          new Promise((resolve) => {
            setWaiting({
              failure,
              answer: (isProven) => {
                setWaiting(undefined);
                resolve(isProven);
              },
            });
          }),
      ),
    [],
  );
  return waiting === undefined ? null : <Dialog {...waiting} />;
}

function Dialog({ failure, answer }: Waiting) {
  const queryClient = useQueryClient();
  const { data: session } = useQuery(sessionQuery);
  const { data: passkeys } = useQuery({ ...passkeysQuery(), enabled: session?.person !== null });
  const href = useRouterState({ select: (state) => state.location.href });
  const hasPasskey = passkeys?.some(({ revoked_at }) => revoked_at === null) === true;
  const hasProvider = session?.method === 'oidc' || session?.method === 'saml';
  const confirm = useMutation({
    mutationFn: stepUp,
    onSuccess: (next) => {
      queryClient.setQueryData(sessionQuery.queryKey, next);
      answer(true);
    },
  });
  const leave = useMutation({
    mutationFn: () => send<{ url: string }>('POST', '/v1/session/step-up/provider', { return_to: href }),
    onSuccess: ({ url }) => location.assign(url),
  });
  return (
    <Modal
      opened
      onClose={() => answer(false)}
      title="Confirm that it is you"
      size={460}
      zIndex={400}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <div className="stack">
        <p>{failure.message}</p>
        {hasPasskey ? (
          <Button data-autofocus loading={confirm.isPending} onClick={() => confirm.mutate()}>
            Confirm with a passkey
          </Button>
        ) : passkeys === undefined ? null : (
          <p className="muted">
            You have no passkey yet. Register one under <Link to="/account">your account</Link>.
          </p>
        )}
        {hasProvider ? (
          <>
            <Button variant="default" loading={leave.isPending} onClick={() => leave.mutate()}>
              Sign in anew at your provider
            </Button>
            <p className="muted">That leaves this page; what was not sent yet is to be entered again.</p>
          </>
        ) : null}
        {confirm.isError ? <ErrorNotice error={confirm.error} /> : null}
        {leave.isError ? <ErrorNotice error={leave.error} /> : null}
      </div>
    </Modal>
  );
}
