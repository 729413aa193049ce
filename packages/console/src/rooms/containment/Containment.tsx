import { Button, Drawer, Skeleton } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { useState } from 'react';
import { at, send } from '../../api/client.ts';
import { stopQuery, stopsQuery } from '../../api/queries.ts';
import type { Containment as Stop } from '../../api/types.ts';
import { useWrite } from '../../app/write.ts';
import { Confirm } from '../../ui/Confirm.tsx';
import { Empty, ErrorNotice } from '../../ui/Notice.tsx';
import { Page, Section } from '../../ui/Page.tsx';
import { KillSwitch } from './KillSwitch.tsx';
import { ReceiptView } from './ReceiptView.tsx';
import { StopsTable } from './StopsTable.tsx';

const route = getRouteApi('/in/containment');

export function Containment() {
  const { scope = 'agent', target, stop } = route.useSearch();
  const navigate = route.useNavigate();
  const { data, error, refetch } = useQuery(stopsQuery);
  const [lifting, setLifting] = useState<Stop>();
  const stops = data?.data;
  return (
    <Page
      title="Containment"
      description="A stop binds the next action on every path, aborts what is in flight and is measured. It stands until somebody lifts it."
    >
      <Section title="Kill switch">
        <KillSwitch
          scope={scope}
          target={target}
          onChoose={(next) => navigate({ search: (old) => ({ ...old, ...next }), replace: true })}
          onStopped={({ id }) => navigate({ search: { scope, target: undefined, stop: id } })}
        />
      </Section>
      {error === null ? (
        <>
          <Section title="Active stops">
            <StopsTable
              label="Active stops"
              stops={stops?.filter(({ lifted_at }) => lifted_at === null)}
              empty={
                <Empty title="Nothing is stopped" command="npx hivekey revoke AGENT">
                  Choose above what to stop, or from the command line:
                </Empty>
              }
              last={{
                key: 'lift',
                header: <span className="visually-hidden">Actions</span>,
                width: '76px',
                align: 'end',
                cell: (each) => (
                  <Button
                    variant="default"
                    size="compact-xs"
                    aria-label={`Lift the stop of ${each.scope} ${each.target}`}
                    onClick={() => setLifting(each)}
                  >
                    Lift
                  </Button>
                ),
              }}
            />
          </Section>
          <Section title="Lifted">
            <StopsTable
              label="Lifted stops"
              stops={stops?.filter(({ lifted_at }) => lifted_at !== null)}
              empty={<p className="muted">None. Every stop keeps its receipt here after it is lifted.</p>}
            />
          </Section>
        </>
      ) : (
        <ErrorNotice error={error} retry={() => void refetch()} />
      )}
      <Drawer
        opened={stop !== undefined}
        onClose={() => navigate({ search: (old) => ({ ...old, stop: undefined }) })}
        title="Receipt of a stop"
        closeButtonProps={{ 'aria-label': 'Close' }}
      >
        {stop === undefined ? null : <StopReceipt id={stop} />}
      </Drawer>
      {lifting === undefined ? null : <LiftDialog stop={lifting} onClose={() => setLifting(undefined)} />}
    </Page>
  );
}

function StopReceipt({ id }: { readonly id: string }) {
  const { data, error, refetch } = useQuery(stopQuery(id));
  if (error !== null) return <ErrorNotice error={error} retry={() => void refetch()} />;
  return data === undefined ? <Skeleton height={260} aria-label="Loading" /> : <ReceiptView stop={data} />;
}

function LiftDialog({ stop, onClose }: { readonly stop: Stop; readonly onClose: () => void }) {
  const lift = useWrite({
    write: (reason: string) =>
      send<Stop>('POST', at`/v1/containments/${stop.id}/lift`, reason === '' ? {} : { reason }),
    changes: ['containments', 'agents', 'roles', 'session', 'workspace'],
    done: () => `The stop of ${stop.scope} ${stop.target} is lifted.`,
    onDone: onClose,
  });
  return (
    <Confirm
      title={`Lift the stop of ${stop.scope} ${stop.target}`}
      action="Lift stop"
      withReason
      pending={lift.isPending}
      error={lift.error}
      onConfirm={lift.mutate}
      onClose={onClose}
    >
      Agents come back only where no other stop covers them. Tokens that the stop ended stay dead: mint new ones.
    </Confirm>
  );
}
