import { IconPlus } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { at, send } from '../../api/client.ts';
import { transmittersQuery } from '../../api/queries.ts';
import type { RiskTransmitter } from '../../api/types.ts';
import { useWrite } from '../../app/write.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { Confirm } from '../../ui/Confirm.tsx';
import { actions, type Column, DataTable, TwoLines } from '../../ui/DataTable.tsx';
import { actorWords, duration } from '../../ui/format.ts';
import { Empty, ErrorNotice } from '../../ui/Notice.tsx';
import { Section } from '../../ui/Page.tsx';
import { Time } from '../../ui/Time.tsx';
import { TransmitterForm } from './TransmitterForm.tsx';

const COLUMNS: readonly Column<RiskTransmitter>[] = [
  { key: 'name', header: 'Transmitter', cell: ({ name, issuer }) => <TwoLines first={name} second={issuer} /> },
  {
    key: 'audience',
    header: 'Audience',
    width: '280px',
    cell: ({ audience }) => <span title={audience}>{audience}</span>,
  },
  {
    key: 'keys',
    header: 'Keys',
    width: '70px',
    align: 'end',
    cell: ({ jwks }) => (Array.isArray(jwks.keys) ? jwks.keys.length : 0),
  },
  {
    key: 'lasts',
    header: 'Counts for',
    width: '120px',
    cell: ({ lasts_seconds }) => duration(lasts_seconds),
  },
  {
    key: 'written',
    header: 'Written',
    width: '150px',
    cell: ({ updated_at, author }) => (
      <TwoLines first={<Time value={updated_at} />} second={`by ${actorWords(author)}`} />
    ),
  },
];

/** Who may push security event tokens, and with which keys they are signed. */
export function Transmitters() {
  const { data, error, refetch } = useQuery(transmittersQuery);
  const [editing, setEditing] = useState<RiskTransmitter | 'new'>();
  const [removing, setRemoving] = useState<RiskTransmitter>();
  const remove = useWrite({
    write: ({ name }: RiskTransmitter) => send<RiskTransmitter>('DELETE', at`/v1/risk-transmitters/${name}`),
    changes: ['transmitters'],
    done: ({ name }) => `${name} may push no more.`,
    onDone: () => setRemoving(undefined),
  });
  const act: Column<RiskTransmitter> = actions('150px', (each) => (
    <>
      <ActButton
        needs="PUT /v1/risk-transmitters/:name"
        variant="default"
        size="compact-xs"
        aria-label={`Edit ${each.name}`}
        onClick={() => setEditing(each)}
      >
        Edit…
      </ActButton>
      <ActButton
        needs="DELETE /v1/risk-transmitters/:name"
        variant="default"
        size="compact-xs"
        aria-label={`Remove ${each.name}`}
        onClick={() => {
          remove.reset();
          setRemoving(each);
        }}
      >
        Remove…
      </ActButton>
    </>
  ));
  return (
    <Section
      title="Transmitters"
      aside={
        <ActButton
          needs="PUT /v1/risk-transmitters/:name"
          leftSection={<IconPlus size={14} aria-hidden />}
          onClick={() => setEditing('new')}
        >
          New transmitter
        </ActButton>
      }
    >
      <p className="muted">
        Detectors that speak OpenID Shared Signals push their tokens to <code>/v1/security-events</code>. Their keys are
        written here and never fetched.
      </p>
      {error === null ? (
        <DataTable
          label="Transmitters"
          columns={[...COLUMNS, act]}
          rows={data}
          rowKey={({ name }) => name}
          empty={
            <Empty title="Nobody may push signals" command="npx hivekey risk transmitter edr.json">
              A transmitter is a detector with its issuer, its audience and its public keys. Write one here, or from the
              command line:
            </Empty>
          }
        />
      ) : (
        <ErrorNotice error={error} retry={() => void refetch()} />
      )}
      {editing === undefined ? null : (
        <TransmitterForm transmitter={editing === 'new' ? undefined : editing} onClose={() => setEditing(undefined)} />
      )}
      {removing === undefined ? null : (
        <Confirm
          title={`Remove the transmitter ${removing.name}`}
          action="Remove"
          danger
          pending={remove.isPending}
          error={remove.error}
          onConfirm={() => remove.mutate(removing)}
          onClose={() => setRemoving(undefined)}
        >
          Its tokens are refused from now on. What it has said stands until it expires.
        </Confirm>
      )}
    </Section>
  );
}
