import { Drawer, Skeleton, Tabs } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { stopQuery } from '../../api/queries.ts';
import { ErrorNotice } from '../../ui/Notice.tsx';
import { Page } from '../../ui/Page.tsx';
import { Board } from './Board.tsx';
import { Breakers } from './Breakers.tsx';
import { Drills } from './Drills.tsx';
import { Quarantines } from './Quarantines.tsx';
import { Receipts } from './Receipts.tsx';
import { ReceiptView } from './ReceiptView.tsx';
import { TwoPeople } from './TwoPeople.tsx';

const route = getRouteApi('/in/containment');
const TABS = ['quarantine', 'breakers', 'drills', 'receipts', 'people'] as const;

export function Containment() {
  const { tab = 'board', stop } = route.useSearch();
  const navigate = route.useNavigate();
  return (
    <Page
      title="Containment"
      description="A stop binds the next action on every path and stands until somebody lifts it. Quarantine lets an agent read on. Breakers do either by themselves."
    >
      <Tabs
        value={tab}
        keepMounted={false}
        onChange={(next) => navigate({ search: { tab: TABS.find((each) => each === next) }, replace: true })}
      >
        <Tabs.List mb="md">
          <Tabs.Tab value="board">Board</Tabs.Tab>
          <Tabs.Tab value="quarantine">Quarantine</Tabs.Tab>
          <Tabs.Tab value="breakers">Breakers</Tabs.Tab>
          <Tabs.Tab value="drills">Drills</Tabs.Tab>
          <Tabs.Tab value="receipts">Receipts</Tabs.Tab>
          <Tabs.Tab value="people">Two people</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="board">
          <Board />
        </Tabs.Panel>
        <Tabs.Panel value="quarantine">
          <Quarantines />
        </Tabs.Panel>
        <Tabs.Panel value="breakers">
          <Breakers />
        </Tabs.Panel>
        <Tabs.Panel value="drills">
          <Drills />
        </Tabs.Panel>
        <Tabs.Panel value="receipts">
          <Receipts />
        </Tabs.Panel>
        <Tabs.Panel value="people">
          <TwoPeople />
        </Tabs.Panel>
      </Tabs>
      <Drawer
        opened={stop !== undefined}
        onClose={() => navigate({ search: (old) => ({ ...old, stop: undefined }) })}
        title="Receipt of a stop"
        closeButtonProps={{ 'aria-label': 'Close' }}
      >
        {stop === undefined ? null : <StopReceipt id={stop} />}
      </Drawer>
    </Page>
  );
}

function StopReceipt({ id }: { readonly id: string }) {
  const { data, error, refetch } = useQuery(stopQuery(id));
  if (error !== null) return <ErrorNotice error={error} retry={() => void refetch()} />;
  return data === undefined ? <Skeleton height={260} aria-label="Loading" /> : <ReceiptView stop={data} />;
}
