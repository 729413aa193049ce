import { SegmentedControl } from '@mantine/core';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { changeSettingsQuery, changesQuery } from '../../api/change-queries.ts';
import type { ChangeSummary } from '../../api/change-types.ts';
import { type Column, DataTable, rowLink, TwoLines } from '../../ui/DataTable.tsx';
import { Empty, ErrorNotice } from '../../ui/Notice.tsx';
import { OlderOnes } from '../../ui/OlderOnes.tsx';
import { Page } from '../../ui/Page.tsx';
import { Time } from '../../ui/Time.tsx';
import { Live } from './Live.tsx';
import { ChangeMark, RiskMark } from './marks.tsx';
import { Settings } from './Settings.tsx';
import { objectsWords } from './words.ts';

const route = getRouteApi('/in/changes');
const SHOW = [
  { value: 'waiting', label: 'To review' },
  { value: 'drafts', label: 'Drafts' },
  { value: 'ready', label: 'Approved' },
  { value: 'all', label: 'All' },
  { value: 'live', label: 'Drift' },
  { value: 'settings', label: 'Settings' },
] as const;

const FILTERS = {
  waiting: { waiting: true },
  drafts: { status: 'draft' },
  ready: { status: 'approved' },
  all: {},
} as const;

/** Everything that somebody asked to have otherwise, and what became of it. */
export function Changes() {
  const { show = 'waiting' } = route.useSearch();
  const navigate = route.useNavigate();
  const { data: settings } = useQuery(changeSettingsQuery);
  return (
    <Page
      title="Changes"
      description={
        settings?.mode === 'direct'
          ? 'Changes of what decides. At the moment they may be made directly: reviews are switched on under Settings.'
          : 'Changes of what decides. Somebody else looks at each before it is in force.'
      }
      actions={
        <SegmentedControl
          aria-label="Changes shown"
          data={[...SHOW]}
          value={show}
          onChange={(next) =>
            navigate({ search: next === 'waiting' ? {} : { show: next as Exclude<typeof show, 'waiting'> } })
          }
        />
      }
    >
      {show === 'settings' ? <Settings /> : show === 'live' ? <Live /> : <ChangeList show={show} />}
    </Page>
  );
}

const EMPTY: Readonly<Record<keyof typeof FILTERS, readonly [title: string, text: string]>> = {
  waiting: ['Nothing waits for a review', 'What somebody submits stands here until enough others have approved it.'],
  drafts: ['No drafts', 'Propose a change in a role, or plan one from files.'],
  ready: [
    'Nothing is approved and not in force',
    'Approved changes are activated here, or by themselves at their time.',
  ],
  all: ['No changes yet', 'Each change of what decides keeps its author, reviewers and preview here.'],
};

function ChangeList({ show }: { readonly show: keyof typeof FILTERS }) {
  const list = useInfiniteQuery(changesQuery(FILTERS[show]));
  const { data, error, isPending, refetch } = list;
  if (error !== null) return <ErrorNotice error={error} retry={() => void refetch()} />;
  const [title, text] = EMPTY[show];
  return (
    <div className="stack-tight">
      <DataTable
        label="Changes"
        columns={COLUMNS}
        rows={isPending ? undefined : data.pages.flatMap((page) => page.data)}
        rowKey={({ id }) => id}
        empty={
          <Empty title={title} command="npx hivekey plan --post">
            {text}
          </Empty>
        }
      />
      <OlderOnes query={list} />
    </div>
  );
}

const COLUMNS: readonly Column<ChangeSummary>[] = [
  {
    key: 'title',
    header: 'Change',
    cell: ({ name, title, objects }) => (
      <TwoLines
        first={
          <Link to="/changes/$change" params={{ change: name }} className={rowLink} title={title}>
            {name} · {title}
          </Link>
        }
        second={objectsWords(objects)}
      />
    ),
  },
  {
    key: 'author',
    header: 'Author',
    width: '210px',
    cell: ({ author, source }) => (
      <TwoLines first={author} second={source === null ? undefined : `from commit ${source.commit.slice(0, 10)}`} />
    ),
  },
  { key: 'risk', header: 'Risk', width: '96px', cell: ({ risk }) => <RiskMark risk={risk} /> },
  { key: 'class', header: 'Class', width: '100px', cell: (change) => change.class },
  { key: 'status', header: 'Status', width: '130px', cell: (change) => <ChangeMark change={change} /> },
  { key: 'updated', header: 'Moved', width: '104px', cell: ({ updated_at }) => <Time value={updated_at} /> },
];
