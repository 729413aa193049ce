import { Button, Modal, Skeleton, Textarea } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { ownershipQuery } from '../../api/agent-queries.ts';
import type { Ownership, OwnershipTransfer } from '../../api/agent-types.ts';
import { at, send } from '../../api/client.ts';
import type { Agent } from '../../api/types.ts';
import { useMe } from '../../app/me.ts';
import { useWrite } from '../../app/write.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { type Column, DataTable, TwoLines } from '../../ui/DataTable.tsx';
import { actorWords } from '../../ui/format.ts';
import { ErrorNotice } from '../../ui/Notice.tsx';
import { Facts, Section } from '../../ui/Page.tsx';
import { OwnerPicker, PeopleAndGroupsField } from '../../ui/Pickers.tsx';
import { Time } from '../../ui/Time.tsx';
import { Mark } from '../../ui/Verdict.tsx';
import { OfferActs, whyNotOffer } from '../transfers/OfferActs.tsx';
import transfers from '../transfers/transfers.module.css';

const HISTORY: readonly Column<Ownership['history'][number]>[] = [
  { key: 'at', header: 'When', width: '112px', cell: ({ at: when }) => <Time value={when} /> },
  {
    key: 'to',
    header: 'Owner',
    cell: ({ to, from }) => (
      <TwoLines first={<span title={to}>{to}</span>} second={from === null ? 'the first' : `after ${from}`} />
    ),
  },
  {
    key: 'by',
    header: 'By',
    cell: ({ actor, reason }) => <TwoLines first={actorWords(actor)} second={reason} />,
  },
  {
    key: 'accepted',
    header: 'Accepted',
    width: '112px',
    cell: ({ accepted_at }) => <Time value={accepted_at} absent="not asked" />,
  },
];

/** Who answers for the agent, who stands in, who is asked to take it over, and who did before. */
export function AgentOwnership({ agent }: { readonly agent: Agent }) {
  const { data, error, refetch } = useQuery(ownershipQuery(agent.id));
  const me = useMe();
  const [dialog, setDialog] = useState<'offer' | 'deputies'>();
  if (error !== null) return <ErrorNotice error={error} retry={() => void refetch()} />;
  if (data === undefined) return <Skeleton height={240} aria-label="Loading" />;
  const refusal = whyNotOffer(data.owner, me);
  const close = () => setDialog(undefined);
  return (
    <>
      {data.transfer === null ? null : <OpenOffer offer={data.transfer} />}
      <Section
        title="Who answers for it"
        aside={
          <span className="row">
            <ActButton
              needs="PUT /v1/agents/:agent/deputies"
              refusal={refusal}
              variant="default"
              size="compact-sm"
              onClick={() => setDialog('deputies')}
            >
              Change deputies
            </ActButton>
            <ActButton
              needs="POST /v1/agents/:agent/ownership-transfers"
              refusal={
                refusal ??
                (data.transfer === null ? undefined : `It is offered to ${data.transfer.to}: withdraw that first.`)
              }
              variant="default"
              size="compact-sm"
              onClick={() => setDialog('offer')}
            >
              Offer to another owner…
            </ActButton>
          </span>
        }
      >
        <Facts
          facts={[
            [
              'Owner',
              <span key="owner" className="row-wrap">
                <Link to="/people/$person" params={{ person: data.owner }} style={{ overflowWrap: 'anywhere' }}>
                  {data.owner}
                </Link>
                {data.owner_active ? null : <Mark tone="deny">has left</Mark>}
              </span>,
            ],
            ['Accepted', <Time key="accepted" value={data.accepted_at} absent="nobody asked them" />],
            [
              'Deputies',
              data.deputies.length === 0 ? (
                <span key="none" className="muted">
                  none
                </span>
              ) : (
                <span key="deputies" className="row-wrap">
                  {data.deputies.map(({ name, kind, active }) => (
                    <span key={name} className="row">
                      <span style={{ overflowWrap: 'anywhere' }}>{kind === 'group' ? `group ${name}` : name}</span>
                      {active ? null : <Mark tone="deny">{kind === 'group' ? 'nobody is in it' : 'has left'}</Mark>}
                    </span>
                  ))}
                </span>
              ),
            ],
          ]}
        />
      </Section>
      <Section title="Owners so far">
        <DataTable
          label="Owners so far"
          columns={HISTORY}
          rows={data.history}
          rowKey={({ at: when, to, actor }) => `${when} ${to} ${actor}`}
          empty={<p className="muted">It has had one owner since it was created.</p>}
        />
      </Section>
      {dialog === 'offer' ? <OfferDialog agent={agent} onClose={close} /> : null}
      {dialog === 'deputies' ? <DeputiesDialog ownership={data} onClose={close} /> : null}
    </>
  );
}

function OpenOffer({ offer }: { readonly offer: OwnershipTransfer }) {
  const { person } = useMe();
  return (
    <section className={transfers.offered} aria-label="Offer">
      <p>
        Offered to {person?.email === offer.to ? 'you' : offer.to} by {actorWords(offer.proposed_by)}{' '}
        <Time value={offer.proposed_at} />, to be answered <Time value={offer.answer_by} />.
        {offer.reason === '' ? '' : ` ${offer.reason}`}
      </p>
      <OfferActs offer={offer} />
    </section>
  );
}

function OfferDialog({ agent, onClose }: { readonly agent: Agent; readonly onClose: () => void }) {
  const [to, setTo] = useState<string>();
  const [reason, setReason] = useState('');
  const offer = useWrite({
    write: () =>
      send<OwnershipTransfer>('POST', at`/v1/agents/${agent.id}/ownership-transfers`, { to, reason: reason.trim() }),
    changes: ['agents'],
    done: (made) => `${agent.name} is offered to ${made.to}.`,
    onDone: onClose,
  });
  return (
    <Modal
      opened
      onClose={onClose}
      title={`Offer ${agent.name} to another owner`}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          if (to !== undefined && !offer.isPending) offer.mutate(undefined);
        }}
      >
        <OwnerPicker
          label="New owner"
          description="They are asked. Until they accept, it stays with whom it is."
          required
          onlyKnown
          value={to}
          onChange={setTo}
        />
        <Textarea
          label="Reason"
          description="They see it, and it goes into the log."
          autosize
          minRows={2}
          maxLength={500}
          value={reason}
          onChange={(event) => setReason(event.currentTarget.value)}
        />
        {offer.isError ? <ErrorNotice error={offer.error} /> : null}
        <Button type="submit" disabled={to === undefined} loading={offer.isPending}>
          Offer
        </Button>
      </form>
    </Modal>
  );
}

function DeputiesDialog({ ownership, onClose }: { readonly ownership: Ownership; readonly onClose: () => void }) {
  const [deputies, setDeputies] = useState<readonly string[]>(ownership.deputies.map(({ name }) => name));
  const save = useWrite({
    write: () => send<Ownership>('PUT', at`/v1/agents/${ownership.agent_id}/deputies`, { deputies }),
    changes: ['agents'],
    done: ({ agent }) => `The deputies of ${agent} are saved.`,
    onDone: onClose,
  });
  return (
    <Modal
      opened
      onClose={onClose}
      title={`Deputies of ${ownership.agent}`}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          save.mutate(undefined);
        }}
      >
        <PeopleAndGroupsField
          label="Deputies"
          description="People and groups. They may suspend the agent and are asked to take it over; they do not answer for it."
          value={deputies}
          onChange={setDeputies}
        />
        {save.isError ? <ErrorNotice error={save.error} /> : null}
        <Button type="submit" loading={save.isPending}>
          Save
        </Button>
      </form>
    </Modal>
  );
}
