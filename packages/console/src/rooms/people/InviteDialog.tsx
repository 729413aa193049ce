import { Button, Checkbox, Modal, Select } from '@mantine/core';
import { useState } from 'react';
import { at, send } from '../../api/client.ts';
import type { Invitation, Person } from '../../api/identity-types.ts';
import { useWrite } from '../../app/write.ts';
import { CodeBlock } from '../../ui/Copy.tsx';
import { ErrorNotice, ShownOnce } from '../../ui/Notice.tsx';
import { Time } from '../../ui/Time.tsx';

const LIFETIMES = [
  { value: '3600', label: '1 hour' },
  { value: '86400', label: '1 day' },
  { value: '604800', label: '7 days' },
  { value: '2592000', label: '30 days' },
];

/** Makes the link with which the person signs in for the first time. */
export function InviteDialog({ person, onClose }: { readonly person: Person; readonly onClose: () => void }) {
  const [lifetime, setLifetime] = useState('604800');
  const [anyEmail, setAnyEmail] = useState(false);
  const invite = useWrite({
    write: () =>
      send<Invitation>('POST', at`/v1/people/${person.id}/invitations`, {
        expires_in_seconds: Number(lifetime),
        any_email: anyEmail,
      }),
    changes: ['invitations'],
  });
  const url = invite.data?.url;
  return (
    <Modal
      opened
      onClose={onClose}
      title={`Invite ${person.email}`}
      closeOnClickOutside={url === undefined}
      closeOnEscape={url === undefined}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      {url === undefined ? (
        <form
          className="stack"
          onSubmit={(event) => {
            event.preventDefault();
            invite.mutate(undefined);
          }}
        >
          <p className="muted">
            Whoever opens the link signs in at an identity provider, and that account is then the person’s for good. A
            link made before ends.
          </p>
          <Select
            label="Expires after"
            data={LIFETIMES}
            value={lifetime}
            onChange={(next) => setLifetime(next ?? lifetime)}
          />
          <Checkbox
            label="The provider may know the person by another e-mail"
            checked={anyEmail}
            onChange={(event) => setAnyEmail(event.currentTarget.checked)}
          />
          {invite.isError ? <ErrorNotice error={invite.error} /> : null}
          <Button type="submit" loading={invite.isPending}>
            Make the link
          </Button>
        </form>
      ) : (
        <div className="stack">
          <ShownOnce>
            Copy the link now and give it to the person alone: it is shown this once, and whoever opens it comes in as
            them.
          </ShownOnce>
          <CodeBlock code={url} what="invitation link" wrap />
          <p className="muted">
            For one use; it ends <Time value={invite.data?.expires_at ?? null} />.
          </p>
          <Button variant="default" onClick={onClose}>
            Done
          </Button>
        </div>
      )}
    </Modal>
  );
}
