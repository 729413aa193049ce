import type { LegalHold } from '@hivekey/sdk';
import { Modal, SegmentedControl, Textarea, TextInput } from '@mantine/core';
import { DateTimePicker } from '@mantine/dates';
import '@mantine/dates/styles.layer.css';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { at, send } from '../../api/client.ts';
import { legalHoldsQuery } from '../../api/retention-queries.ts';
import { useWrite } from '../../app/write.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { AnswerDialog } from '../../ui/AnswerDialog.tsx';
import { actions, type Column, DataTable, TwoLines } from '../../ui/DataTable.tsx';
import { count } from '../../ui/format.ts';
import { Empty, ErrorNotice } from '../../ui/Notice.tsx';
import { AgentPicker, OwnerPicker } from '../../ui/Pickers.tsx';
import { Time } from '../../ui/Time.tsx';
import { StatusMark } from '../../ui/Verdict.tsx';
import { scopeWords } from './words.ts';

/** Records that stay, whatever their period and whoever asks for their redaction. */
export function Holds() {
  const [open, setOpen] = useState<'place' | LegalHold>();
  const { data, error, refetch } = useQuery(legalHoldsQuery);
  const close = () => setOpen(undefined);
  if (error !== null) return <ErrorNotice error={error} retry={() => void refetch()} />;
  return (
    <div className="stack-tight">
      <div className="row" style={{ justifyContent: 'flex-end' }}>
        <ActButton needs="POST /v1/legal-holds" onClick={() => setOpen('place')}>
          Place a hold
        </ActButton>
      </div>
      <DataTable
        label="Holds"
        rows={data}
        rowKey={({ id }) => id}
        columns={[
          ...COLUMNS,
          actions<LegalHold>('110px', (hold) =>
            hold.status === 'in_force' ? (
              <ActButton
                needs="POST /v1/legal-holds/:id/release"
                variant="default"
                size="compact-xs"
                onClick={() => setOpen(hold)}
              >
                Release
              </ActButton>
            ) : null,
          ),
        ]}
        empty={
          <Empty title="Nothing is held" command="npx hivekey holds place --help">
            What is held is neither pruned nor redacted, whatever the periods say, until somebody else releases it.
          </Empty>
        }
      />
      {open === undefined ? null : open === 'place' ? (
        <PlaceDialog onClose={close} />
      ) : (
        <AnswerDialog
          words={{
            action: 'Release',
            danger: false,
            text: 'Another person than placed it releases it. What it held is then subject to its period.',
            done: 'is released',
          }}
          about={open.matter}
          to={at`/v1/legal-holds/${open.id}/release`}
          changes={['retention']}
          withReason="required"
          onClose={close}
        />
      )}
    </div>
  );
}

const COLUMNS: readonly Column<LegalHold>[] = [
  {
    key: 'matter',
    header: 'Matter',
    cell: ({ matter, reason }) => <TwoLines first={matter} second={reason} />,
  },
  {
    key: 'scope',
    header: 'What is held',
    width: '250px',
    cell: ({ scope, entries }) => <TwoLines first={scopeWords(scope)} second={`${count(entries)} records so far`} />,
  },
  {
    key: 'by',
    header: 'Placed by',
    width: '180px',
    cell: ({ placed_by_person: by }) => <span className="truncate">{by}</span>,
  },
  {
    key: 'until',
    header: 'Until',
    width: '110px',
    cell: ({ until }) => (until === null ? 'released' : <Time value={until} />),
  },
  {
    key: 'status',
    header: 'Status',
    width: '120px',
    cell: ({ status }) => <StatusMark status={status === 'in_force' ? 'active' : status} />,
  },
  { key: 'at', header: 'Since', width: '104px', cell: ({ placed_at: at }) => <Time value={at} /> },
];

function PlaceDialog({ onClose }: { readonly onClose: () => void }) {
  const [kind, setKind] = useState<LegalHold['kind']>('legal');
  const [matter, setMatter] = useState('');
  const [agent, setAgent] = useState<string>();
  const [owner, setOwner] = useState<string>();
  const [session, setSession] = useState('');
  const [from, setFrom] = useState<string | null>(null);
  const [to, setTo] = useState<string | null>(null);
  const [reason, setReason] = useState('');
  const place = useWrite({
    write: () =>
      send<LegalHold>('POST', '/v1/legal-holds', {
        kind,
        matter: matter.trim(),
        reason: reason.trim(),
        scope: {
          ...(agent === undefined ? {} : { agent }),
          ...(owner === undefined ? {} : { owner }),
          ...(session.trim() === '' ? {} : { session: session.trim() }),
          ...(from === null ? {} : { from: isoOf(from) }),
          ...(to === null ? {} : { to: isoOf(to) }),
        },
      }),
    changes: ['retention'],
    done: ({ entries }) => `${count(entries)} records are held so far`,
    onDone: onClose,
  });
  const isScoped = agent !== undefined || owner !== undefined || session.trim() !== '' || from !== null || to !== null;
  const isReady = matter.trim() !== '' && reason.trim() !== '' && isScoped;
  return (
    <Modal opened onClose={onClose} title="Place a hold" size={520} closeButtonProps={{ 'aria-label': 'Close' }}>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          if (isReady && !place.isPending) place.mutate(undefined);
        }}
      >
        <SegmentedControl
          aria-label="Kind of hold"
          data={[
            { value: 'legal', label: 'Legal' },
            { value: 'evidence', label: 'Evidence of a period under audit' },
          ]}
          value={kind}
          onChange={(next) => setKind(next === 'evidence' ? 'evidence' : 'legal')}
        />
        <TextInput
          label="Matter"
          placeholder="Case 2026-11"
          withAsterisk
          value={matter}
          onChange={(event) => setMatter(event.currentTarget.value)}
        />
        <p className="muted">What is held, at least one of these; a record is held when all that are given fit.</p>
        <AgentPicker label="Agent" clearable value={agent} onChange={setAgent} />
        <OwnerPicker label="Owner" onlyKnown clearable value={owner} onChange={setOwner} />
        <TextInput label="Session" value={session} onChange={(event) => setSession(event.currentTarget.value)} />
        <DateTimePicker label="From" clearable value={from} onChange={setFrom} popoverProps={{ withinPortal: false }} />
        <DateTimePicker label="Before" clearable value={to} onChange={setTo} popoverProps={{ withinPortal: false }} />
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
        {place.isError ? <ErrorNotice error={place.error} /> : null}
        <ActButton needs="POST /v1/legal-holds" type="submit" disabled={!isReady} loading={place.isPending}>
          Place it
        </ActButton>
      </form>
    </Modal>
  );
}

function isoOf(local: string): string {
  return new Date(local.replace(' ', 'T')).toISOString();
}
