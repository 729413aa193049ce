import { Button, Menu, Modal, TextInput } from '@mantine/core';
import { IconPlus } from '@tabler/icons-react';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { send } from '../../api/client.ts';
import { identitiesQuery, signInWaysQuery } from '../../api/identity-queries.ts';
import type { Passkey } from '../../api/identity-types.ts';
import { sessionQuery } from '../../api/queries.ts';
import type { Session } from '../../api/types.ts';
import { registerPasskey } from '../../app/passkey.ts';
import { useWrite } from '../../app/write.ts';
import { Tags } from '../../ui/DataTable.tsx';
import { ErrorNotice } from '../../ui/Notice.tsx';
import { Facts, Page, Panel, Section } from '../../ui/Page.tsx';
import { Time } from '../../ui/Time.tsx';
import { Passkeys } from '../people/Passkeys.tsx';
import classes from '../people/people.module.css';
import { SessionTable } from '../people/SessionTable.tsx';
import { LINKED, METHODS } from '../people/words.ts';

/** Oneself: how one came in, what one may do, one's passkeys and open sessions. */
export function Account() {
  const { data: session } = useQuery(sessionQuery);
  const [adding, setAdding] = useState(false);
  if (session === undefined || session === null) return <Page title="Your account">{null}</Page>;
  return (
    <Page title="Your account">
      <div className={classes.columns}>
        <div>
          {session.person === null ? (
            <p className="muted">
              The admin key of this session belongs to no person. It manages, and decides nothing that takes one.
            </p>
          ) : (
            <>
              <Passkeys
                aside={
                  <Button
                    variant="default"
                    size="compact-sm"
                    leftSection={<IconPlus size={14} aria-hidden />}
                    onClick={() => setAdding(true)}
                  >
                    Register a passkey
                  </Button>
                }
              />
              <Identities session={session} person={session.person.id} />
            </>
          )}
          <Section title="Your open sessions">
            <SessionTable
              {...(session.person === null ? {} : { person: session.person.id })}
              label="Your open sessions"
            />
          </Section>
        </div>
        <SessionPanel session={session} />
      </div>
      {adding ? <RegisterDialog onClose={() => setAdding(false)} /> : null}
    </Page>
  );
}

function SessionPanel({ session }: { readonly session: Session }) {
  return (
    <Panel>
      <Section title="Signed in">
        <Facts
          facts={[
            ['As', session.person?.email ?? 'nobody'],
            ['By', METHODS[session.method]],
            ['Key', session.key?.name],
            ['Since', <Time key="since" value={session.authenticated_at} />],
            ['Assurance', session.acr],
            ['Proven by', session.amr.join(', ')],
            ['Stepped up', <Time key="step" value={session.stepped_up_at} absent="not in this session" />],
            ['Ends', <Time key="ends" value={session.expires_at} />],
            ['You may act as', <Tags key="roles" names={session.roles} most={7} />],
          ]}
        />
      </Section>
    </Panel>
  );
}

function Identities({ session, person }: { readonly session: Session; readonly person: string }) {
  const { data, error, refetch } = useQuery(identitiesQuery(person));
  const { data: ways } = useQuery(signInWaysQuery);
  const link = useMutation({
    mutationFn: (provider: string) =>
      send<{ url: string }>('POST', '/v1/session/link', { provider, return_to: '/account' }),
    onSuccess: ({ url }) => location.assign(url),
  });
  const linkable = (ways?.providers ?? []).filter(
    ({ id }) => data?.every(({ provider }) => provider.id !== id) === true,
  );
  return (
    <Section
      title="Your accounts at identity providers"
      aside={
        linkable.length === 0 || session.method === 'key' ? null : (
          <Menu position="bottom-end">
            <Menu.Target>
              <Button variant="default" size="compact-sm" loading={link.isPending}>
                Link another…
              </Button>
            </Menu.Target>
            <Menu.Dropdown>
              {linkable.map(({ id, name }) => (
                <Menu.Item key={id} onClick={() => link.mutate(id)}>
                  {name}
                </Menu.Item>
              ))}
            </Menu.Dropdown>
          </Menu>
        )
      }
    >
      {error === null ? null : <ErrorNotice error={error} retry={() => void refetch()} />}
      {link.isError ? <ErrorNotice error={link.error} /> : null}
      {data?.length === 0 ? <p className="muted">None.</p> : null}
      {data?.map(({ id, provider, subject, linked_at, linked_how }) => (
        <p key={id}>
          <strong>{provider.name}</strong> as <span className="mono">{subject}</span>{' '}
          <span className="muted">
            linked {LINKED[linked_how]} <Time value={linked_at} />
          </span>
        </p>
      ))}
    </Section>
  );
}

function RegisterDialog({ onClose }: { readonly onClose: () => void }) {
  const [name, setName] = useState('');
  const register = useWrite({
    write: () => registerPasskey(name.trim()),
    changes: ['passkeys'],
    done: (passkey: Passkey) => `The passkey ${passkey.name} is registered.`,
    onDone: onClose,
  });
  return (
    <Modal opened onClose={onClose} title="Register a passkey" closeButtonProps={{ 'aria-label': 'Close' }}>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          register.mutate(undefined);
        }}
      >
        <p className="muted">
          It confirms that it is you before what takes more than a session, and signs what you approve. The browser asks
          for the device that keeps it.
        </p>
        <TextInput
          label="Name"
          description="To tell it from others."
          placeholder="Laptop"
          withAsterisk
          data-autofocus
          maxLength={64}
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
        />
        {register.isError ? <ErrorNotice error={register.error} /> : null}
        <Button type="submit" loading={register.isPending} disabled={name.trim() === ''}>
          Register
        </Button>
      </form>
    </Modal>
  );
}
