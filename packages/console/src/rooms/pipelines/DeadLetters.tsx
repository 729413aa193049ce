import { useInfiniteQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { at, send } from '../../api/client.ts';
import { sinkDeadLettersQuery } from '../../api/sink-queries.ts';
import type { Sink, SinkDeadLetter } from '../../api/sink-types.ts';
import { useWrite } from '../../app/write.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { Confirm } from '../../ui/Confirm.tsx';
import { actions, type Column, DataTable, TwoLines } from '../../ui/DataTable.tsx';
import { plural } from '../../ui/format.ts';
import { Empty, ErrorNotice } from '../../ui/Notice.tsx';
import { OlderOnes } from '../../ui/OlderOnes.tsx';
import { Time } from '../../ui/Time.tsx';
import { StatusMark } from '../../ui/Verdict.tsx';

interface Asked {
  readonly act: 'redrive' | 'drop';
  /** Undefined: all that wait. */
  readonly letter: SinkDeadLetter | undefined;
}

/** What the receiver would not take, one by one: nothing is dropped by itself. */
export function DeadLetters({ sink }: { readonly sink: Sink }) {
  const [asked, setAsked] = useState<Asked>();
  const list = useInfiniteQuery(sinkDeadLettersQuery(sink.id));
  const { data, error, isPending, refetch } = list;
  const columns = [
    ...COLUMNS,
    actions<SinkDeadLetter>('190px', (letter) =>
      letter.status === 'waiting' ? (
        <>
          <ActButton
            needs="POST /v1/siem/sinks/:sink/dead-letters/redrive"
            variant="default"
            size="compact-xs"
            onClick={() => setAsked({ act: 'redrive', letter })}
          >
            Send again
          </ActButton>
          <ActButton
            needs="POST /v1/siem/sinks/:sink/dead-letters/drop"
            variant="default"
            size="compact-xs"
            onClick={() => setAsked({ act: 'drop', letter })}
          >
            Give up
          </ActButton>
        </>
      ) : null,
    ),
  ];
  if (error !== null) return <ErrorNotice error={error} retry={() => void refetch()} />;
  return (
    <div className="stack-tight">
      {sink.dead_letters > 0 ? (
        <div className="row" style={{ justifyContent: 'flex-end' }}>
          <ActButton
            needs="POST /v1/siem/sinks/:sink/dead-letters/redrive"
            variant="default"
            onClick={() => setAsked({ act: 'redrive', letter: undefined })}
          >
            Send all again
          </ActButton>
        </div>
      ) : null}
      <DataTable
        label="Set aside"
        columns={columns}
        rows={isPending ? undefined : data.pages.flatMap((page) => page.data)}
        rowKey={({ id }) => id}
        empty={
          <Empty title="Nothing is set aside">
            An entry that the receiver refuses for good is set aside, with its answer, and the stream goes on.
          </Empty>
        }
      />
      <OlderOnes query={list} />
      {asked === undefined ? null : <Ask sink={sink} asked={asked} onClose={() => setAsked(undefined)} />}
    </div>
  );
}

function Ask({
  sink,
  asked: { act, letter },
  onClose,
}: {
  readonly sink: Sink;
  readonly asked: Asked;
  readonly onClose: () => void;
}) {
  const write = useWrite({
    write: (reason: string) =>
      send<{ readonly dead_letters: number }>('POST', `${at`/v1/siem/sinks/${sink.id}`}/dead-letters/${act}`, {
        reason,
        ...(letter === undefined ? {} : { ids: [letter.id] }),
      }),
    changes: ['sinks'],
    done: ({ dead_letters: number }) =>
      act === 'redrive'
        ? `${plural(number, 'entry', 'entries')} on the way`
        : `${plural(number, 'entry', 'entries')} given up`,
    onDone: onClose,
  });
  return (
    <Confirm
      title={act === 'redrive' ? 'Send it again' : 'Give it up'}
      action={act === 'redrive' ? 'Send again' : 'Give up'}
      danger={act === 'drop'}
      withReason="required"
      pending={write.isPending}
      error={write.error}
      onConfirm={write.mutate}
      onClose={onClose}
    >
      {act === 'redrive'
        ? 'Under the same ids, marked as replayed. What is refused again is set aside again.'
        : 'It stays listed and counts as rejected: the receiver never gets it.'}
    </Confirm>
  );
}

const COLUMNS: readonly Column<SinkDeadLetter>[] = [
  {
    key: 'what',
    header: 'Entry',
    width: '230px',
    cell: ({ first_seq: first, last_seq: last, which, entries, event_id: event, kind }) => (
      <TwoLines
        first={
          event === null ? (
            which ? (
              `${first} – ${last}`
            ) : (
              `${entries} of ${first} – ${last}`
            )
          ) : (
            <Link to="/log" search={{ kind: 'all', event }}>
              {first}
            </Link>
          )
        }
        second={kind ?? (which ? '' : 'the receiver did not say which')}
      />
    ),
  },
  { key: 'cause', header: 'Why', cell: ({ code, cause }) => <TwoLines first={cause} second={code} /> },
  { key: 'status', header: 'Status', width: '120px', cell: ({ status }) => <StatusMark status={status} /> },
  { key: 'created', header: 'Since', width: '104px', cell: ({ created }) => <Time value={created} /> },
];
