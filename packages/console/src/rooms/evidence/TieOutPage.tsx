import type { TieOut, TieOutDifference, TieOutTotals } from '@hivekey/sdk';
import { Button, Modal, Skeleton, Textarea } from '@mantine/core';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { useState } from 'react';
import { at, send } from '../../api/client.ts';
import { differencesQuery, tieOutQuery } from '../../api/evidence-queries.ts';
import { useWrite } from '../../app/write.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { actions, type Column, DataTable, TwoLines } from '../../ui/DataTable.tsx';
import { actorWords, count } from '../../ui/format.ts';
import { ErrorNotice } from '../../ui/Notice.tsx';
import { Facts, Page, Section } from '../../ui/Page.tsx';
import { Moment } from '../../ui/Time.tsx';
import { TieOutState } from './TieOuts.tsx';

const route = getRouteApi('/in/evidence/tie-outs/$tieOut');
const UP = { to: '/evidence', search: { tab: 'tie-outs' }, label: 'Tie-outs' };

/** One comparison, and each difference with what was said of it. */
export function TieOutPage() {
  const { tieOut: id } = route.useParams();
  const { data: tieOut, error, refetch } = useQuery(tieOutQuery(id));
  const differences = useInfiniteQuery(differencesQuery(id));
  const [open, setOpen] = useState<TieOutDifference>();
  const rows = differences.data?.pages.flatMap(({ data }) => data);
  return (
    <Page
      title={
        tieOut === undefined ? id : `${tieOut.tool}, ${tieOut.from.slice(0, 10)} to before ${tieOut.to.slice(0, 10)}`
      }
      up={UP}
      mark={tieOut === undefined ? undefined : <TieOutState state={tieOut.state} />}
    >
      {error !== null ? (
        <ErrorNotice error={error} retry={() => void refetch()} />
      ) : tieOut === undefined ? (
        <Skeleton height={240} aria-label="Loading" />
      ) : (
        <div className="stack">
          <Compared tieOut={tieOut} />
          <Section title="Differences, one by one">
            <DataTable
              label="Differences"
              rows={rows}
              rowKey={({ id: each }) => each}
              columns={[
                ...COLUMNS,
                actions<TieOutDifference>('110px', (difference) => (
                  <ActButton
                    needs="POST /v1/tie-outs/:id/differences/:difference/explain"
                    variant="default"
                    size="compact-xs"
                    onClick={() => setOpen(difference)}
                  >
                    Explain
                  </ActButton>
                )),
              ]}
              empty={<p className="muted">The tool’s list and the log are equal.</p>}
            />
            {differences.hasNextPage ? (
              <Button variant="default" onClick={() => void differences.fetchNextPage()}>
                More
              </Button>
            ) : null}
          </Section>
          {open === undefined ? null : <Explain tieOut={id} difference={open} onClose={() => setOpen(undefined)} />}
        </div>
      )}
    </Page>
  );
}

function Compared({ tieOut }: { readonly tieOut: TieOut }) {
  const { ours, theirs, compared_by: by, matched, rows, rows_counted: counted, left_out: left } = tieOut;
  return (
    <Section title="What was compared">
      <Facts
        facts={[
          ['By the tool', totalsWords(theirs)],
          ['By the log', `${totalsWords(ours)}, up to number ${count(tieOut.through_seq)}`],
          ['Compared by', by === 'reference' ? `the tool’s own reference: ${count(matched)} match` : by],
          ['File', `${count(rows)} rows, ${count(counted)} counted; SHA-256 ${tieOut.sha256}`],
          [
            'Left out',
            Object.entries(left)
              .map(([why, n]) => `${why}: ${count(n)}`)
              .join(', '),
          ],
          ['Imported', <Moment key="at" value={tieOut.imported_at} />],
          ['By', tieOut.person ?? actorWords(tieOut.imported_by)],
          ['Reason', tieOut.reason],
          [
            'On the log',
            <Link key="log" to="/log" search={{ event: tieOut.event_id, kind: 'all' }}>
              Record
            </Link>,
          ],
        ]}
      />
    </Section>
  );
}

function totalsWords({ count: n, sums }: TieOutTotals): string {
  const money = Object.entries(sums).map(([currency, minor]) => `${count(minor)} ${currency} in minor units`);
  return [count(n), ...money].join(', ');
}

const COLUMNS: readonly Column<TieOutDifference>[] = [
  { key: 'n', header: 'No.', width: '56px', align: 'end', cell: ({ n }) => <span className="num">{n}</span> },
  {
    key: 'what',
    header: 'Difference',
    cell: ({ words, reference }) => <TwoLines first={<span title={words}>{words}</span>} second={reference ?? ''} />,
  },
  {
    key: 'call',
    header: 'Call',
    width: '80px',
    cell: ({ call_event_id: event }) =>
      event === null ? (
        <span className="muted">—</span>
      ) : (
        <Link to="/log" search={{ event, kind: 'all' }}>
          Record
        </Link>
      ),
  },
  {
    key: 'said',
    header: 'What was said of it',
    cell: ({ explanations }) => {
      const last = explanations.at(-1);
      return last === undefined ? (
        <span className="muted">nothing yet</span>
      ) : (
        <TwoLines
          first={<span title={last.explanation}>{last.explanation}</span>}
          second={`by ${actorWords(last.explained_by)}`}
        />
      );
    },
  },
];

function Explain({
  tieOut,
  difference,
  onClose,
}: {
  readonly tieOut: string;
  readonly difference: TieOutDifference;
  readonly onClose: () => void;
}) {
  const [text, setText] = useState('');
  const explain = useWrite({
    write: () =>
      send('POST', at`/v1/tie-outs/${tieOut}/differences/${difference.id}/explain`, { explanation: text.trim() }),
    changes: ['evidence'],
    done: () => 'It is on the log, and stays',
    onDone: onClose,
  });
  return (
    <Modal
      opened
      onClose={onClose}
      title="Explain a difference"
      size={520}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          if (text.trim() !== '' && !explain.isPending) explain.mutate(undefined);
        }}
      >
        <p>{difference.words}</p>
        <Textarea
          label="Explanation"
          description="In your name. It cannot be taken back; more can be said after it."
          withAsterisk
          autosize
          minRows={3}
          maxLength={10_000}
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
        />
        {explain.error === null ? null : <ErrorNotice error={explain.error} />}
        <div className="row" style={{ justifyContent: 'flex-end' }}>
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={explain.isPending} disabled={text.trim() === ''}>
            Explain
          </Button>
        </div>
      </form>
    </Modal>
  );
}
