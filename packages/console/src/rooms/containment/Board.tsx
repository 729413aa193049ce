import { Button } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { useState } from 'react';
import { activeQuarantinesQuery, activeStopsQuery, breakersQuery } from '../../api/queries.ts';
import type { Containment as Stop } from '../../api/types.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { actions, type Column, DataTable } from '../../ui/DataTable.tsx';
import { Empty, ErrorNotice } from '../../ui/Notice.tsx';
import { Section } from '../../ui/Page.tsx';
import { CONTAINED, type Contained, containedNow } from './contained.tsx';
import { KillSwitch } from './KillSwitch.tsx';
import { LastDrill } from './LastDrill.tsx';
import { LiftDialog } from './LiftDialog.tsx';
import { Nodes } from './Nodes.tsx';
import { Proposals } from './Proposals.tsx';
import { Summary } from './Summary.tsx';

const route = getRouteApi('/in/containment');

/** All that holds somebody back now, in one place, and the way to hold back more. */
export function Board() {
  const { scope = 'agent', target } = route.useSearch();
  const navigate = route.useNavigate();
  const stops = useQuery(activeStopsQuery);
  const quarantines = useQuery(activeQuarantinesQuery);
  const breakers = useQuery(breakersQuery);
  const [lifting, setLifting] = useState<Stop>();
  const failed = [stops, quarantines, breakers].find(({ error }) => error !== null);
  const rows =
    stops.data === undefined || quarantines.data === undefined || breakers.data === undefined
      ? undefined
      : containedNow(stops.data, quarantines.data, breakers.data);
  const act: Column<Contained> = actions('96px', (row) => {
    switch (row.kind) {
      case 'stop':
        return (
          <ActButton
            needs="POST /v1/containments/:id/lift"
            variant="default"
            size="compact-xs"
            aria-label={`Lift the stop of ${row.stop.scope} ${row.stop.target}`}
            onClick={() => setLifting(row.stop)}
          >
            Lift…
          </ActButton>
        );
      case 'quarantine':
        return (
          <Button
            variant="default"
            size="compact-xs"
            aria-label={`Review ${row.quarantine.agent}`}
            onClick={() => navigate({ search: { tab: 'quarantine', quarantine: row.quarantine.id } })}
          >
            Review…
          </Button>
        );
      case 'trial':
        return null;
    }
  });
  return (
    <>
      <Summary />
      <Proposals />
      <Section title="Kill switch">
        <KillSwitch
          scope={scope}
          target={target}
          onChoose={(next) => navigate({ search: next, replace: true })}
          onStopped={({ id }) => navigate({ search: { scope, stop: id } })}
        />
      </Section>
      <Section title="Contained now">
        {failed === undefined ? (
          <DataTable
            label="Contained now"
            columns={[...CONTAINED, act]}
            rows={rows}
            rowKey={({ key }) => key}
            empty={
              <Empty title="Nothing is contained" command="npx hivekey revoke AGENT">
                Every agent acts within its roles. Choose above what to stop, or from the command line:
              </Empty>
            }
          />
        ) : (
          <ErrorNotice error={failed.error} retry={() => void failed.refetch()} />
        )}
      </Section>
      <LastDrill />
      <Nodes />
      {lifting === undefined ? null : <LiftDialog stop={lifting} onClose={() => setLifting(undefined)} />}
    </>
  );
}
