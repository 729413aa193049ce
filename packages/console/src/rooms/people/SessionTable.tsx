import { Button } from '@mantine/core';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { at, send } from '../../api/client.ts';
import { openSessionsQuery, signInWaysQuery } from '../../api/identity-queries.ts';
import type { OpenSession } from '../../api/identity-types.ts';
import { useSignOut } from '../../app/sign-out.ts';
import { useWrite } from '../../app/write.ts';
import { Confirm } from '../../ui/Confirm.tsx';
import { actions, type Column, DataTable, TwoLines } from '../../ui/DataTable.tsx';
import { ErrorNotice } from '../../ui/Notice.tsx';
import { Time } from '../../ui/Time.tsx';
import { Mark } from '../../ui/Verdict.tsx';
import { deviceWords, METHODS } from './words.ts';

/** Open sessions of the console, of everybody whom one may see or of one person; each can be ended. */
export function SessionTable({ person, label }: { readonly person?: string; readonly label: string }) {
  const { data, error, hasNextPage, isFetchingNextPage, fetchNextPage, refetch } = useInfiniteQuery(
    openSessionsQuery(person),
  );
  const { data: ways } = useQuery(signInWaysQuery);
  const [ending, setEnding] = useState<OpenSession>();
  if (error !== null) return <ErrorNotice error={error} retry={() => void refetch()} />;
  const columns: readonly Column<OpenSession>[] = [
    ...(person === undefined
      ? [
          {
            key: 'who',
            header: 'Who',
            cell: ({ person: email, key }: OpenSession) =>
              email === null ? (
                <TwoLines
                  first={<span className="muted">nobody</span>}
                  second={key === null ? '' : `admin key ${key.name}`}
                />
              ) : (
                <TwoLines
                  first={
                    <Link to="/people/$person" params={{ person: email }}>
                      {email}
                    </Link>
                  }
                  second={key === null ? undefined : `admin key ${key.name}`}
                />
              ),
          },
        ]
      : []),
    {
      key: 'how',
      header: 'Signed in',
      width: '190px',
      cell: ({ method, provider, authenticated_at }) => (
        <TwoLines
          first={<Time value={authenticated_at} />}
          second={`${METHODS[method]}${provider === null ? '' : `, ${ways?.providers.find(({ id }) => id === provider)?.name ?? provider}`}`}
        />
      ),
    },
    {
      key: 'device',
      header: 'Device',
      cell: ({ user_agent, address, current }) => (
        <TwoLines
          first={
            <span className="row">
              <span className="truncate" title={user_agent ?? ''}>
                {deviceWords(user_agent)}
              </span>
              {current ? <Mark tone="allow">this one</Mark> : null}
            </span>
          }
          second={address ?? undefined}
        />
      ),
    },
    {
      key: 'step',
      header: 'Stepped up',
      width: '100px',
      cell: ({ stepped_up_at }) => <Time value={stepped_up_at} absent="no" />,
    },
    {
      key: 'ends',
      header: 'Ends',
      width: '100px',
      cell: ({ idle_at, expires_at }) => <Time value={Math.min(idle_at, expires_at)} />,
    },
    actions('80px', (session) => (
      <Button
        variant="default"
        size="compact-xs"
        aria-label={`End the session of ${session.person ?? session.key?.name ?? session.id}, ${deviceWords(session.user_agent)}`}
        onClick={() => setEnding(session)}
      >
        End
      </Button>
    )),
  ];
  return (
    <div className="stack-tight">
      <DataTable
        label={label}
        columns={columns}
        rows={data?.pages.flatMap((page) => page.data)}
        rowKey={({ id }) => id}
        empty={<p className="muted">None.</p>}
      />
      {hasNextPage ? (
        <div>
          <Button variant="default" loading={isFetchingNextPage} onClick={() => void fetchNextPage()}>
            More sessions
          </Button>
        </div>
      ) : null}
      {ending === undefined ? null : <EndDialog session={ending} onClose={() => setEnding(undefined)} />}
    </div>
  );
}

function EndDialog({ session, onClose }: { readonly session: OpenSession; readonly onClose: () => void }) {
  const signOut = useSignOut();
  const end = useWrite({
    // Of one's own the rest of signing out belongs to it.
    write: async () => (session.current ? signOut() : send<unknown>('DELETE', at`/v1/sessions/${session.id}`)),
    changes: session.current ? [] : ['sessions'],
    ...(session.current ? {} : { done: () => 'The session is ended.' }),
    onDone: onClose,
  });
  const who = session.person ?? session.key?.name ?? 'nobody';
  return (
    <Confirm
      title="End a session"
      action={session.current ? 'Sign out' : 'End session'}
      danger
      pending={end.isPending}
      error={end.error}
      onConfirm={() => end.mutate(undefined)}
      onClose={onClose}
    >
      {session.current
        ? 'This is the session you are in: you will be signed out.'
        : `The session of ${who} on ${deviceWords(session.user_agent)} ends at once.`}
    </Confirm>
  );
}
