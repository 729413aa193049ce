import { Button } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { at, send } from '../../api/client.ts';
import { proposalsQuery, sessionQuery } from '../../api/queries.ts';
import type { ContainmentProposal } from '../../api/types.ts';
import { useWrite } from '../../app/write.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { Confirm } from '../../ui/Confirm.tsx';
import { ErrorNotice } from '../../ui/Notice.tsx';
import { Panel, Section } from '../../ui/Page.tsx';
import { Countdown, Time } from '../../ui/Time.tsx';
import { Mark } from '../../ui/Verdict.tsx';
import { Reach } from './KillSwitch.tsx';
import { proposalWords, settingsWords } from './words.ts';

/** What one person has asked for; nothing while nothing waits. */
export function Proposals() {
  const { data = [], error, refetch } = useQuery(proposalsQuery);
  if (error !== null) return <ErrorNotice error={error} retry={() => void refetch()} />;
  if (data.length === 0) return null;
  return (
    <Section title="Waits for a second person">
      {data.map((each) => (
        <Proposal key={each.id} proposal={each} />
      ))}
    </Section>
  );
}

function Proposal({ proposal }: { readonly proposal: ContainmentProposal }) {
  const { id, kind, scope, target, reason, proposed_by_person, proposed_at, answer_by, settings } = proposal;
  const { data: session } = useQuery(sessionQuery);
  const [act, setAct] = useState<'confirm' | 'withdraw'>();
  const person = session?.person?.email ?? null;
  const isOwn = person === proposed_by_person;
  const words = proposalWords(proposal);
  const answer = useWrite({
    write: (why: string) =>
      send<ContainmentProposal>(
        'POST',
        act === 'confirm' ? at`/v1/containment-proposals/${id}/confirm` : at`/v1/containment-proposals/${id}/withdraw`,
        why === '' ? {} : { reason: why },
      ),
    changes: ['containments', 'agents', 'credentials', 'roles', 'approvals', 'breakers', 'session', 'workspace'],
    done: ({ status }) => (status === 'confirmed' ? `${words}: done.` : `${words}: withdrawn.`),
    onDone: () => setAct(undefined),
  });
  return (
    <Panel>
      <div className="stack-tight" data-testid="proposal">
        <p className="row-wrap">
          <Mark tone="review">proposed</Mark>
          <strong>{words}</strong>
          <span>{reason}</span>
        </p>
        {settings === null ? null : <p>{settingsWords(settings)}</p>}
        <p className="muted">
          by {proposed_by_person} <Time value={proposed_at} /> · time left: <Countdown until={answer_by} over="none" />
        </p>
        {kind === 'kill' && scope !== null ? <Reach scope={scope} target={target} /> : null}
        <p>
          {isOwn
            ? 'You proposed it: another person has to confirm.'
            : person === null
              ? 'Confirming takes a key that belongs to a person; the one of this session belongs to none.'
              : 'Nothing has changed yet.'}{' '}
          {kind === 'kill' ? 'Meanwhile one person can quarantine an agent, or suspend it.' : null}
        </p>
        <div className="row">
          <ActButton
            needs="POST /v1/containment-proposals/:id/confirm"
            size="compact-sm"
            {...(kind === 'kill' ? { color: 'red' } : {})}
            disabled={isOwn || person === null}
            onClick={() => setAct('confirm')}
          >
            Confirm…
          </ActButton>
          <ActButton
            needs="POST /v1/containment-proposals/:id/withdraw"
            variant="default"
            size="compact-sm"
            onClick={() => setAct('withdraw')}
          >
            Withdraw…
          </ActButton>
          {kind === 'kill' ? (
            <Button
              variant="default"
              size="compact-sm"
              renderRoot={(props: object) => (
                <Link
                  to="/containment"
                  search={{ tab: 'quarantine', ...(scope === 'agent' ? { place: target } : {}) }}
                  {...props}
                />
              )}
            >
              Quarantine meanwhile
            </Button>
          ) : null}
        </div>
      </div>
      {act === undefined ? null : (
        <Confirm
          title={act === 'confirm' ? words : `Withdraw: ${words}`}
          action={act === 'confirm' ? 'Confirm' : 'Withdraw'}
          danger={act === 'confirm' && kind === 'kill'}
          withReason
          pending={answer.isPending}
          error={answer.error}
          onConfirm={answer.mutate}
          onClose={() => setAct(undefined)}
        >
          {act === 'confirm'
            ? `It happens now, as ${proposed_by_person} proposed it, and both names go into the log.`
            : 'Nothing happens, and the log keeps that it was proposed.'}
        </Confirm>
      )}
    </Panel>
  );
}
