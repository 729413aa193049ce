import { useQuery, useQueryClient } from '@tanstack/react-query';
import { getRouteApi, useRouter, useRouterState } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import { setCsrfToken } from '../../api/client.ts';
import { signInWaysQuery } from '../../api/identity-queries.ts';
import { sessionQuery } from '../../api/queries.ts';
import type { Session } from '../../api/types.ts';
import mark from '../../app/mark.svg';
import { providerSignOut } from '../../app/sign-out.ts';
import { ErrorNotice } from '../../ui/Notice.tsx';
import { Enrolment } from './Enrolment.tsx';
import { KeyForm } from './KeyForm.tsx';
import { ProviderButtons } from './ProviderButtons.tsx';
import { refusalWords } from './refusals.ts';
import classes from './SignIn.module.css';

const route = getRouteApi('/sign-in');

/** The ways in: the identity providers first, then an account for emergencies, then an admin key. */
export function SignIn() {
  const { to, ended, refused } = route.useSearch();
  // Behind the #, which browsers send to nobody.
  const hash = new URLSearchParams(useRouterState({ select: (state) => state.location.hash }));
  const [invitation, enrolment] = [hash.get('invitation') ?? undefined, hash.get('enrolment') ?? undefined];
  const router = useRouter();
  const queryClient = useQueryClient();
  const { data: ways, error, refetch } = useQuery(signInWaysQuery);
  const [byKey, setByKey] = useState(false);
  const [leftAt] = useState(providerSignOut.take);
  useEffect(() => {
    document.title = 'Sign in · HiveKey';
  }, []);
  function enter(session: Session): void {
    setCsrfToken(session.csrf_token);
    queryClient.setQueryData(sessionQuery.queryKey, session);
    // Only a path of our own: an address with a host would lead elsewhere.
    router.history.push(to?.startsWith('/') && !to.startsWith('//') ? to : '/');
  }
  const hasProviders = ways !== undefined && ways.providers.length > 0;
  const showsKey = byKey || (ways !== undefined && !hasProviders) || error !== null;
  return (
    <main className={classes.room}>
      <div className={classes.form}>
        <h1 className={classes.brand}>
          <img src={mark} width={26} height={26} alt="" />
          HiveKey
        </h1>
        {ended ? (
          <p role="status" className={classes.ended}>
            Your session has ended. Sign in again to go on where you were.
          </p>
        ) : null}
        {refused === undefined ? null : (
          <p role="alert" className={classes.refused}>
            {refusalWords(refused)} <code>{refused}</code>
          </p>
        )}
        {leftAt === undefined ? null : (
          <p role="status" className={classes.ended}>
            You are signed out here. <a href={leftAt}>Sign out at your provider too</a>
          </p>
        )}
        {error === null ? null : <ErrorNotice error={error} retry={() => void refetch()} />}
        {enrolment === undefined ? (
          <>
            {invitation === undefined ? null : (
              <p className={classes.invited}>
                You were invited. Sign in with your own account; from then on that account is yours here.
              </p>
            )}
            {ways === undefined ? null : <ProviderButtons ways={ways} to={to} invitation={invitation} onIn={enter} />}
            {showsKey ? <KeyForm onIn={enter} isOnlyWay={!hasProviders} /> : null}
            {hasProviders && !showsKey ? (
              <button type="button" className={classes.other} onClick={() => setByKey(true)}>
                Sign in with an admin key
              </button>
            ) : null}
          </>
        ) : (
          <Enrolment invitation={enrolment} />
        )}
      </div>
    </main>
  );
}
