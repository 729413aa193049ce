import { Button } from '@mantine/core';
import { IconShieldPause } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { useState } from 'react';
import { activeQuarantinesQuery, endedQuarantinesQuery } from '../../api/queries.ts';
import type { Quarantine } from '../../api/types.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { actions, type Column, DataTable, rowLink, TwoLines } from '../../ui/DataTable.tsx';
import { actorWords } from '../../ui/format.ts';
import { Empty, ErrorNotice } from '../../ui/Notice.tsx';
import { Section } from '../../ui/Page.tsx';
import { Time } from '../../ui/Time.tsx';
import { PlaceDialog } from './PlaceDialog.tsx';
import { ReviewDialog } from './ReviewDialog.tsx';

const route = getRouteApi('/in/containment');

const AGENT: Column<Quarantine> = {
  key: 'agent',
  header: 'Agent',
  cell: ({ id, agent, reason }) => (
    <TwoLines
      first={
        <Link to="/containment" search={{ tab: 'quarantine', quarantine: id }} className={rowLink}>
          {agent}
        </Link>
      }
      second={reason}
    />
  ),
};

const LEFT: Column<Quarantine> = {
  key: 'left',
  header: 'What is left',
  width: '210px',
  cell: ({ role, roles }) => (
    <TwoLines first={role === null ? 'its reads' : `its reads within ${role}`} second={`of ${roles.join(', ')}`} />
  ),
};

const SINCE: Column<Quarantine> = {
  key: 'since',
  header: 'Since',
  width: '170px',
  cell: ({ entered_at, actor }) => <TwoLines first={<Time value={entered_at} />} second={`by ${actorWords(actor)}`} />,
};

const ACTIVE: readonly Column<Quarantine>[] = [
  AGENT,
  LEFT,
  SINCE,
  {
    key: 'ends',
    header: 'Ends',
    width: '150px',
    cell: ({ until }) => (until === null ? 'after a review' : <Time value={until} />),
  },
];

const ENDED: readonly Column<Quarantine>[] = [
  {
    ...AGENT,
    cell: ({ agent, reason }) => (
      <TwoLines
        first={
          <Link to="/agents/$agent" params={{ agent }} className={rowLink}>
            {agent}
          </Link>
        }
        second={reason}
      />
    ),
  },
  SINCE,
  {
    key: 'ended',
    header: 'Ended',
    width: '300px',
    cell: ({ ended_at, ended_by, end_reason }) => (
      <TwoLines
        first={
          <>
            <Time value={ended_at} /> by {actorWords(ended_by ?? '')}
          </>
        }
        second={end_reason ?? undefined}
      />
    ),
  },
];

export function Quarantines() {
  const { quarantine: reviewed, place } = route.useSearch();
  const navigate = route.useNavigate();
  const active = useQuery(activeQuarantinesQuery);
  const ended = useQuery(endedQuarantinesQuery);
  const [isPlacing, setPlacing] = useState(false);
  const close = () => {
    setPlacing(false);
    void navigate({ search: { tab: 'quarantine' }, replace: true });
  };
  const shown = active.data?.find(({ id }) => id === reviewed);
  const last: Column<Quarantine> = actions('96px', ({ id, agent }) => (
    <Button
      variant="default"
      size="compact-xs"
      aria-label={`Review ${agent}`}
      onClick={() => navigate({ search: { tab: 'quarantine', quarantine: id } })}
    >
      Review…
    </Button>
  ));
  return (
    <>
      <Section
        title="Flagged for review"
        aside={
          <ActButton
            needs="POST /v1/agents/:agent/quarantine"
            leftSection={<IconShieldPause size={14} aria-hidden />}
            onClick={() => setPlacing(true)}
          >
            Place an agent…
          </ActButton>
        }
      >
        {active.error === null ? (
          <DataTable
            label="Agents in quarantine"
            columns={[...ACTIVE, last]}
            rows={active.data}
            rowKey={({ id }) => id}
            empty={
              <Empty title="No agent is in quarantine" command="npx hivekey quarantine AGENT --reason …">
                In quarantine an agent keeps its roles, tokens and sessions, and of what they grant only reads are left.
                A breaker or a person places it there; from the command line:
              </Empty>
            }
          />
        ) : (
          <ErrorNotice error={active.error} retry={() => void active.refetch()} />
        )}
      </Section>
      <Section title="Ended">
        {ended.error === null ? (
          <DataTable
            label="Ended quarantines"
            columns={ENDED}
            rows={ended.data?.data}
            rowKey={({ id }) => id}
            empty={<p className="muted">None. Who ended a quarantine, and why, stays here.</p>}
          />
        ) : (
          <ErrorNotice error={ended.error} retry={() => void ended.refetch()} />
        )}
      </Section>
      {isPlacing || place !== undefined ? <PlaceDialog agent={place} onClose={close} /> : null}
      {shown === undefined ? null : <ReviewDialog quarantine={shown} onClose={close} />}
    </>
  );
}
