import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { at, send } from '../../api/client.ts';
import { sinkReplaysQuery, sinkSkipsQuery } from '../../api/sink-queries.ts';
import type { Sink, SinkReplay, SinkSkip } from '../../api/sink-types.ts';
import { useWrite } from '../../app/write.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { Confirm } from '../../ui/Confirm.tsx';
import { actions, type Column, DataTable, TwoLines } from '../../ui/DataTable.tsx';
import { count } from '../../ui/format.ts';
import { ErrorNotice } from '../../ui/Notice.tsx';
import { Section } from '../../ui/Page.tsx';
import { Time } from '../../ui/Time.tsx';
import { StatusMark } from '../../ui/Verdict.tsx';

interface Asked {
  readonly title: string;
  readonly action: string;
  readonly text: string;
  readonly to: string;
}

/** Ranges that go out once more, and entries that were passed over. */
export function Replays({ sink }: { readonly sink: Sink }) {
  const [asked, setAsked] = useState<Asked>();
  const replays = useQuery(sinkReplaysQuery(sink.id));
  const skips = useQuery(sinkSkipsQuery(sink.id));
  const path = at`/v1/siem/sinks/${sink.id}`;
  return (
    <>
      {replays.error !== null ? (
        <ErrorNotice error={replays.error} />
      ) : (replays.data?.length ?? 0) === 0 ? null : (
        <Section title="Replays">
          <DataTable
            label="Replays"
            rows={replays.data}
            rowKey={({ id }) => id}
            columns={[
              ...REPLAY_COLUMNS,
              actions<SinkReplay>('100px', ({ id, status }) =>
                status === 'running' ? (
                  <ActButton
                    needs="POST /v1/siem/sinks/:sink/replays/:id/cancel"
                    variant="default"
                    size="compact-xs"
                    onClick={() =>
                      setAsked({
                        title: 'End the replay',
                        action: 'End it',
                        text: 'What was sent stays at the receiver.',
                        to: `${path}/replays/${id}/cancel`,
                      })
                    }
                  >
                    End
                  </ActButton>
                ) : null,
              ),
            ]}
          />
        </Section>
      )}
      {skips.error !== null ? (
        <ErrorNotice error={skips.error} />
      ) : (skips.data?.length ?? 0) === 0 ? null : (
        <Section title="Passed over">
          <DataTable
            label="Entries passed over"
            rows={skips.data}
            rowKey={({ id }) => id}
            columns={[
              ...SKIP_COLUMNS,
              actions<SinkSkip>('190px', ({ id, status, to_seq: to }) =>
                status === 'proposed' ? (
                  <>
                    <ActButton
                      needs="POST /v1/siem/sinks/:sink/skips/:id/confirm"
                      variant="default"
                      size="compact-xs"
                      onClick={() =>
                        setAsked({
                          title: 'Go on behind it',
                          action: 'Confirm',
                          text: `The stream goes on behind ${count(to)}. What is passed over is set aside and counts as rejected.`,
                          to: `${path}/skips/${id}/confirm`,
                        })
                      }
                    >
                      Confirm
                    </ActButton>
                    <ActButton
                      needs="POST /v1/siem/sinks/:sink/skips/:id/withdraw"
                      variant="default"
                      size="compact-xs"
                      onClick={() =>
                        setAsked({
                          title: 'Take the proposal back',
                          action: 'Take back',
                          text: 'The stream stays where it is.',
                          to: `${path}/skips/${id}/withdraw`,
                        })
                      }
                    >
                      Take back
                    </ActButton>
                  </>
                ) : null,
              ),
            ]}
          />
        </Section>
      )}
      {asked === undefined ? null : <Ask asked={asked} onClose={() => setAsked(undefined)} />}
    </>
  );
}

function Ask({ asked: { title, action, text, to }, onClose }: { readonly asked: Asked; readonly onClose: () => void }) {
  const write = useWrite({
    write: () => send('POST', to, {}),
    changes: ['sinks'],
    done: () => 'Done, and on the log',
    onDone: onClose,
  });
  return (
    <Confirm
      title={title}
      action={action}
      pending={write.isPending}
      error={write.error}
      onConfirm={() => write.mutate(undefined)}
      onClose={onClose}
    >
      {text}
    </Confirm>
  );
}

const REPLAY_COLUMNS: readonly Column<SinkReplay>[] = [
  {
    key: 'range',
    header: 'Numbers',
    width: '200px',
    cell: ({ from_seq: from, to_seq: to, purpose }) => (
      <TwoLines
        first={`${count(from)} – ${count(to)}`}
        second={purpose === 'redrive' ? 'set aside before' : 'ordered'}
      />
    ),
  },
  {
    key: 'why',
    header: 'Why',
    cell: ({ reason, created_by: by, last_error: failure }) => (
      <TwoLines first={reason ?? ''} second={failure === null ? by : `${by} · ${failure.cause}`} />
    ),
  },
  {
    key: 'progress',
    header: 'Up to',
    width: '110px',
    align: 'end',
    cell: ({ cursor_seq: cursor }) => count(cursor),
  },
  { key: 'status', header: 'Status', width: '120px', cell: ({ status }) => <StatusMark status={status} /> },
  { key: 'created', header: 'Ordered', width: '104px', cell: ({ created }) => <Time value={created} /> },
];

const SKIP_COLUMNS: readonly Column<SinkSkip>[] = [
  { key: 'to', header: 'Behind', width: '120px', cell: ({ to_seq: to }) => count(to) },
  {
    key: 'why',
    header: 'Why',
    cell: ({ reason, proposed_by_person: by, answered_by: other }) => (
      <TwoLines
        first={reason}
        second={other === null ? `proposed by ${by}` : `proposed by ${by}, answered by ${other}`}
      />
    ),
  },
  { key: 'status', header: 'Status', width: '120px', cell: ({ status }) => <StatusMark status={status} /> },
  { key: 'at', header: 'Proposed', width: '104px', cell: ({ proposed_at: at }) => <Time value={at} /> },
];
