import { SegmentedControl } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { useState } from 'react';
import { detectionEvaluatorQuery, detectionsQuery } from '../../api/detection-queries.ts';
import type { Detection, DetectionEvaluator } from '../../api/detection-types.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { type Column, DataTable, rowLink, TwoLines } from '../../ui/DataTable.tsx';
import { count, duration } from '../../ui/format.ts';
import { Empty, ErrorNotice } from '../../ui/Notice.tsx';
import { Page } from '../../ui/Page.tsx';
import { Time } from '../../ui/Time.tsx';
import { Mark } from '../../ui/Verdict.tsx';
import { SeverityMark } from '../alerts/marks.tsx';
import { OwnRule } from './OwnRule.tsx';
import { Tests } from './Tests.tsx';
import { actionWords } from './words.ts';

const route = getRouteApi('/in/detections');

/** The rules over the log: what each looks for, what is done when it fires, and whether it was tested. */
export function Detections() {
  const { tab = 'rules' } = route.useSearch();
  const navigate = route.useNavigate();
  const [isWriting, setWriting] = useState(false);
  const { data: evaluator } = useQuery(detectionEvaluatorQuery);
  return (
    <Page
      title="Detections"
      description="Rules over the log, in its order. What one finds opens an alert, with the records that show it."
      {...(evaluator === undefined ? {} : { mark: <EvaluatorMark evaluator={evaluator} /> })}
      actions={
        <>
          <SegmentedControl
            aria-label="What is shown"
            data={[
              { value: 'rules', label: 'Rules' },
              { value: 'tests', label: 'Tests' },
            ]}
            value={tab}
            onChange={(next) => navigate({ search: next === 'tests' ? { tab: 'tests' } : {} })}
          />
          <ActButton needs="PUT /v1/detections/:rule" onClick={() => setWriting(true)}>
            Add a rule
          </ActButton>
        </>
      }
    >
      {tab === 'tests' ? <Tests /> : <Rules />}
      {isWriting ? <OwnRule onClose={() => setWriting(false)} /> : null}
    </Page>
  );
}

/** Rules that nobody evaluates find nothing: that is said here. */
function EvaluatorMark({ evaluator }: { readonly evaluator: DetectionEvaluator }) {
  const { node, lag_seconds: lag, head_seq: head, written_seq: written, last_error: error } = evaluator;
  if (error !== null) return <Mark tone="deny">{`not evaluated: ${error}`}</Mark>;
  if (node === null && head > 0) return <Mark tone="deny">no node evaluates</Mark>;
  const behind = Math.max(0, head - written);
  if (lag > 10) return <Mark tone="review">{`${duration(lag)} behind, ${count(behind)} records`}</Mark>;
  return <Mark tone="allow">evaluated as it is written</Mark>;
}

function Rules() {
  const { data, error, refetch } = useQuery(detectionsQuery);
  if (error !== null) return <ErrorNotice error={error} retry={() => void refetch()} />;
  return (
    <DataTable
      label="Detection rules"
      columns={COLUMNS}
      rows={data}
      rowKey={({ name }) => name}
      empty={<Empty title="No rule">This installation ships none, and the workspace has none of its own.</Empty>}
    />
  );
}

const COLUMNS: readonly Column<Detection>[] = [
  {
    key: 'name',
    header: 'Rule',
    cell: ({ name, title, description, shipped }) => (
      <TwoLines
        first={
          <Link to="/detections/$rule" params={{ rule: name }} className={rowLink} title={title}>
            {name} · {title}
          </Link>
        }
        second={shipped ? description : `your own · ${description}`}
      />
    ),
  },
  {
    key: 'level',
    header: 'Severity',
    width: '124px',
    cell: ({ level, severity }) => {
      const shown = severity ?? level;
      return shown === null ? <span className="muted">–</span> : <SeverityMark severity={shown} />;
    },
  },
  {
    key: 'state',
    header: 'State',
    width: '130px',
    cell: ({ enabled, problem }) =>
      problem !== null ? (
        <Mark tone="deny">does not run</Mark>
      ) : enabled ? (
        <Mark tone="allow">on</Mark>
      ) : (
        <Mark tone="review">off</Mark>
      ),
  },
  {
    key: 'action',
    header: 'When it fires',
    width: '190px',
    cell: ({ action }) => <span className="truncate">{actionWords(action)}</span>,
  },
  {
    key: 'found',
    header: 'In 30 days',
    width: '92px',
    align: 'end',
    cell: ({ findings_30_days: found }) => count(found),
  },
  {
    key: 'last',
    header: 'Last',
    width: '104px',
    cell: ({ last_finding_at: last }) => <Time value={last} absent="never" />,
  },
];
