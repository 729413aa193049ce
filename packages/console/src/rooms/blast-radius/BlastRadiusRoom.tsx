import { Button, SegmentedControl, Select } from '@mantine/core';
import { useInfiniteQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { useState } from 'react';
import { fleetRadiusQuery } from '../../api/radius-queries.ts';
import type { AgentBlastRadius, RadiusLine } from '../../api/radius-types.ts';
import { type Column, DataTable, rowLink, TwoLines } from '../../ui/DataTable.tsx';
import { Empty, ErrorNotice } from '../../ui/Notice.tsx';
import { Page } from '../../ui/Page.tsx';
import { Mark } from '../../ui/Verdict.tsx';
import { LeastPrivilege } from './LeastPrivilege.tsx';
import { Amount, RadiusCard } from './RadiusCard.tsx';
import { horizonWords, LINES, unitWords } from './words.ts';

const route = getRouteApi('/in/blast-radius');

/** What could happen at worst, of all agents and of each; and what use says could be taken away. */
export function BlastRadiusRoom() {
  const { tab = 'agents' } = route.useSearch();
  const navigate = route.useNavigate();
  return (
    <Page
      title="Blast radius"
      description="The most that could happen before somebody stops it, computed from what is enforced now. What has no bound, and what is not known, is said in words."
      actions={
        <SegmentedControl
          aria-label="Shown"
          data={[
            { value: 'agents', label: 'Agents' },
            { value: 'workspace', label: 'All together' },
            { value: 'proposals', label: 'Least privilege' },
          ]}
          value={tab}
          onChange={(next) =>
            navigate({ search: next === 'agents' ? {} : { tab: next as Exclude<typeof tab, 'agents'> } })
          }
        />
      }
    >
      {tab === 'agents' ? <Fleet /> : tab === 'workspace' ? <RadiusCard whose={{}} /> : <LeastPrivilege />}
    </Page>
  );
}

function Fleet() {
  const [horizon, setHorizon] = useState('24h');
  const [line, setLine] = useState<RadiusLine>('alone');
  const { data, error, isPending, hasNextPage, isFetchingNextPage, fetchNextPage, refetch } = useInfiniteQuery(
    fleetRadiusQuery(horizon, line),
  );
  const rows = data?.pages.flatMap((page) => page.data);
  const units = [...new Set((rows ?? []).flatMap(({ amounts }) => Object.keys(amounts)))];
  return (
    <div className="stack-tight">
      <div className="row-wrap">
        <Select
          aria-label="Within"
          data={['contained', '1h', '24h', '7d'].map((value) => ({ value, label: horizonWords(value) }))}
          allowDeselect={false}
          value={horizon}
          onChange={(next) => next !== null && setHorizon(next)}
          w={150}
        />
        <Select
          aria-label="What holds"
          data={[...LINES]}
          allowDeselect={false}
          value={line}
          onChange={(next) => next !== null && setLine(next as RadiusLine)}
          w={210}
        />
      </div>
      {error === null ? (
        <DataTable
          label="Blast radius of each agent"
          columns={columnsOf(units)}
          rows={isPending ? undefined : rows}
          rowKey={({ agent_id }) => agent_id}
          empty={<Empty title="No agent may act">Agents that are active stand here, the largest first.</Empty>}
        />
      ) : (
        <ErrorNotice error={error} retry={() => void refetch()} />
      )}
      <p className="muted">
        They do not add up: limits that agents share count once.{' '}
        <Link to="/blast-radius" search={{ tab: 'workspace' }}>
          All together
        </Link>{' '}
        has what the whole workspace can do.
      </p>
      {hasNextPage ? (
        <div>
          <Button variant="default" loading={isFetchingNextPage} onClick={() => void fetchNextPage()}>
            More agents
          </Button>
        </div>
      ) : null}
    </div>
  );
}

function columnsOf(units: readonly string[]): readonly Column<AgentBlastRadius>[] {
  return [
    {
      key: 'agent',
      header: 'Agent',
      cell: ({ agent, owner }) => (
        <TwoLines
          first={
            <Link
              to="/agents/$agent"
              params={{ agent }}
              search={{ tab: 'blast-radius' }}
              className={rowLink}
              title={agent}
            >
              {agent}
            </Link>
          }
          second={owner}
        />
      ),
    },
    ...units.map(
      (unit): Column<AgentBlastRadius> => ({
        key: unit,
        header: unitWords(unit),
        align: 'end',
        cell: ({ amounts }) => {
          const amount = amounts[unit];
          return amount === undefined ? <span className="muted">—</span> : <Amount amount={amount} />;
        },
      }),
    ),
    {
      key: 'accepted',
      header: 'Accepted',
      width: '150px',
      cell: ({ acceptance }) =>
        acceptance === null ? (
          <span className="muted">by nobody</span>
        ) : acceptance.exceeded || acceptance.expired ? (
          <Mark tone="deny">{acceptance.exceeded ? 'grown since' : 'time is over'}</Mark>
        ) : (
          <span className="truncate" title={acceptance.person}>
            {acceptance.person}
          </span>
        ),
    },
  ];
}
