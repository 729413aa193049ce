import { Button, Select } from '@mantine/core';
import { useInfiniteQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { unregisteredQuery } from '../../api/agent-queries.ts';
import type { UnregisteredIdentity, UnregisteredKind } from '../../api/agent-types.ts';
import { at, send } from '../../api/client.ts';
import { useWrite } from '../../app/write.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { Confirm } from '../../ui/Confirm.tsx';
import { actions, type Column, DataTable, TwoLines } from '../../ui/DataTable.tsx';
import { actorWords, count } from '../../ui/format.ts';
import { Empty, ErrorNotice } from '../../ui/Notice.tsx';
import { Time } from '../../ui/Time.tsx';

const KINDS: Readonly<Record<UnregisteredKind, string>> = {
  token: 'a credential that nobody was given',
  retired_token: 'the token of a revoked agent',
  agent: 'a name that an enforcement point asked about',
  workload: 'a workload that no rule lets in',
};
const MANY = '*';

const COLUMNS: readonly Column<UnregisteredIdentity>[] = [
  {
    key: 'identity',
    header: 'Identity',
    cell: ({ identity, kind }) => (
      <TwoLines
        first={
          identity === MANY ? (
            'many, counted together'
          ) : (
            <span className="mono" title={identity}>
              {identity}
            </span>
          )
        }
        second={KINDS[kind]}
      />
    ),
  },
  {
    key: 'source',
    header: 'From',
    width: '170px',
    cell: ({ source, agent }) => (
      <TwoLines
        first={<span title={source}>{source === MANY ? 'several addresses' : source}</span>}
        {...(agent === null ? {} : { second: `as ${agent}` })}
      />
    ),
  },
  {
    key: 'count',
    header: 'Tries',
    width: '84px',
    align: 'end',
    cell: ({ count: tries }) => <span className="num">{count(tries)}</span>,
  },
  { key: 'first', header: 'First seen', width: '112px', cell: ({ first_seen }) => <Time value={first_seen} /> },
  { key: 'last', header: 'Last seen', width: '112px', cell: ({ last_seen }) => <Time value={last_seen} /> },
];

/** Who tried to act and is no agent here. */
export function Unregistered() {
  const [isDismissed, setDismissed] = useState(false);
  const [dismissing, setDismissing] = useState<UnregisteredIdentity>();
  const { data, error, isPending, isFetchingNextPage, hasNextPage, fetchNextPage, refetch } = useInfiniteQuery(
    unregisteredQuery(isDismissed),
  );
  const columns: readonly Column<UnregisteredIdentity>[] = isDismissed
    ? [
        ...COLUMNS,
        {
          key: 'dismissed',
          header: 'Looked at',
          width: '210px',
          cell: ({ dismissed }) =>
            dismissed === null ? null : (
              <TwoLines
                first={
                  <>
                    <Time value={dismissed.at} /> by {actorWords(dismissed.by)}
                  </>
                }
                second={dismissed.reason}
              />
            ),
        },
      ]
    : [
        ...COLUMNS,
        actions('100px', (identity) => (
          <ActButton
            needs="POST /v1/unregistered-identities/:id/dismiss"
            variant="default"
            size="compact-xs"
            aria-label={`Dismiss ${identity.identity} from ${identity.source}`}
            onClick={() => setDismissing(identity)}
          >
            Dismiss
          </ActButton>
        )),
      ];
  return (
    <div className="stack">
      <div className="spread">
        <p className="muted">
          They were all refused. Each is something that acts and that nobody answers for here. Credentials are masked.
        </p>
        <Select
          aria-label="Identities shown"
          allowDeselect={false}
          data={[
            { value: 'open', label: 'To look at' },
            { value: 'dismissed', label: 'Looked at' },
          ]}
          value={isDismissed ? 'dismissed' : 'open'}
          onChange={(next) => setDismissed(next === 'dismissed')}
          w={140}
        />
      </div>
      {error === null ? (
        <DataTable
          label="Unregistered identities"
          columns={columns}
          rows={isPending ? undefined : data.pages.flatMap((page) => page.data)}
          rowKey={({ id }) => id}
          empty={
            <Empty title={isDismissed ? 'None was dismissed' : 'Nobody acts unregistered'}>
              A token that is not known, a name that an enforcement point asks about, a workload that no rule lets in:
              whoever tries shows up here within seconds. What does not come by here cannot be seen here;{' '}
              <Link to="/signals">signals</Link> may tell of it.
            </Empty>
          }
        />
      ) : (
        <ErrorNotice error={error} retry={() => void refetch()} />
      )}
      {hasNextPage ? (
        <div>
          <Button variant="default" loading={isFetchingNextPage} onClick={() => void fetchNextPage()}>
            More
          </Button>
        </div>
      ) : null}
      {dismissing === undefined ? null : (
        <DismissDialog identity={dismissing} onClose={() => setDismissing(undefined)} />
      )}
    </div>
  );
}

function DismissDialog({
  identity,
  onClose,
}: {
  readonly identity: UnregisteredIdentity;
  readonly onClose: () => void;
}) {
  const dismiss = useWrite({
    write: (reason: string) =>
      send<UnregisteredIdentity>('POST', at`/v1/unregistered-identities/${identity.id}/dismiss`, { reason }),
    changes: ['agents'],
    done: () => 'Looked at. It is counted on.',
    onDone: onClose,
  });
  return (
    <Confirm
      title={`Dismiss ${identity.identity}`}
      action="Dismiss"
      withReason="required"
      pending={dismiss.isPending}
      error={dismiss.error}
      onConfirm={dismiss.mutate}
      onClose={onClose}
    >
      Say what it is and why that is all. It goes on being refused and counted.
    </Confirm>
  );
}
