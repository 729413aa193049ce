import { Button, Modal, Skeleton, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { encryptionKeysQuery } from '../../../api/agent-queries.ts';
import type { EncryptionKeys as Keys } from '../../../api/agent-types.ts';
import { send } from '../../../api/client.ts';
import { useWrite } from '../../../app/write.ts';
import { ActButton } from '../../../ui/ActButton.tsx';
import { type Column, DataTable, TwoLines } from '../../../ui/DataTable.tsx';
import { actorWords, count } from '../../../ui/format.ts';
import { ErrorNotice } from '../../../ui/Notice.tsx';
import { Panel, Section } from '../../../ui/Page.tsx';
import { Time } from '../../../ui/Time.tsx';
import { Mark, StatusMark } from '../../../ui/Verdict.tsx';

const COLUMNS: readonly Column<Keys['keys'][number]>[] = [
  {
    key: 'reference',
    header: 'Key',
    cell: ({ reference }) => (
      <span className="mono truncate" title={reference}>
        {reference}
      </span>
    ),
  },
  { key: 'state', header: 'State', width: '120px', cell: ({ state }) => <StatusMark status={state} /> },
  {
    key: 'versions',
    header: 'Versions under it',
    width: '140px',
    align: 'end',
    cell: ({ versions }) => <span className="num">{count(versions)}</span>,
  },
  {
    key: 'set',
    header: 'Set',
    width: '180px',
    cell: ({ set, set_by }) => (
      <TwoLines
        first={<Time value={set} absent="from the start" />}
        {...(set_by === null ? {} : { second: `by ${actorWords(set_by)}` })}
      />
    ),
  },
];

/** What stored credentials are encrypted under, and how far a change of that is. */
export function EncryptionKeys() {
  const { data, error, refetch } = useQuery(encryptionKeysQuery);
  const [isRewrapping, setRewrapping] = useState(false);
  if (error !== null) return <ErrorNotice error={error} retry={() => void refetch()} />;
  if (data === undefined) return <Skeleton height={120} aria-label="Loading" />;
  return (
    <Panel>
      <Section
        title="Key-encryption keys"
        aside={
          <ActButton
            needs="POST /v1/secrets/rewrap"
            variant="default"
            size="compact-sm"
            onClick={() => setRewrapping(true)}
          >
            Rewrap…
          </ActButton>
        }
      >
        <div className="stack-tight">
          <DataTable
            label="Key-encryption keys"
            columns={COLUMNS}
            rows={data.keys}
            rowKey={({ reference }) => reference}
          />
          {data.rewrap === null ? null : <Rewrap rewrap={data.rewrap} />}
        </div>
      </Section>
      {isRewrapping ? <RewrapDialog current={data.current} onClose={() => setRewrapping(false)} /> : null}
    </Panel>
  );
}

const TONES = { running: 'review', done: 'allow', failed: 'deny' } as const;

function Rewrap({ rewrap }: { readonly rewrap: NonNullable<Keys['rewrap']> }) {
  const { key, state, total, done, failed, last_error, started, started_by, finished } = rewrap;
  return (
    <div className="stack-tight" role="status">
      <p className="row-wrap">
        <Mark tone={TONES[state]}>{state}</Mark>
        <span style={{ overflowWrap: 'anywhere' }}>
          The newest rewrap, to <code>{key}</code>: {count(done)} of {count(total)} done
          {failed === 0 ? '' : `, ${count(failed)} failed`}. Begun <Time value={started} /> by {actorWords(started_by)}
          {finished === null ? null : (
            <>
              , ended <Time value={finished} />
            </>
          )}
          .
        </span>
      </p>
      {last_error === null ? null : <p style={{ overflowWrap: 'anywhere' }}>Last error: {last_error}</p>}
    </div>
  );
}

function RewrapDialog({ current, onClose }: { readonly current: string; readonly onClose: () => void }) {
  const [key, setKey] = useState('');
  const rewrap = useWrite({
    write: () => send<Keys>('POST', '/v1/secrets/rewrap', key.trim() === '' ? {} : { key: key.trim() }),
    changes: ['secrets'],
    done: () => 'It has begun. Credentials are usable all along.',
    onDone: onClose,
  });
  return (
    <Modal opened onClose={onClose} title="Rewrap stored credentials" closeButtonProps={{ 'aria-label': 'Close' }}>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          if (!rewrap.isPending) rewrap.mutate(undefined);
        }}
      >
        <TextInput
          label="Under"
          description="derived, file://path, env://VARIABLE, transit://mount/key, aws-kms://key or gcp-kms://name. Empty: the current one, in its newest version."
          placeholder={current}
          spellCheck={false}
          autoComplete="off"
          value={key}
          onChange={(event) => setKey(event.currentTarget.value)}
        />
        {rewrap.isError ? <ErrorNotice error={rewrap.error} /> : null}
        <Button type="submit" loading={rewrap.isPending}>
          Rewrap
        </Button>
      </form>
    </Modal>
  );
}
