import type { RetentionClass, RetentionPreview, RetentionSettings } from '@hivekey/sdk';
import { NumberInput, Skeleton, Textarea } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { send } from '../../api/client.ts';
import { retentionPreviewQuery, retentionQuery } from '../../api/retention-queries.ts';
import { useWrite } from '../../app/write.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { DataTable } from '../../ui/DataTable.tsx';
import { count, plural } from '../../ui/format.ts';
import { ErrorNotice } from '../../ui/Notice.tsx';
import { Section } from '../../ui/Page.tsx';
import { Time } from '../../ui/Time.tsx';
import { Requests } from './Requests.tsx';
import { CLASSES, periodWords, reasonsWords } from './words.ts';

export function Periods() {
  const { data, error, refetch } = useQuery(retentionQuery);
  const preview = useQuery(retentionPreviewQuery);
  if (error !== null) return <ErrorNotice error={error} retry={() => void refetch()} />;
  if (data === undefined) return <Skeleton height={320} aria-label="Loading" />;
  return (
    <>
      <Requests kind="settings" />
      <Form key={data.updated_at} settings={data} />
      {preview.error !== null ? <ErrorNotice error={preview.error} /> : null}
      {preview.data === undefined ? null : <Due preview={preview.data} />}
    </>
  );
}

type Days = Readonly<Record<RetentionClass, number | null>>;

function Form({ settings }: { readonly settings: RetentionSettings }) {
  const [days, setDays] = useState<Days>(settings.periods);
  const [reason, setReason] = useState('');
  const classes = Object.keys(CLASSES) as RetentionClass[];
  const changed = classes.filter((each) => days[each] !== settings.periods[each]);
  const save = useWrite({
    write: () =>
      send<{ readonly object: string }>('PUT', '/v1/retention', {
        periods: Object.fromEntries(changed.map((each) => [each, days[each]])),
        reason: reason.trim(),
      }),
    changes: ['retention'],
    done: ({ object }) =>
      object === 'retention_request'
        ? 'Something would be kept for less long: another person approves it'
        : 'The periods are in force',
    onDone: () => setReason(''),
  });
  return (
    <form
      className="stack-tight"
      onSubmit={(event) => {
        event.preventDefault();
        if (changed.length > 0 && reason.trim() !== '' && !save.isPending) save.mutate(undefined);
      }}
    >
      <Section title={`Periods in ${settings.environment}`}>
        <DataTable
          label="Retention periods"
          rows={classes}
          rowKey={(each) => each}
          columns={[
            { key: 'class', header: 'Records', cell: (each) => CLASSES[each] },
            {
              key: 'now',
              header: 'Kept now',
              width: '140px',
              cell: (each) => periodWords(settings.periods[each]),
            },
            {
              key: 'days',
              header: 'Days (empty: for ever)',
              width: '190px',
              cell: (each) => (
                <NumberInput
                  aria-label={`Days that ${CLASSES[each]} are kept`}
                  size="xs"
                  min={settings.floors[each]}
                  placeholder="for ever"
                  value={days[each] ?? ''}
                  onChange={(next) => setDays({ ...days, [each]: typeof next === 'number' ? next : null })}
                />
              ),
            },
            {
              key: 'floor',
              header: 'At least',
              width: '120px',
              cell: (each) => <span className="muted">{periodWords(settings.floors[each])}</span>,
            },
          ]}
        />
        {changed.length === 0 ? null : (
          <Textarea
            label="Reason"
            description="Goes into the log. A shorter period waits for another person."
            withAsterisk
            autosize
            minRows={2}
            maxLength={500}
            value={reason}
            onChange={(event) => setReason(event.currentTarget.value)}
            maw={520}
          />
        )}
        {save.isError ? <ErrorNotice error={save.error} /> : null}
        <div>
          <ActButton
            needs="PUT /v1/retention"
            type="submit"
            disabled={changed.length === 0 || reason.trim() === ''}
            loading={save.isPending}
          >
            Change {changed.length === 0 ? 'periods' : plural(changed.length, 'period')}
          </ActButton>
        </div>
      </Section>
    </form>
  );
}

function Due({ preview: { classes, behind, through } }: { readonly preview: RetentionPreview }) {
  return (
    <Section title="What has outlived its period" aside={<span className="muted">up to number {count(through)}</span>}>
      {classes.length === 0 ? (
        <p className="muted">Nothing.</p>
      ) : (
        <DataTable
          label="What has outlived its period"
          rows={classes}
          rowKey={(each) => each.class}
          columns={[
            { key: 'class', header: 'Records', cell: (each) => CLASSES[each.class] },
            { key: 'due', header: 'May go', width: '110px', align: 'end', cell: ({ due }) => count(due) },
            { key: 'stays', header: 'Stays all the same', cell: ({ stays }) => reasonsWords(stays) },
            { key: 'oldest', header: 'Oldest', width: '110px', cell: ({ oldest }) => <Time value={oldest} /> },
          ]}
        />
      )}
      {behind.map(({ what, name, through: reached }) => (
        <p key={`${what} ${name}`} className="muted">
          {what} {name} has come to {count(reached)}: nothing behind that goes.
        </p>
      ))}
    </Section>
  );
}
