import { useInfiniteQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { liveTestsQuery } from '../../api/detection-queries.ts';
import type { LiveTest } from '../../api/detection-types.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { actions, type Column, DataTable, TwoLines } from '../../ui/DataTable.tsx';
import { actorWords } from '../../ui/format.ts';
import { Empty, ErrorNotice } from '../../ui/Notice.tsx';
import { OlderOnes } from '../../ui/OlderOnes.tsx';
import { Time } from '../../ui/Time.tsx';
import { StatusMark } from '../../ui/Verdict.tsx';
import { Due } from './Due.tsx';
import { SiemAlertDialog } from './SiemAlertDialog.tsx';

/** Live tests, of one rule or of all: marked events went the real way, and each step has its time. */
export function Tests({ detection }: { readonly detection?: string }) {
  const [entered, setEntered] = useState<LiveTest>();
  const list = useInfiniteQuery(liveTestsQuery(detection));
  const { data, error, isPending, refetch } = list;
  if (error !== null) return <ErrorNotice error={error} retry={() => void refetch()} />;
  const columns = [
    ...(detection === undefined ? [RULE, ...COLUMNS] : COLUMNS),
    actions<LiveTest>('150px', (test) =>
      test.siem_alert_id === null && test.kind === 'attack' && test.arrived_at !== null ? (
        <ActButton
          needs="POST /v1/detections/live-tests/:id/siem-alert"
          variant="default"
          size="compact-xs"
          onClick={() => setEntered(test)}
        >
          Alert of the SIEM
        </ActButton>
      ) : null,
    ),
  ];
  return (
    <div className="stack-tight">
      {detection === undefined ? <Due /> : null}
      <DataTable
        label="Live tests"
        columns={columns}
        rows={isPending ? undefined : data.pages.flatMap((page) => page.data)}
        rowKey={({ id }) => id}
        empty={
          <Empty title="Not tested live yet" command={`npx hivekey detections fire ${detection ?? 'D01'}`}>
            A live test injects marked events, stopped before any tool, and follows them to the sinks and the alert.
            They are in no count.
          </Empty>
        }
      />
      <OlderOnes query={list} />
      {entered === undefined ? null : <SiemAlertDialog test={entered} onClose={() => setEntered(undefined)} />}
    </div>
  );
}

const RULE: Column<LiveTest> = {
  key: 'rule',
  header: 'Rule',
  width: '90px',
  cell: ({ detection }) => (
    <Link to="/detections/$rule" params={{ rule: detection }}>
      {detection}
    </Link>
  ),
};

/** After the injection, in seconds. */
function after(test: LiveTest, moment: string | null): string | undefined {
  if (moment === null || test.injected_at === null) return undefined;
  return `${((Date.parse(moment) - Date.parse(test.injected_at)) / 1000).toFixed(1)} s after`;
}

const step = (key: string, header: string, of: (test: LiveTest) => string | null): Column<LiveTest> => ({
  key,
  header,
  width: '120px',
  cell: (test) => {
    const moment = of(test);
    return moment === null ? (
      <span className="muted">–</span>
    ) : (
      <TwoLines first={<Time value={moment} />} second={after(test, moment)} />
    );
  },
});

const COLUMNS: readonly Column<LiveTest>[] = [
  {
    key: 'kind',
    header: 'Sample',
    cell: ({ kind, started_by: by, failure }) => (
      <TwoLines
        first={kind === 'attack' ? 'attack: has to be found' : 'benign: must not be found'}
        second={failure ?? `by ${actorWords(by)}`}
      />
    ),
  },
  { key: 'injected', header: 'Injected', width: '110px', cell: ({ injected_at: at }) => <Time value={at} /> },
  step('arrived', 'In the sinks', ({ arrived_at: at }) => at),
  {
    key: 'alerted',
    header: 'Alert',
    width: '120px',
    cell: (test) =>
      test.alert_id === null ? (
        <span className="muted">–</span>
      ) : (
        <TwoLines
          first={
            <Link to="/alerts/$alert" params={{ alert: test.alert_id }}>
              alert
            </Link>
          }
          second={after(test, test.alerted_at)}
        />
      ),
  },
  step('siem', 'Alert of the SIEM', ({ siem_alerted_at: at }) => at),
  { key: 'status', header: 'Result', width: '110px', cell: ({ status }) => <StatusMark status={status} /> },
];
