import { Modal, NumberInput, Textarea } from '@mantine/core';
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { at, send, withQuery } from '../../api/client.ts';
import type { Sink, SinkTest } from '../../api/sink-types.ts';
import { useWrite } from '../../app/write.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { AnswerDialog } from '../../ui/AnswerDialog.tsx';
import { Confirm } from '../../ui/Confirm.tsx';
import { ErrorNotice } from '../../ui/Notice.tsx';
import { TestAnswer } from './TestAnswer.tsx';

type Act = 'pause' | 'resume' | 'replay' | 'skip' | 'delete';

export function SinkActs({ sink }: { readonly sink: Sink }) {
  const [act, setAct] = useState<Act>();
  const close = () => setAct(undefined);
  const path = at`/v1/siem/sinks/${sink.id}`;
  const test = useWrite({ write: () => send<SinkTest>('POST', `${path}/test`, {}), changes: ['sinks'] });
  if (sink.status === 'deleted') return null;
  const isHeld = sink.status === 'paused' || sink.hold !== null;
  return (
    <>
      <ActButton needs="DELETE /v1/siem/sinks/:sink" variant="default" onClick={() => setAct('delete')}>
        Delete
      </ActButton>
      <ActButton needs="POST /v1/siem/sinks/:sink/skips" variant="default" onClick={() => setAct('skip')}>
        Pass over
      </ActButton>
      <ActButton needs="POST /v1/siem/sinks/:sink/replays" variant="default" onClick={() => setAct('replay')}>
        Replay
      </ActButton>
      <ActButton
        needs="POST /v1/siem/sinks/:sink/test"
        variant="default"
        loading={test.isPending}
        onClick={() => test.mutate(undefined)}
      >
        Send a test event
      </ActButton>
      {isHeld ? (
        <ActButton needs="POST /v1/siem/sinks/:sink/resume" onClick={() => setAct('resume')}>
          Resume
        </ActButton>
      ) : (
        <ActButton needs="POST /v1/siem/sinks/:sink/pause" variant="default" onClick={() => setAct('pause')}>
          Pause
        </ActButton>
      )}
      {test.data !== undefined || test.isError ? (
        <Modal
          opened
          onClose={test.reset}
          title="The test event"
          size={560}
          closeButtonProps={{ 'aria-label': 'Close' }}
        >
          {test.isError ? <ErrorNotice error={test.error} /> : null}
          {test.data === undefined ? null : <TestAnswer test={test.data} />}
        </Modal>
      ) : null}
      {act === 'pause' || act === 'resume' ? (
        <AnswerDialog
          words={
            act === 'pause'
              ? {
                  action: 'Pause',
                  danger: false,
                  text: 'Nothing is sent until somebody resumes it. It goes on where it is; that it was paused is on the log and in the stream.',
                  done: 'is paused',
                }
              : { action: 'Resume', danger: false, text: 'It goes on at its cursor, at once.', done: 'goes on' }
          }
          about={sink.name}
          to={`${path}/${act}`}
          changes={['sinks']}
          withReason="required"
          onClose={close}
        />
      ) : null}
      {act === 'replay' ? <RangeDialog sink={sink} act="replay" onClose={close} /> : null}
      {act === 'skip' ? <RangeDialog sink={sink} act="skip" onClose={close} /> : null}
      {act === 'delete' ? <DeleteDialog sink={sink} onClose={close} /> : null}
    </>
  );
}

function RangeDialog({
  sink,
  act,
  onClose,
}: {
  readonly sink: Sink;
  readonly act: 'replay' | 'skip';
  readonly onClose: () => void;
}) {
  const [from, setFrom] = useState(sink.from_seq);
  const [to, setTo] = useState(act === 'replay' ? sink.cursor_seq : sink.cursor_seq + 1);
  const [reason, setReason] = useState('');
  const write = useWrite({
    write: () =>
      act === 'replay'
        ? send('POST', at`/v1/siem/sinks/${sink.id}/replays`, { from_seq: from, to_seq: to, reason: reason.trim() })
        : send('POST', at`/v1/siem/sinks/${sink.id}/skips`, { to_seq: to, reason: reason.trim() }),
    changes: ['sinks'],
    done: () => (act === 'replay' ? 'The range goes out once more' : 'Proposed; another person confirms it'),
    onDone: onClose,
  });
  return (
    <Modal
      opened
      onClose={onClose}
      title={act === 'replay' ? 'Send a range once more' : 'Go on behind an entry'}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          if (reason.trim() !== '' && !write.isPending) write.mutate(undefined);
        }}
      >
        <p className="muted">
          {act === 'replay'
            ? 'Under the same ids, marked as replayed, beside the stream.'
            : 'For an entry that nothing gets past. What is passed over is set aside, and counts as rejected until it is sent.'}
        </p>
        {act === 'replay' ? (
          <NumberInput label="First number" min={1} value={from} onChange={(next) => setFrom(Number(next) || 1)} />
        ) : null}
        <NumberInput label="Last number" min={1} value={to} onChange={(next) => setTo(Number(next) || 1)} />
        <Textarea
          label="Reason"
          description="Goes into the log."
          withAsterisk
          autosize
          minRows={2}
          maxLength={500}
          value={reason}
          onChange={(event) => setReason(event.currentTarget.value)}
        />
        {write.isError ? <ErrorNotice error={write.error} /> : null}
        <ActButton
          needs={act === 'replay' ? 'POST /v1/siem/sinks/:sink/replays' : 'POST /v1/siem/sinks/:sink/skips'}
          type="submit"
          disabled={reason.trim() === ''}
          loading={write.isPending}
        >
          {act === 'replay' ? 'Send' : 'Propose'}
        </ActButton>
      </form>
    </Modal>
  );
}

function DeleteDialog({ sink, onClose }: { readonly sink: Sink; readonly onClose: () => void }) {
  const navigate = useNavigate();
  const remove = useWrite({
    write: (reason: string) => send('DELETE', withQuery(at`/v1/siem/sinks/${sink.id}`, { reason })),
    changes: ['sinks'],
    done: () => `${sink.name} is deleted; its ledger stays`,
    onDone: () => void navigate({ to: '/pipelines' }),
  });
  return (
    <Confirm
      title={`Delete ${sink.name}`}
      action="Delete"
      danger
      word={sink.name}
      withReason="required"
      pending={remove.isPending}
      error={remove.error}
      onConfirm={remove.mutate}
      onClose={onClose}
    >
      Nothing more is sent. Ledger and what was set aside stay.
    </Confirm>
  );
}
