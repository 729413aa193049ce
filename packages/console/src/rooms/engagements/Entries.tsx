import type { Engagement, Unmasked } from '@hivekey/sdk';
import { Button, Modal, SegmentedControl, TextInput } from '@mantine/core';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { at, send } from '../../api/client.ts';
import { entriesQuery, entryQuery, type MaskedEvent } from '../../api/engagement-queries.ts';
import { useWrite } from '../../app/write.ts';
import { CodeBlock } from '../../ui/Copy.tsx';
import { type Column, DataTable, TwoLines } from '../../ui/DataTable.tsx';
import { count } from '../../ui/format.ts';
import { ErrorNotice } from '../../ui/Notice.tsx';
import { OlderOnes } from '../../ui/OlderOnes.tsx';
import { Moment } from '../../ui/Time.tsx';
import { VerdictMark } from '../../ui/Verdict.tsx';
import classes from './engagements.module.css';

/** Calls of the period as they were recorded, with what they carried hidden; one value at a time is shown, for a reason. */
export function Entries({ engagement }: { readonly engagement: Engagement }) {
  const [verdict, setVerdict] = useState<'all' | 'allow' | 'deny' | 'review'>('all');
  const [typed, setTyped] = useState('');
  const [open, setOpen] = useState<string>();
  const query = useInfiniteQuery(entriesQuery(verdict === 'all' ? undefined : verdict));
  return (
    <div className="stack-tight">
      <form
        className="row"
        style={{ flexWrap: 'wrap', alignItems: 'flex-end' }}
        onSubmit={(event) => {
          event.preventDefault();
          if (typed.trim() !== '') setOpen(typed.trim());
        }}
      >
        <SegmentedControl
          aria-label="Verdict"
          data={['all', 'allow', 'deny', 'review']}
          value={verdict}
          onChange={(next) => setVerdict(VERDICTS.find((each) => each === next) ?? 'all')}
        />
        <TextInput
          aria-label="Event id"
          placeholder="evt_…"
          value={typed}
          onChange={(event) => setTyped(event.currentTarget.value)}
        />
        <Button type="submit" variant="default" disabled={typed.trim() === ''}>
          Open
        </Button>
      </form>
      {query.error === null ? null : <ErrorNotice error={query.error} retry={() => void query.refetch()} />}
      <DataTable
        label="Entries"
        columns={columnsFor(setOpen)}
        rows={query.data?.pages.flatMap(({ data }) => data)}
        rowKey={({ event_id }) => event_id}
        empty={<p className="muted">No call in the period.</p>}
      />
      <OlderOnes query={query} />
      {open === undefined ? null : <Entry engagement={engagement} id={open} onClose={() => setOpen(undefined)} />}
    </div>
  );
}

const VERDICTS = ['all', 'allow', 'deny', 'review'] as const;

function columnsFor(open: (id: string) => void): readonly Column<MaskedEvent>[] {
  return [
    {
      key: 'seq',
      header: 'Number',
      width: '96px',
      align: 'end',
      cell: ({ seq }) => <span className="num">{count(seq)}</span>,
    },
    { key: 'ts', header: 'When', width: '210px', cell: ({ ts }) => <Moment value={ts} /> },
    {
      key: 'call',
      header: 'Call',
      cell: ({ action, agent, owner }) => (
        <TwoLines first={action ?? '—'} second={[agent, owner].filter((each) => each !== undefined).join(', ')} />
      ),
    },
    {
      key: 'verdict',
      header: 'Verdict',
      width: '140px',
      cell: ({ verdict, reason_class: reasonClass }) =>
        verdict === undefined ? '—' : <VerdictMark verdict={verdict} reasonClass={reasonClass} />,
    },
    { key: 'reason', header: 'Why', cell: ({ reason }) => <span className="muted">{reason}</span> },
    {
      key: 'open',
      header: <span className="visually-hidden">Actions</span>,
      width: '80px',
      align: 'end',
      cell: ({ event_id: id }) => (
        <Button variant="default" size="compact-xs" aria-label={`Open ${id}`} onClick={() => open(id)}>
          Open
        </Button>
      ),
    },
  ];
}

function Entry({
  engagement,
  id,
  onClose,
}: {
  readonly engagement: Engagement;
  readonly id: string;
  readonly onClose: () => void;
}) {
  const { data, error } = useQuery(entryQuery(id));
  return (
    <Modal opened onClose={onClose} title={id} size={760} closeButtonProps={{ 'aria-label': 'Close' }}>
      {error === null ? null : <ErrorNotice error={error} />}
      {data === undefined ? null : (
        <div className="stack">
          <CodeBlock code={JSON.stringify(data.event, null, 2)} what="record" />
          {data.result === null ? null : <CodeBlock code={JSON.stringify(data.result, null, 2)} what="result" />}
          {data.event.masked.length === 0 ? null : (
            <Hidden engagement={engagement} event={id} fields={data.event.masked} />
          )}
        </div>
      )}
    </Modal>
  );
}

function Hidden({
  engagement,
  event,
  fields,
}: {
  readonly engagement: Engagement;
  readonly event: string;
  readonly fields: readonly string[];
}) {
  const [reason, setReason] = useState('');
  const [shown, setShown] = useState<ReadonlyMap<string, string>>(new Map());
  const show = useWrite({
    write: (field: string) =>
      send<Unmasked>('POST', at`/v1/engagements/${engagement.id}/unmaskings`, { event, field, reason: reason.trim() }),
    changes: [],
    onDone: ({ field, value }) => setShown((old) => new Map(old).set(field, JSON.stringify(value))),
  });
  return (
    <div className="stack-tight">
      <TextInput
        label="Why a hidden value is to be shown"
        description="Goes into the log, for the customer to read."
        maxLength={1000}
        value={reason}
        onChange={(change) => setReason(change.currentTarget.value)}
      />
      {show.isError ? <ErrorNotice error={show.error} /> : null}
      <ul className={classes.list}>
        {fields.map((field) => (
          <li key={field}>
            <code>{field}</code>{' '}
            {shown.has(field) ? (
              <strong>{shown.get(field)}</strong>
            ) : (
              <Button
                variant="default"
                size="compact-xs"
                aria-label={`Show ${field}`}
                disabled={reason.trim() === '' || engagement.status === 'ended'}
                loading={show.isPending && show.variables === field}
                onClick={() => show.mutate(field)}
              >
                Show
              </Button>
            )}
          </li>
        ))}
      </ul>
    </div>
  );
}
