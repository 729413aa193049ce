import { Button, Checkbox } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { MOST_WAITING, waitingQuery } from '../../api/queries.ts';
import type { Approval } from '../../api/types.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { type Column, DataTable, TwoLines } from '../../ui/DataTable.tsx';
import { plural } from '../../ui/format.ts';
import { Empty, ErrorNotice } from '../../ui/Notice.tsx';
import { Countdown } from '../../ui/Time.tsx';
import classes from './approvals.module.css';
import { BulkDialog } from './BulkDialog.tsx';
import { bulkBar, leftOutWords, MOST_AT_ONCE } from './bulk.ts';
import { AGENT, AMOUNT, CALL } from './columns.tsx';
import { peopleWords } from './words.ts';

/** A review guard, as short as one is. */
const EXAMPLE = `- id: large-payments
  action: payments.pay
  when: { field: amount, gt: $500 }
  effect: review
  approval: { people: 1, within: 1h }`;

export function Waiting() {
  const { data, error, refetch } = useQuery(waitingQuery);
  const [ids, setIds] = useState<readonly string[]>([]);
  const [deciding, setDeciding] = useState<{
    readonly decision: 'approve' | 'deny';
    readonly approvals: readonly Approval[];
  }>();
  if (error !== null) return <ErrorNotice error={error} retry={() => void refetch()} />;
  const rows = data?.data.toSorted((a, b) => a.expires_at - b.expires_at);
  // What was decided meanwhile, here or elsewhere, is not chosen any more.
  const chosen = rows?.filter(({ id }) => ids.includes(id)) ?? [];
  const columns: readonly Column<Approval>[] = [
    {
      key: 'choose',
      header: <span className="visually-hidden">Choose</span>,
      width: '36px',
      cell: (approval) => {
        const { id, action, agent } = approval;
        const bar = bulkBar(approval, chosen);
        const name = `${action} by ${agent}, ${id}`;
        return (
          <Checkbox
            size="xs"
            classNames={{ icon: classes.tick ?? '' }}
            aria-label={bar === undefined ? `Choose ${name}` : `${name} cannot be chosen: it ${bar}`}
            title={bar === undefined ? undefined : `It ${bar}`}
            disabled={bar !== undefined}
            checked={ids.includes(id) && bar === undefined}
            onChange={({ currentTarget: { checked } }) =>
              setIds(checked ? [...chosen.map((each) => each.id), id] : ids.filter((each) => each !== id))
            }
          />
        );
      },
    },
    CALL,
    AGENT,
    AMOUNT,
    PEOPLE,
    LEFT,
  ];
  return (
    <div className="stack-tight">
      {data?.has_more ? <p className="muted">The newest {MOST_WAITING}; more are waiting behind them.</p> : null}
      {chosen.length === 0 ? null : (
        <ChosenBar
          chosen={chosen}
          leftOut={leftOutWords(rows ?? [], chosen)}
          onDecide={(decision) => setDeciding({ decision, approvals: chosen })}
          onClear={() => setIds([])}
        />
      )}
      <DataTable
        label="Waiting calls"
        columns={columns}
        rows={rows}
        rowKey={({ id }) => id}
        empty={
          <Empty title="Nothing waits for a decision" command={EXAMPLE}>
            A call comes here when a guard of a role, or of the workspace, comes out as review. For example:
          </Empty>
        }
      />
      {deciding === undefined ? null : <BulkDialog {...deciding} onClose={() => setDeciding(undefined)} />}
    </div>
  );
}

function ChosenBar({
  chosen,
  leftOut,
  onDecide,
  onClear,
}: {
  readonly chosen: readonly Approval[];
  readonly leftOut: string | undefined;
  readonly onDecide: (decision: 'approve' | 'deny') => void;
  readonly onClear: () => void;
}) {
  const isAlone = chosen.length === 1;
  return (
    <section className={classes.chosen} aria-label="Chosen calls">
      <p role="status">
        <strong>{plural(chosen.length, 'call')} chosen</strong>, of one agent and one capability, {MOST_AT_ONCE} at
        most.{' '}
        <span className="muted">
          {isAlone ? 'Choose another one to decide about both. ' : ''}
          {leftOut === undefined ? '' : `Of those that wait, ${leftOut}: decide about them by themselves.`}
        </span>
      </p>
      <div className="row-wrap">
        <ActButton
          needs="POST /v1/approvals/decide"
          size="compact-sm"
          disabled={isAlone}
          onClick={() => onDecide('approve')}
        >
          Approve together…
        </ActButton>
        <ActButton
          needs="POST /v1/approvals/decide"
          size="compact-sm"
          color="red"
          disabled={isAlone}
          onClick={() => onDecide('deny')}
        >
          Deny together…
        </ActButton>
        <Button size="compact-sm" variant="default" onClick={onClear}>
          Choose none
        </Button>
      </div>
    </section>
  );
}

const PEOPLE: Column<Approval> = {
  key: 'people',
  header: 'People',
  width: '150px',
  cell: (approval) => (
    <TwoLines
      first={<span className="num">{peopleWords(approval)}</span>}
      second={approval.missing.groups.join(', ')}
    />
  ),
};

const LEFT: Column<Approval> = {
  key: 'deadline',
  header: 'Time left',
  width: '120px',
  align: 'end',
  cell: ({ expires_at }) => <Countdown until={expires_at} over="expired" />,
};
