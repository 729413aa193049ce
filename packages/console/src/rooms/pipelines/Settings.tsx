import { Skeleton, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { at, send } from '../../api/client.ts';
import { sinkKindsQuery } from '../../api/sink-queries.ts';
import type { Sink, SinkKindDetails } from '../../api/sink-types.ts';
import { useWrite } from '../../app/write.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { ErrorNotice } from '../../ui/Notice.tsx';
import { Confirmation, FormatFields, formatSettingsOf } from './FormatFields.tsx';
import { fieldsOf, settingsOf, typedOf } from './fields.ts';
import { SettingsFields } from './SettingsFields.tsx';

export function Settings({ sink }: { readonly sink: Sink }) {
  const { data: kinds, error } = useQuery(sinkKindsQuery);
  if (error !== null) return <ErrorNotice error={error} />;
  const kind = kinds?.find((each) => each.kind === sink.kind);
  if (kind === undefined) return <Skeleton height={320} aria-label="Loading" />;
  return <Form sink={sink} kind={kind} />;
}

function Form({ sink, kind }: { readonly sink: Sink; readonly kind: SinkKindDetails }) {
  const fields = fieldsOf(kind.settings);
  const [name, setName] = useState(sink.name);
  const [typed, setTyped] = useState(() => typedOf(fields, sink.settings));
  const [format, setFormat] = useState(() => formatSettingsOf(kind, sink));
  const navigate = useNavigate();
  const read = settingsOf(fields, typed);
  const save = useWrite({
    write: (settings: Readonly<Record<string, unknown>>) =>
      send<Sink>('PATCH', at`/v1/siem/sinks/${sink.id}`, { name: name.trim(), settings, ...format }),
    changes: ['sinks'],
    done: () => 'Changed; it goes on at its cursor, and the stream tells of it',
    onDone: ({ name: renamed }) => void navigate({ to: '/pipelines/$sink', params: { sink: renamed } }),
  });
  return (
    <form
      className="stack"
      style={{ maxWidth: 620 }}
      onSubmit={(event) => {
        event.preventDefault();
        if ('settings' in read && !save.isPending) save.mutate(read.settings);
      }}
    >
      <TextInput label="Name" withAsterisk value={name} onChange={(event) => setName(event.currentTarget.value)} />
      <SettingsFields fields={fields} typed={typed} onChange={setTyped} />
      <FormatFields kind={kind} value={format} onChange={setFormat} />
      <Confirmation kind={kind} />
      {save.isError ? <ErrorNotice error={save.error} /> : null}
      {'wrong' in read ? <p className="muted">{read.wrong} is missing, or is no JSON.</p> : null}
      <div>
        <ActButton
          needs="PATCH /v1/siem/sinks/:sink"
          type="submit"
          disabled={!('settings' in read) || name.trim() === '' || sink.status === 'deleted'}
          loading={save.isPending}
        >
          Save
        </ActButton>
      </div>
    </form>
  );
}
