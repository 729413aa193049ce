import type { Engagement, EngagementPersonLetIn } from '@hivekey/sdk';
import { Button, Modal, TextInput } from '@mantine/core';
import { useState } from 'react';
import { at, send } from '../../api/client.ts';
import { useWrite } from '../../app/write.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { Confirm } from '../../ui/Confirm.tsx';
import { CodeBlock } from '../../ui/Copy.tsx';
import { ErrorNotice, ShownOnce } from '../../ui/Notice.tsx';
import { Section } from '../../ui/Page.tsx';
import { Time } from '../../ui/Time.tsx';
import classes from './engagements.module.css';

type Person = Engagement['people'][number];

/** Who of the firm is in, and who was. */
export function People({ engagement, isFirm }: { readonly engagement: Engagement; readonly isFirm: boolean }) {
  const [open, setOpen] = useState<'add' | { readonly again: Person } | { readonly out: Person }>();
  const close = () => setOpen(undefined);
  const canChange = !isFirm && engagement.status === 'open';
  return (
    <Section
      title="People"
      aside={
        canChange ? (
          <ActButton
            needs="POST /v1/engagements/:id/people"
            variant="default"
            size="compact-xs"
            onClick={() => setOpen('add')}
          >
            Let a person in
          </ActButton>
        ) : null
      }
    >
      {engagement.people.length === 0 ? <p className="muted">Nobody yet.</p> : null}
      {engagement.people.map((person) => (
        <div key={person.id} className={classes.card}>
          <span>{person.email}</span>
          <span className="muted">
            {person.removed_at !== null ? (
              <>
                out since <Time value={person.removed_at} />
              </>
            ) : person.passkeys === 0 ? (
              'has not registered a passkey yet'
            ) : (
              <>
                last sign-in <Time value={person.last_sign_in_at} absent="never" />
              </>
            )}
          </span>
          {canChange && person.removed_at === null ? (
            <div className="row">
              <ActButton
                needs="POST /v1/engagements/:id/people/:person/invitations"
                variant="default"
                size="compact-xs"
                aria-label={`Another link for ${person.email}`}
                onClick={() => setOpen({ again: person })}
              >
                Another link
              </ActButton>
              <ActButton
                needs="DELETE /v1/engagements/:id/people/:person"
                variant="default"
                size="compact-xs"
                aria-label={`Take out ${person.email}`}
                onClick={() => setOpen({ out: person })}
              >
                Take out
              </ActButton>
            </div>
          ) : null}
        </div>
      ))}
      {open === undefined ? null : open === 'add' ? (
        <LetIn engagement={engagement} person={undefined} onClose={close} />
      ) : 'again' in open ? (
        <LetIn engagement={engagement} person={open.again} onClose={close} />
      ) : (
        <TakeOut engagement={engagement} person={open.out} onClose={close} />
      )}
    </Section>
  );
}

/** Makes the link with which a person registers the passkey that they sign in with. */
function LetIn({
  engagement,
  person,
  onClose,
}: {
  readonly engagement: Engagement;
  readonly person: Person | undefined;
  readonly onClose: () => void;
}) {
  const [email, setEmail] = useState('');
  const letIn = useWrite({
    write: () =>
      person === undefined
        ? send<EngagementPersonLetIn>('POST', at`/v1/engagements/${engagement.id}/people`, { email: email.trim() })
        : send<EngagementPersonLetIn>('POST', at`/v1/engagements/${engagement.id}/people/${person.id}/invitations`, {}),
    changes: ['engagements'],
  });
  const url = letIn.data?.url;
  return (
    <Modal
      opened
      onClose={onClose}
      title={person === undefined ? 'Let a person in' : `Another link for ${person.email}`}
      closeOnClickOutside={url === undefined}
      closeOnEscape={url === undefined}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      {url === undefined ? (
        <form
          className="stack"
          onSubmit={(event) => {
            event.preventDefault();
            letIn.mutate(undefined);
          }}
        >
          {person === undefined ? (
            <TextInput
              label="Work e-mail"
              description={`At ${engagement.firm_domain}.`}
              withAsterisk
              data-autofocus
              value={email}
              onChange={(event) => setEmail(event.currentTarget.value)}
            />
          ) : null}
          <p className="muted">
            The link registers a passkey, which asks for finger, face or PIN. There is no other way in. A link made
            before ends.
          </p>
          {letIn.isError ? <ErrorNotice error={letIn.error} /> : null}
          <Button type="submit" loading={letIn.isPending} disabled={person === undefined && email.trim() === ''}>
            Make the link
          </Button>
        </form>
      ) : (
        <div className="stack">
          <ShownOnce>
            Copy the link now and give it to the person alone: it is shown this once, and whoever opens it comes in as
            them.
          </ShownOnce>
          <CodeBlock code={url} what="link" wrap />
          <p className="muted">For one use, within 7 days.</p>
          <Button variant="default" onClick={onClose}>
            Done
          </Button>
        </div>
      )}
    </Modal>
  );
}

function TakeOut({
  engagement,
  person,
  onClose,
}: {
  readonly engagement: Engagement;
  readonly person: Person;
  readonly onClose: () => void;
}) {
  const takeOut = useWrite({
    write: (_: string) => send('DELETE', at`/v1/engagements/${engagement.id}/people/${person.id}`),
    changes: ['engagements'],
    done: () => `${person.email} is out`,
    onDone: onClose,
  });
  return (
    <Confirm
      title={`Take ${person.email} out`}
      action="Take out"
      danger
      pending={takeOut.isPending}
      error={takeOut.error}
      onConfirm={takeOut.mutate}
      onClose={onClose}
    >
      Their sessions and passkeys end at once. What they have written stays.
    </Confirm>
  );
}
