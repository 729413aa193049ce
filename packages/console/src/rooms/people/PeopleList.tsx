import { Button, Select, TextInput } from '@mantine/core';
import { useDebouncedCallback } from '@mantine/hooks';
import { IconPlus, IconSearch } from '@tabler/icons-react';
import { useInfiniteQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { peopleListQuery } from '../../api/identity-queries.ts';
import type { Person } from '../../api/identity-types.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { type Column, DataTable, rowLink, Tags, TwoLines } from '../../ui/DataTable.tsx';
import { Empty, ErrorNotice } from '../../ui/Notice.tsx';
import { Mark } from '../../ui/Verdict.tsx';
import { AddPerson } from './AddPerson.tsx';
import { SOURCES } from './words.ts';

const route = getRouteApi('/in/people');
const TYPING_MS = 200;

const COLUMNS: readonly Column<Person>[] = [
  {
    key: 'email',
    header: 'Person',
    cell: ({ email, display_name }) => (
      <TwoLines
        first={
          <Link to="/people/$person" params={{ person: email }} className={rowLink} title={email}>
            {email}
          </Link>
        }
        second={display_name}
      />
    ),
  },
  {
    key: 'source',
    header: 'Source',
    width: '130px',
    cell: ({ source, directory }) => <TwoLines first={SOURCES[source]} second={directory ?? undefined} />,
  },
  { key: 'groups', header: 'Groups', cell: ({ groups }) => <Tags names={groups} most={2} /> },
  {
    key: 'roles',
    header: 'Workspace roles',
    width: '220px',
    cell: ({ effective_roles }) => <Tags names={effective_roles} most={3} />,
  },
  {
    key: 'agents',
    header: 'Agents',
    width: '80px',
    align: 'end',
    cell: ({ agents }) => (agents === 0 ? <span className="muted">none</span> : <span className="num">{agents}</span>),
  },
  {
    key: 'status',
    header: 'Status',
    width: '120px',
    cell: (person) => <PersonMark person={person} />,
  },
];

export function PersonMark({ person: { active, break_glass, deleted_at } }: { readonly person: Person }) {
  if (deleted_at !== null) return <Mark tone="neutral">deleted</Mark>;
  if (!active) return <Mark tone="neutral">left</Mark>;
  return break_glass ? <Mark tone="review">emergency</Mark> : <Mark tone="allow">active</Mark>;
}

export function PeopleList() {
  const { create, q, group, source, active } = route.useSearch();
  const navigate = route.useNavigate();
  const filter = { q, group, source, active: active === undefined ? undefined : active === 'yes' };
  const { data, error, isPending, isFetchingNextPage, hasNextPage, fetchNextPage, refetch } = useInfiniteQuery(
    peopleListQuery(filter),
  );
  const setQ = useDebouncedCallback(
    (next: string) => navigate({ search: (old) => ({ ...old, q: next || undefined }), replace: true }),
    TYPING_MS,
  );
  const isFiltered = Object.values(filter).some((value) => value !== undefined);
  return (
    <div className="stack-tight">
      <div className="spread" style={{ flexWrap: 'wrap' }}>
        <search className="row-wrap" aria-label="Filter people">
          <TextInput
            aria-label="E-mail or name contains"
            placeholder="E-mail or name"
            leftSection={<IconSearch size={14} aria-hidden />}
            defaultValue={q ?? ''}
            onChange={(event) => setQ(event.currentTarget.value)}
            w={220}
          />
          <Select
            aria-label="Source"
            placeholder="Any source"
            clearable
            data={Object.entries(SOURCES).map(([value, label]) => ({ value, label }))}
            value={source ?? null}
            onChange={(next) => navigate({ search: (old) => ({ ...old, source: next ?? undefined }) as typeof old })}
            w={140}
          />
          <Select
            aria-label="Status"
            placeholder="Any status"
            clearable
            data={[
              { value: 'yes', label: 'Active' },
              { value: 'no', label: 'Left' },
            ]}
            value={active ?? null}
            onChange={(next) => navigate({ search: (old) => ({ ...old, active: next ?? undefined }) as typeof old })}
            w={130}
          />
          {group === undefined ? null : (
            <Button
              variant="default"
              onClick={() => navigate({ search: (old) => ({ ...old, group: undefined }) })}
              aria-label={`Show people outside of the group ${group} too`}
            >
              Group {group} ×
            </Button>
          )}
        </search>
        <ActButton
          needs="POST /v1/people"
          leftSection={<IconPlus size={14} aria-hidden />}
          onClick={() => navigate({ search: (old) => ({ ...old, create: true }) })}
        >
          Add a person
        </ActButton>
      </div>
      {error === null ? (
        <DataTable
          label="People"
          columns={COLUMNS}
          rows={isPending ? undefined : data?.pages.flatMap((page) => page.data)}
          rowKey={({ id }) => id}
          empty={isFiltered ? <NoMatch /> : <NoPeople />}
        />
      ) : (
        <ErrorNotice error={error} retry={() => void refetch()} />
      )}
      {hasNextPage ? (
        <div>
          <Button variant="default" loading={isFetchingNextPage} onClick={() => void fetchNextPage()}>
            More people
          </Button>
        </div>
      ) : null}
      {create === true ? (
        <AddPerson onClose={() => navigate({ search: (old) => ({ ...old, create: undefined }) })} />
      ) : null}
    </div>
  );
}

function NoMatch() {
  return (
    <Empty title="Nobody fits these filters" action={<Link to="/people">Show everybody</Link>}>
      Try fewer letters, or another source.
    </Empty>
  );
}

function NoPeople() {
  return (
    <Empty title="Nobody yet" command="npx hivekey person add dana@acme.example">
      Every agent has one accountable person. Add people here or with the command below, let them come in at their first{' '}
      <Link to="/people" search={{ tab: 'sign-in' }}>
        sign-in
      </Link>
      , or have a directory{' '}
      <Link to="/people" search={{ tab: 'provisioning' }}>
        provision
      </Link>{' '}
      them.
    </Empty>
  );
}
