import { Button, SegmentedControl, Skeleton, TextInput } from '@mantine/core';
import { useDebouncedCallback } from '@mantine/hooks';
import { IconBan, IconDownload, IconSearch, IconShield } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { useMemo } from 'react';
import { matrixCellsQuery, matrixQuery } from '../../api/queries.ts';
import { plural } from '../../ui/format.ts';
import { Empty, ErrorNotice } from '../../ui/Notice.tsx';
import { Page } from '../../ui/Page.tsx';
import { saveFile } from '../../ui/save-file.ts';
import { GridView } from './GridView.tsx';
import classes from './matrix.module.css';
import { csvOf, type Grid, gridOf } from './model.ts';

const route = getRouteApi('/in/matrix');
const TYPING_MS = 150;
const SHOW = [
  { value: 'all', label: 'All' },
  { value: 'granted', label: 'Granted' },
  { value: 'read', label: 'Read' },
  { value: 'write', label: 'Write' },
];

export function Matrix() {
  const { q, role, show } = route.useSearch();
  const navigate = route.useNavigate();
  const { data, error, refetch } = useQuery(matrixQuery);
  const { data: answers } = useQuery(matrixCellsQuery);
  const grid = useMemo(
    () => (data === undefined ? undefined : gridOf(data, { q, role, show }, answers?.cells)),
    [data, answers, q, role, show],
  );
  const setWords = useDebouncedCallback(
    (words: { q?: string | undefined; role?: string | undefined }) =>
      navigate({ search: (old) => ({ ...old, ...words }), replace: true }),
    TYPING_MS,
  );
  return (
    <Page
      title="Access matrix"
      fill
      actions={
        <div className="row">
          <Button
            variant="default"
            leftSection={<IconDownload size={14} aria-hidden />}
            disabled={grid === undefined || answers === undefined}
            onClick={() =>
              grid !== undefined &&
              saveFile(`access-matrix-${new Date().toISOString().slice(0, 10)}.csv`, 'text/csv', csvOf(grid))
            }
          >
            CSV
          </Button>
          <Button
            component="a"
            href="/v1/matrix.svg"
            download="access-matrix.svg"
            variant="default"
            leftSection={<IconDownload size={14} aria-hidden />}
          >
            One page (SVG)
          </Button>
        </div>
      }
    >
      <search className={classes.filters} aria-label="Filter the matrix">
        <TextInput
          aria-label="Capability contains"
          placeholder="Capability"
          leftSection={<IconSearch size={14} aria-hidden />}
          defaultValue={q ?? ''}
          onChange={(event) => setWords({ q: event.currentTarget.value || undefined })}
          w={200}
        />
        <TextInput
          aria-label="Role contains"
          placeholder="Role"
          defaultValue={role ?? ''}
          onChange={(event) => setWords({ role: event.currentTarget.value || undefined })}
          w={150}
        />
        <SegmentedControl
          aria-label="Capabilities shown"
          data={SHOW}
          value={show ?? 'all'}
          onChange={(next) =>
            navigate({
              search: (old) => ({ ...old, show: next === 'all' ? undefined : (next as typeof show) }),
              replace: true,
            })
          }
        />
        <Legend />
      </search>
      {error !== null ? <ErrorNotice error={error} retry={() => void refetch()} /> : null}
      {error === null && grid === undefined ? <Skeleton flex={1} mb="lg" aria-label="Loading" /> : null}
      {grid === undefined ? null : <Content grid={grid} isFiltered={Boolean(q ?? role ?? show)} />}
    </Page>
  );
}

function Content({ grid, isFiltered }: { readonly grid: Grid; readonly isFiltered: boolean }) {
  if (grid.roles.length > 0 && grid.columns.length > 0) return <GridView grid={grid} />;
  if (isFiltered)
    return (
      <Empty title="Nothing fits these filters" action={<Link to="/matrix">Show everything</Link>}>
        {plural(grid.roles.length, 'role')} and {plural(grid.columns.length, 'capability', 'capabilities')} are left.
      </Empty>
    );
  return (
    <Empty title="No roles or no capabilities yet" command="npx hivekey role apply -f support-agent.yaml">
      Capabilities come with an <Link to="/servers">MCP server</Link> or are declared; a <Link to="/roles">role</Link>{' '}
      grants them.
    </Empty>
  );
}

function Legend() {
  return (
    <ul className={classes.legend} aria-label="Marks">
      <li>
        <span className={classes.cellMark} data-access="read">
          R
        </span>{' '}
        read
      </li>
      <li>
        <span className={classes.cellMark} data-access="write">
          W
        </span>{' '}
        write
      </li>
      <li>
        <IconShield size={12} aria-hidden /> guarded
      </li>
      <li>
        <IconBan size={12} aria-hidden /> stopped
      </li>
    </ul>
  );
}
