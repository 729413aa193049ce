import { Skeleton } from '@mantine/core';
import { IconArrowsExchange } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { useState } from 'react';
import { taskQuery } from '../../api/agent-queries.ts';
import type { FullTransferTask } from '../../api/agent-types.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { type Column, DataTable, TwoLines } from '../../ui/DataTable.tsx';
import { actorWords, count } from '../../ui/format.ts';
import { ErrorNotice } from '../../ui/Notice.tsx';
import { Facts, Page, Panel, Section } from '../../ui/Page.tsx';
import { Time } from '../../ui/Time.tsx';
import { Mark, StatusMark } from '../../ui/Verdict.tsx';
import { OfferTask } from './OfferTask.tsx';
import { TaskReceipt } from './TaskReceipt.tsx';
import classes from './transfers.module.css';
import { CAUSES, OUTCOMES, TASK_STATUSES } from './words.ts';

const route = getRouteApi('/in/transfers/$task');
const UP = { to: '/agents', search: { tab: 'transfers' }, label: 'Transfers' };

type TaskAgent = FullTransferTask['agents'][number];

const COLUMNS: readonly Column<TaskAgent>[] = [
  {
    key: 'agent',
    header: 'Agent',
    cell: ({ agent, agent_id, deputies }) => (
      <TwoLines
        first={
          <Link to="/agents/$agent" params={{ agent: agent_id }} search={{ tab: 'ownership' }} title={agent}>
            {agent}
          </Link>
        }
        second={deputies.length === 0 ? 'no deputies' : `deputies: ${deputies.join(', ')}`}
      />
    ),
  },
  {
    key: 'outcome',
    header: 'Outcome',
    cell: ({ outcome, owner, transfer, ended_at }) =>
      outcome !== null ? (
        <TwoLines
          first={
            <>
              {OUTCOMES[outcome]} <Time value={ended_at} />
            </>
          }
          second={`owner ${owner}`}
        />
      ) : transfer !== null ? (
        <TwoLines
          first={<Mark tone="review">offered</Mark>}
          second={`to ${transfer.to}, who answers until ${new Date(transfer.answer_by * 1000).toLocaleString('en-GB')}`}
        />
      ) : (
        <Mark tone="review">waits</Mark>
      ),
  },
  {
    key: 'status',
    header: 'Status now',
    width: '150px',
    cell: ({ status, status_before }) => (
      <TwoLines
        first={<StatusMark status={status} />}
        second={status === status_before ? undefined : `${status_before} before`}
      />
    ),
  },
  {
    key: 'tokens',
    header: 'Tokens ended',
    width: '110px',
    align: 'end',
    cell: ({ tokens_ended }) => <span className="num">{count(tokens_ended)}</span>,
  },
];

/** What somebody who left has left behind: who is asked, by when, and the receipt of the stop. */
export function TaskPage() {
  const { task: id } = route.useParams();
  const { data: task, error, refetch } = useQuery(taskQuery(id));
  const [isOffering, setOffering] = useState(false);
  if (task === undefined)
    return (
      <Page title="Left behind" up={UP}>
        {error === null ? (
          <Skeleton height={320} aria-label="Loading" />
        ) : (
          <ErrorNotice error={error} retry={() => void refetch()} />
        )}
      </Page>
    );
  return (
    <Page
      title={`Left behind by ${task.person}`}
      up={UP}
      mark={<StatusMark status={TASK_STATUSES[task.status]} />}
      actions={
        task.status === 'open' ? (
          <ActButton
            needs="POST /v1/transfer-tasks/:id/propose"
            leftSection={<IconArrowsExchange size={14} aria-hidden />}
            onClick={() => setOffering(true)}
          >
            Offer agents…
          </ActButton>
        ) : null
      }
    >
      <div className={classes.columns}>
        <div>
          <Section title="Agents">
            <DataTable
              label="Agents left behind"
              columns={COLUMNS}
              rows={task.agents}
              rowKey={({ agent_id }) => agent_id}
            />
          </Section>
          <TaskReceipt task={task} />
        </div>
        <Panel>
          <TaskFacts task={task} />
        </Panel>
      </div>
      {isOffering ? <OfferTask task={task} onClose={() => setOffering(false)} /> : null}
    </Page>
  );
}

function TaskFacts({ task }: { readonly task: FullTransferTask }) {
  return (
    <Facts
      facts={[
        [
          'Who left',
          <span key="person" className="row-wrap">
            <Link to="/people/$person" params={{ person: task.person }}>
              {task.person}
            </Link>
            {task.person_active ? <Mark tone="review">is back; their agents are not</Mark> : null}
          </span>,
        ],
        ['By', `${CAUSES[task.cause]} (${actorWords(task.actor)})`],
        ['When', <Time key="opened" value={task.opened_at} />],
        ['Agents waiting', `${count(task.agents_waiting)} of ${count(task.agents_total)}`],
        [
          'Deadline',
          task.status === 'open' ? (
            <span key="due">
              <Time value={task.due_at} />, when those that wait are revoked
            </span>
          ) : null,
        ],
        ['Told again', task.reminded_at === null ? null : <Time key="reminded" value={task.reminded_at} />],
        ['Escalated', task.escalated_at === null ? null : <Time key="escalated" value={task.escalated_at} />],
        ['Closed', task.closed_at === null ? null : <Time key="closed" value={task.closed_at} />],
      ]}
    />
  );
}
