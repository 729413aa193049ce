import { Button, Modal, TagsInput, Textarea, TextInput } from '@mantine/core';
import { IconPlus } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { at, send } from '../../api/client.ts';
import { delegationsQuery, sessionQuery } from '../../api/queries.ts';
import type { Delegation } from '../../api/types.ts';
import { useWrite } from '../../app/write.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { Confirm } from '../../ui/Confirm.tsx';
import { actions, type Column, DataTable, TwoLines } from '../../ui/DataTable.tsx';
import { secondsOfLocal } from '../../ui/format.ts';
import { Empty, ErrorNotice } from '../../ui/Notice.tsx';
import { OwnerPicker } from '../../ui/Pickers.tsx';
import { Time } from '../../ui/Time.tsx';
import { Mark } from '../../ui/Verdict.tsx';

/** Who decides for whom, now and to come. */
export function Delegations() {
  const { data, error, refetch } = useQuery(delegationsQuery);
  const { data: session } = useQuery(sessionQuery);
  const [act, setAct] = useState<'create' | Delegation>();
  const me = session?.person?.email ?? undefined;
  if (error !== null) return <ErrorNotice error={error} retry={() => void refetch()} />;
  const forOthers = data?.filter(({ to, status }) => to === me && status === 'in_force') ?? [];
  return (
    <div className="stack-tight">
      <div className="spread">
        <p className="muted">
          {forOthers.length === 0
            ? 'Whoever is away has somebody else decide, for at most 30 days. The two count as one person.'
            : `You decide for ${forOthers.map(({ from }) => from).join(', ')}.`}
        </p>
        <ActButton
          needs="POST /v1/delegations"
          style={{ flexShrink: 0 }}
          leftSection={<IconPlus size={14} aria-hidden />}
          disabled={me === undefined}
          onClick={() => setAct('create')}
        >
          Delegate…
        </ActButton>
      </div>
      {session !== undefined && me === undefined ? (
        <p>
          Only the person whose say it is hands it over, and the admin key of this session belongs to none. Sign in with
          a key of your own: <code>hivekey key create NAME --person E-MAIL</code>.
        </p>
      ) : null}
      <DataTable
        label="Delegations"
        columns={[...COLUMNS, actsColumn(setAct)]}
        rows={data}
        rowKey={({ id }) => id}
        empty={
          <Empty
            title="Everybody decides for themselves"
            command='npx hivekey delegation create lee@acme.example --for 7d --reason "on leave"'
          >
            A delegate decides with the groups of whom it is for, within the authority of both, and hands nothing on.
          </Empty>
        }
      />
      {act === 'create' ? <CreateDialog me={me} onClose={() => setAct(undefined)} /> : null}
      {act !== undefined && act !== 'create' ? <EndDialog delegation={act} onClose={() => setAct(undefined)} /> : null}
    </div>
  );
}

const COLUMNS: readonly Column<Delegation>[] = [
  {
    key: 'who',
    header: 'Who decides for whom',
    cell: ({ from, to, reason }) => <TwoLines first={`${to} for ${from}`} second={reason} />,
  },
  { key: 'of', header: 'Calls', cell: ({ capabilities }) => capabilities?.join(', ') ?? 'all' },
  {
    key: 'status',
    header: 'Status',
    width: '110px',
    cell: ({ status }) => (
      <Mark tone={status === 'in_force' ? 'review' : 'neutral'}>{status === 'in_force' ? 'in force' : 'to come'}</Mark>
    ),
  },
  { key: 'starts', header: 'Begins', width: '110px', cell: ({ starts_at }) => <Time value={starts_at} /> },
  { key: 'ends', header: 'Ends', width: '110px', cell: ({ ends_at }) => <Time value={ends_at} /> },
];

function actsColumn(end: (delegation: Delegation) => void): Column<Delegation> {
  return actions('80px', (delegation) => (
    <ActButton
      needs="POST /v1/delegations/:id/end"
      variant="default"
      size="compact-xs"
      aria-label={`End: ${delegation.to} for ${delegation.from}`}
      onClick={() => end(delegation)}
    >
      End…
    </ActButton>
  ));
}

/** A local date and time as the field has it, so many days from now. */
function inDays(days: number): string {
  const date = new Date(Date.now() + days * 86_400_000);
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

function CreateDialog({ me, onClose }: { readonly me: string | undefined; readonly onClose: () => void }) {
  const [to, setTo] = useState<string>();
  const [starts, setStarts] = useState('');
  const [ends, setEnds] = useState(() => inDays(7));
  const [capabilities, setCapabilities] = useState<readonly string[]>([]);
  const [reason, setReason] = useState('');
  const create = useWrite({
    write: () =>
      send<Delegation>('POST', '/v1/delegations', {
        to,
        ends_at: secondsOfLocal(ends),
        reason: reason.trim(),
        ...(starts === '' ? {} : { starts_at: secondsOfLocal(starts) }),
        ...(capabilities.length === 0 ? {} : { capabilities }),
      }),
    changes: ['delegations', 'approvals'],
    done: (made) => `${made.to} decides for you.`,
    onDone: onClose,
  });
  const isReady = to !== undefined && to !== me && ends !== '' && reason.trim() !== '';
  return (
    <Modal opened onClose={onClose} title="Have somebody decide for me" closeButtonProps={{ 'aria-label': 'Close' }}>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          if (isReady && !create.isPending) create.mutate(undefined);
        }}
      >
        <OwnerPicker label="Person" required onlyKnown value={to} onChange={setTo} />
        <TextInput
          label="Begins"
          description="Now, unless stated; at most 90 days ahead."
          type="datetime-local"
          value={starts}
          onChange={(event) => setStarts(event.currentTarget.value)}
        />
        <TextInput
          label="Ends"
          description="At most 30 days after it begins."
          type="datetime-local"
          withAsterisk
          value={ends}
          onChange={(event) => setEnds(event.currentTarget.value)}
        />
        <TagsInput
          label="Only calls of"
          description="Capabilities such as payments.pay, or payments.*; all, where none is named."
          value={[...capabilities]}
          onChange={setCapabilities}
        />
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
        {create.isError ? <ErrorNotice error={create.error} /> : null}
        <Button type="submit" loading={create.isPending} disabled={!isReady}>
          Hand it over
        </Button>
      </form>
    </Modal>
  );
}

function EndDialog({ delegation, onClose }: { readonly delegation: Delegation; readonly onClose: () => void }) {
  const { id, from, to } = delegation;
  const end = useWrite({
    write: (reason: string) => send<Delegation>('POST', at`/v1/delegations/${id}/end`, { reason }),
    changes: ['delegations', 'approvals'],
    done: () => `${to} does not decide for ${from} any more.`,
    onDone: onClose,
  });
  return (
    <Confirm
      title={`End: ${to} for ${from}`}
      action="End it"
      danger
      withReason
      pending={end.isPending}
      error={end.error}
      onConfirm={end.mutate}
      onClose={onClose}
    >
      From now on {to} decides only in their own name. What was approved for {from} and has not run yet does not run.
    </Confirm>
  );
}
