import type { Disposal } from '@hivekey/sdk';
import { Button } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { at, getText, send } from '../../api/client.ts';
import { disposalsQuery } from '../../api/retention-queries.ts';
import { useWrite } from '../../app/write.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { Confirm } from '../../ui/Confirm.tsx';
import { actions, type Column, DataTable, TwoLines } from '../../ui/DataTable.tsx';
import { actorWords, count } from '../../ui/format.ts';
import { Empty, ErrorNotice } from '../../ui/Notice.tsx';
import { saveFile } from '../../ui/save-file.ts';
import { Time } from '../../ui/Time.tsx';
import { StatusMark } from '../../ui/Verdict.tsx';
import { reasonsWords } from './words.ts';

/** What was let go, under which periods, and what stayed: with a signed certificate of each. */
export function Disposals() {
  const [isAsking, setAsking] = useState(false);
  const { data, error, refetch } = useQuery(disposalsQuery);
  const dispose = useWrite({
    write: () => send<Disposal>('POST', '/v1/disposals', {}),
    changes: ['retention'],
    done: () => 'The disposal runs; it can be followed here',
    onDone: () => setAsking(false),
  });
  if (error !== null) return <ErrorNotice error={error} retry={() => void refetch()} />;
  return (
    <div className="stack-tight">
      <div className="row" style={{ justifyContent: 'flex-end' }}>
        <ActButton needs="POST /v1/disposals" variant="default" onClick={() => setAsking(true)}>
          Dispose now
        </ActButton>
      </div>
      <DataTable
        label="Disposals"
        rows={data}
        rowKey={({ id }) => id}
        columns={[
          ...COLUMNS,
          actions<Disposal>('130px', ({ id, has_certificate: has }) => (has ? <Certificate id={id} /> : null)),
        ]}
        empty={
          <Empty title="Nothing was disposed of yet">
            What has outlived its period goes by itself, once a day, and each time leaves a certificate that can be
            checked without this server.
          </Empty>
        }
      />
      {isAsking ? (
        <Confirm
          title="Dispose of what has outlived its period"
          action="Dispose"
          danger
          word="dispose"
          pending={dispose.isPending}
          error={dispose.error}
          onConfirm={() => dispose.mutate(undefined)}
          onClose={() => setAsking(false)}
        >
          Payloads leave the log for good. Hashes, links and checkpoints stay. What is held, open or not yet in every
          required sink stays too.
        </Confirm>
      ) : null}
    </div>
  );
}

function Certificate({ id }: { readonly id: string }) {
  const save = useWrite({
    write: () => getText(at`/v1/disposals/${id}/certificate`),
    changes: [],
    onDone: (text) => saveFile(`disposal-${id}.json`, 'application/json', text),
  });
  return (
    <Button variant="default" size="compact-xs" loading={save.isPending} onClick={() => save.mutate(undefined)}>
      Certificate
    </Button>
  );
}

const COLUMNS: readonly Column<Disposal>[] = [
  { key: 'at', header: 'Begun', width: '120px', cell: ({ started_at: at }) => <Time value={at} /> },
  { key: 'removed', header: 'Gone', width: '110px', align: 'end', cell: ({ removed }) => count(removed) },
  {
    key: 'kept',
    header: 'Stayed',
    cell: ({ kept, actor }) => (
      <TwoLines
        first={kept === null ? 'not counted yet' : reasonsWords(kept.reasons)}
        second={`by ${actorWords(actor)}`}
      />
    ),
  },
  {
    key: 'status',
    header: 'Status',
    width: '120px',
    cell: ({ status }) => <StatusMark status={status === 'done' ? 'finished' : status} />,
  },
];
