import { Button, Select, TextInput } from '@mantine/core';
import { useDebouncedCallback } from '@mantine/hooks';
import { IconSearch } from '@tabler/icons-react';
import { useInfiniteQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { agentsQuery } from '../../api/queries.ts';
import type { Agent } from '../../api/types.ts';
import { type Column, DataTable, rowLink, Tags, TwoLines } from '../../ui/DataTable.tsx';
import { Empty, ErrorNotice } from '../../ui/Notice.tsx';
import { OwnerPicker, RolePicker } from '../../ui/Pickers.tsx';
import { Time } from '../../ui/Time.tsx';
import { StatusMark } from '../../ui/Verdict.tsx';
import { AttentionMarks } from './AttentionMarks.tsx';
import { ATTENTION } from './words.ts';

const route = getRouteApi('/in/agents');
const TYPING_MS = 200;

const COLUMNS: readonly Column<Agent>[] = [
  {
    key: 'name',
    header: 'Agent',
    cell: ({ name, description }) => (
      <TwoLines
        first={
          <Link to="/agents/$agent" params={{ agent: name }} className={rowLink} title={name}>
            {name}
          </Link>
        }
        second={description}
      />
    ),
  },
  {
    key: 'owner',
    header: 'Owner',
    cell: ({ owner, owner_label }) => (
      <TwoLines first={<span title={owner}>{owner}</span>} second={owner_label ?? undefined} />
    ),
  },
  { key: 'roles', header: 'Roles', cell: ({ roles }) => <Tags names={roles} most={2} /> },
  {
    key: 'status',
    header: 'Status',
    width: '190px',
    cell: ({ status, attention }) => (
      <span className="row-wrap">
        <StatusMark status={status} />
        <AttentionMarks attention={attention} />
      </span>
    ),
  },
  {
    key: 'last',
    header: 'Last action',
    width: '118px',
    cell: ({ last_action_at }) => <Time value={last_action_at} absent="never" />,
  },
];

/** Who acts here, for whom, and what of it somebody should look at. */
export function AgentList() {
  const { q, status, role, owner, attention } = route.useSearch();
  const filter = { q, status, role, owner, attention };
  const navigate = route.useNavigate();
  const { data, error, isPending, isFetchingNextPage, hasNextPage, fetchNextPage, refetch } = useInfiniteQuery(
    agentsQuery(filter),
  );
  const setQ = useDebouncedCallback(
    (next: string) => navigate({ search: (old) => ({ ...old, q: next || undefined }), replace: true }),
    TYPING_MS,
  );
  const agents = isPending ? undefined : data?.pages.flatMap((page) => page.data);
  const isFiltered = Object.values(filter).some((value) => value !== undefined);
  return (
    <>
      <search className="row-wrap" style={{ marginBottom: 12 }} aria-label="Filter agents">
        <TextInput
          aria-label="Name or owner contains"
          placeholder="Name or owner"
          leftSection={<IconSearch size={14} aria-hidden />}
          defaultValue={filter.q ?? ''}
          onChange={(event) => setQ(event.currentTarget.value)}
          w={220}
        />
        <Select
          aria-label="Status"
          placeholder="Any status"
          clearable
          data={['active', 'suspended', 'revoked']}
          value={filter.status ?? null}
          onChange={(status) => navigate({ search: (old) => ({ ...old, status: status ?? undefined }) as typeof old })}
          w={140}
        />
        <Select
          aria-label="To look at"
          placeholder="Any attention"
          clearable
          data={Object.entries(ATTENTION).map(([value, { word }]) => ({ value, label: word }))}
          value={filter.attention ?? null}
          onChange={(next) => navigate({ search: (old) => ({ ...old, attention: next ?? undefined }) as typeof old })}
          w={150}
        />
        <div style={{ width: 190 }}>
          <RolePicker
            label="Role"
            hideLabel
            placeholder="Any role"
            clearable
            value={filter.role}
            onChange={(role) => navigate({ search: (old) => ({ ...old, role }) })}
          />
        </div>
        <div style={{ width: 230 }}>
          <OwnerPicker
            label="Owner"
            hideLabel
            onlyKnown
            placeholder="Any owner"
            clearable
            value={filter.owner}
            onChange={(owner) => navigate({ search: (old) => ({ ...old, owner }) })}
          />
        </div>
      </search>
      {error === null ? (
        <DataTable
          label="Agents"
          columns={COLUMNS}
          rows={agents}
          rowKey={({ id }) => id}
          empty={isFiltered ? <NoMatch /> : <NoAgents />}
        />
      ) : (
        <ErrorNotice error={error} retry={() => void refetch()} />
      )}
      {hasNextPage ? (
        <Button variant="default" mt="sm" loading={isFetchingNextPage} onClick={() => void fetchNextPage()}>
          More agents
        </Button>
      ) : null}
    </>
  );
}

function NoMatch() {
  return (
    <Empty title="No agent fits these filters" action={<Link to="/agents">Show all agents</Link>}>
      Try fewer words, or another owner.
    </Empty>
  );
}

function NoAgents() {
  return (
    <Empty
      title="No agents yet"
      command="npx hivekey agent create support-bot --role support-agent --owner dana@acme.example"
    >
      An agent is an identity with an accountable owner and one or more roles; without a role it can do nothing.
      Register an <Link to="/servers">MCP server</Link>, write a <Link to="/roles">role</Link> that grants some of its
      tools, then make the agent here or with:
    </Empty>
  );
}
