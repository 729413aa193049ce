import { Skeleton } from '@mantine/core';
import { IconDoorExit, IconMailForward, IconUserCheck } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { useState } from 'react';
import { personQuery } from '../../api/identity-queries.ts';
import { sessionQuery } from '../../api/queries.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { ErrorNotice } from '../../ui/Notice.tsx';
import { Page } from '../../ui/Page.tsx';
import { ActivateDialog } from './ActivateDialog.tsx';
import { InviteDialog } from './InviteDialog.tsx';
import { LeaveDialog } from './LeaveDialog.tsx';
import { Left } from './Left.tsx';
import { PersonMark } from './PeopleList.tsx';
import { PersonAccess } from './PersonAccess.tsx';
import { PersonAgents } from './PersonAgents.tsx';
import { PersonFacts } from './PersonFacts.tsx';
import { PersonRoles } from './PersonRoles.tsx';
import classes from './people.module.css';

const route = getRouteApi('/in/people/$person');
const UP = { to: '/people', label: 'People' };

export function PersonPage() {
  const { person: name } = route.useParams();
  const { data: person, error, refetch } = useQuery(personQuery(name));
  const { data: session } = useQuery(sessionQuery);
  const [dialog, setDialog] = useState<'invite' | 'leave' | 'activate'>();
  if (error !== null)
    return (
      <Page title={name} up={UP}>
        <ErrorNotice error={error} retry={() => void refetch()} />
      </Page>
    );
  if (person === undefined)
    return (
      <Page title={name} up={UP}>
        <Skeleton height={320} aria-label="Loading" />
      </Page>
    );
  const isOwn = session?.person?.id === person.id;
  const close = () => setDialog(undefined);
  return (
    <Page
      title={person.email}
      up={UP}
      mark={<PersonMark person={person} />}
      {...(person.display_name === '' ? {} : { description: person.display_name })}
      actions={
        person.active ? (
          <>
            {person.break_glass ? null : (
              <ActButton
                needs="POST /v1/people/:person/invitations"
                variant="default"
                leftSection={<IconMailForward size={14} aria-hidden />}
                onClick={() => setDialog('invite')}
              >
                Invite…
              </ActButton>
            )}
            <ActButton
              needs="PATCH /v1/people/:person"
              color="red"
              leftSection={<IconDoorExit size={14} aria-hidden />}
              onClick={() => setDialog('leave')}
            >
              Deactivate…
            </ActButton>
          </>
        ) : (
          <ActButton
            needs="PATCH /v1/people/:person"
            refusal={
              person.directory === null
                ? undefined
                : `Whether they are here is for the directory ${person.directory} to say.`
            }
            leftSection={<IconUserCheck size={14} aria-hidden />}
            onClick={() => setDialog('activate')}
          >
            Activate…
          </ActButton>
        )
      }
    >
      {person.active ? null : <Left person={person} />}
      <div className={classes.columns}>
        <div>
          <PersonAgents person={person} />
          <PersonAccess person={person} />
        </div>
        <div className="stack">
          <PersonFacts key={person.id} person={person} isOwn={isOwn} />
          <PersonRoles key={`roles ${person.id}`} person={person} isOwn={isOwn} />
        </div>
      </div>
      {dialog === 'invite' ? <InviteDialog person={person} onClose={close} /> : null}
      {dialog === 'leave' ? <LeaveDialog person={person} isOwn={isOwn} onClose={close} /> : null}
      {dialog === 'activate' ? <ActivateDialog person={person} onClose={close} /> : null}
    </Page>
  );
}
