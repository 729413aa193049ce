import { Drawer, NumberInput, SegmentedControl, Select, Skeleton, TextInput } from '@mantine/core';
import { DateTimePicker } from '@mantine/dates';
import '@mantine/dates/styles.layer.css';
import { useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { send } from '../../api/client.ts';
import { sinkKindsQuery } from '../../api/sink-queries.ts';
import type { Sink, SinkKindDetails, SinkTest } from '../../api/sink-types.ts';
import { useWrite } from '../../app/write.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { ErrorNotice } from '../../ui/Notice.tsx';
import { Confirmation, FormatFields, type FormatSettings, formatSettingsOf } from './FormatFields.tsx';
import { fieldsOf, settingsOf, typedOf } from './fields.ts';
import { SettingsFields } from './SettingsFields.tsx';
import { TestAnswer } from './TestAnswer.tsx';

export function CreateSink({ onClose }: { readonly onClose: () => void }) {
  const { data: kinds, error } = useQuery(sinkKindsQuery);
  const [kind, setKind] = useState<SinkKindDetails>();
  return (
    <Drawer
      opened
      onClose={onClose}
      position="right"
      size={620}
      title="Add a sink"
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      {error !== null ? (
        <ErrorNotice error={error} />
      ) : kinds === undefined ? (
        <Skeleton height={240} aria-label="Loading" />
      ) : (
        <div className="stack">
          <Select
            label="Receiver"
            withAsterisk
            searchable
            data={kinds.map(({ kind: value, label }) => ({ value, label }))}
            value={kind?.kind ?? null}
            onChange={(next) => setKind(kinds.find((each) => each.kind === next))}
          />
          {kind === undefined ? null : <Form key={kind.kind} kind={kind} onClose={onClose} />}
        </div>
      )}
    </Drawer>
  );
}

type Start = 'now' | 'seq' | 'time';

function Form({ kind, onClose }: { readonly kind: SinkKindDetails; readonly onClose: () => void }) {
  const fields = fieldsOf(kind.settings);
  const [name, setName] = useState(`${kind.kind}-1`);
  const [typed, setTyped] = useState(() => typedOf(fields));
  const [format, setFormat] = useState<FormatSettings>(() => formatSettingsOf(kind));
  const [start, setStart] = useState<Start>('now');
  const [seq, setSeq] = useState(1);
  const [time, setTime] = useState<string | null>(null);
  const navigate = useNavigate();
  const read = settingsOf(fields, typed);
  const isReady = 'settings' in read && name.trim() !== '' && (start !== 'time' || time !== null);
  const body = () => ({
    name: name.trim(),
    kind: kind.kind,
    settings: 'settings' in read ? read.settings : {},
    ...format,
  });
  const test = useWrite({
    write: () => send<SinkTest>('POST', '/v1/siem/sinks/test', body()),
    changes: [],
  });
  const create = useWrite({
    write: () =>
      send<Sink>('POST', '/v1/siem/sinks', {
        ...body(),
        start:
          start === 'now'
            ? { at: 'now' }
            : start === 'seq'
              ? { seq }
              : { time: new Date((time ?? '').replace(' ', 'T')).toISOString() },
      }),
    changes: ['sinks'],
    done: ({ name: made }) => `The log streams to ${made}`,
    onDone: ({ name: made }) => {
      onClose();
      void navigate({ to: '/pipelines/$sink', params: { sink: made } });
    },
  });
  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault();
        if (isReady && !create.isPending) create.mutate(undefined);
      }}
    >
      <TextInput
        label="Name"
        description="Small letters, digits and hyphens."
        withAsterisk
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
      />
      <SettingsFields fields={fields} typed={typed} onChange={setTyped} />
      <FormatFields kind={kind} value={format} onChange={setFormat} />
      <div>
        <span className="muted">Begins with</span>
        <SegmentedControl
          aria-label="Begins with"
          fullWidth
          data={[
            { value: 'now', label: 'What comes from now on' },
            { value: 'seq', label: 'A number' },
            { value: 'time', label: 'A time' },
          ]}
          value={start}
          onChange={(next) => setStart(next as Start)}
        />
      </div>
      {start === 'seq' ? (
        <NumberInput label="First number" min={1} value={seq} onChange={(next) => setSeq(Number(next) || 1)} />
      ) : null}
      {start === 'time' ? (
        <DateTimePicker
          label="First entry from"
          withSeconds
          value={time}
          onChange={setTime}
          popoverProps={{ withinPortal: false }}
        />
      ) : null}
      <Confirmation kind={kind} />
      {test.isError ? <ErrorNotice error={test.error} /> : null}
      {test.data === undefined ? null : <TestAnswer test={test.data} />}
      {create.isError ? <ErrorNotice error={create.error} /> : null}
      {'wrong' in read ? <p className="muted">{read.wrong} is missing, or is no JSON.</p> : null}
      <div className="row" style={{ justifyContent: 'flex-end' }}>
        <ActButton
          needs="POST /v1/siem/sinks/test"
          variant="default"
          disabled={!isReady}
          loading={test.isPending}
          onClick={() => test.mutate(undefined)}
        >
          Send a test event
        </ActButton>
        <ActButton needs="POST /v1/siem/sinks" type="submit" disabled={!isReady} loading={create.isPending}>
          Start streaming
        </ActButton>
      </div>
    </form>
  );
}
