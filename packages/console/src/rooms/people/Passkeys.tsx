import { useQuery } from '@tanstack/react-query';
import { type ReactNode, useState } from 'react';
import { at, send } from '../../api/client.ts';
import { passkeysQuery } from '../../api/identity-queries.ts';
import type { Passkey } from '../../api/identity-types.ts';
import { useWrite } from '../../app/write.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { Confirm } from '../../ui/Confirm.tsx';
import { actions, type Column, DataTable, TwoLines } from '../../ui/DataTable.tsx';
import { ErrorNotice } from '../../ui/Notice.tsx';
import { Section } from '../../ui/Page.tsx';
import { Time } from '../../ui/Time.tsx';

/** Passkeys of a person; of oneself without `person`. */
export function Passkeys({ person, aside }: { readonly person?: string; readonly aside?: ReactNode }) {
  const { data, error, refetch } = useQuery(passkeysQuery(person));
  const [revoking, setRevoking] = useState<Passkey>();
  const columns: readonly Column<Passkey>[] = [
    {
      key: 'name',
      header: 'Passkey',
      cell: ({ name, device_bound }) => (
        <TwoLines
          first={<span title={name}>{name}</span>}
          second={device_bound ? 'stays on its device' : 'synced between devices'}
        />
      ),
    },
    { key: 'made', header: 'Registered', width: '112px', cell: ({ created }) => <Time value={created} /> },
    {
      key: 'used',
      header: 'Last used',
      width: '112px',
      cell: ({ last_used_at }) => <Time value={last_used_at} absent="never" />,
    },
    actions('90px', (passkey) => (
      <ActButton
        needs="POST /v1/passkeys/:id/revoke"
        variant="default"
        size="compact-xs"
        aria-label={`Revoke the passkey ${passkey.name}`}
        onClick={() => setRevoking(passkey)}
      >
        Revoke
      </ActButton>
    )),
  ];
  return (
    <Section title="Passkeys" aside={aside}>
      {error === null ? (
        <DataTable
          label="Passkeys"
          columns={columns}
          rows={data?.filter(({ revoked_at }) => revoked_at === null)}
          rowKey={({ id }) => id}
          empty={<p className="muted">None.</p>}
        />
      ) : (
        <ErrorNotice error={error} retry={() => void refetch()} />
      )}
      {revoking === undefined ? null : <RevokeDialog passkey={revoking} onClose={() => setRevoking(undefined)} />}
    </Section>
  );
}

function RevokeDialog({ passkey, onClose }: { readonly passkey: Passkey; readonly onClose: () => void }) {
  const revoke = useWrite({
    write: () => send<Passkey>('POST', at`/v1/passkeys/${passkey.id}/revoke`, {}),
    changes: ['passkeys', 'break-glass'],
    done: ({ name }) => `The passkey ${name} is revoked.`,
    onDone: onClose,
  });
  return (
    <Confirm
      title={`Revoke the passkey ${passkey.name}`}
      action="Revoke"
      danger
      pending={revoke.isPending}
      error={revoke.error}
      onConfirm={() => revoke.mutate(undefined)}
      onClose={onClose}
    >
      It no longer confirms or signs anything for {passkey.person}. What it has signed can still be checked.
    </Confirm>
  );
}
