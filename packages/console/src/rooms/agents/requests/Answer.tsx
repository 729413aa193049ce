import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import type { AgentRequest } from '../../../api/agent-types.ts';
import { at } from '../../../api/client.ts';
import { useRefusal } from '../../../app/may.ts';
import { useMe } from '../../../app/me.ts';
import { ActButton } from '../../../ui/ActButton.tsx';
import { AnswerDialog } from '../../../ui/AnswerDialog.tsx';
import { actorWords } from '../../../ui/format.ts';
import { Facts, Panel } from '../../../ui/Page.tsx';
import { Countdown, Time } from '../../../ui/Time.tsx';
import { REQUEST_SOURCES } from '../words.ts';
import { whyNot } from './may-answer.ts';

type Act = 'approve' | 'deny' | 'withdraw';

/** Where the request stands, and what whoever looks may answer. */
export function Answer({ request }: { readonly request: AgentRequest }) {
  const me = useMe();
  const [act, setAct] = useState<Act>();
  const { status, requested_by, requested_at, expires_at, source, decided_by, decided_at, decision_reason } = request;
  const role = useRefusal('POST /v1/agent-requests/:id/approve');
  const bar = role ?? whyNot('approve', request, me);
  const isOpen = status === 'requested';
  return (
    <Panel>
      <div className="stack">
        <Facts
          facts={[
            ['Asked by', actorWords(requested_by)],
            ['Asked', <Time key="asked" value={requested_at} />],
            ['By way of', REQUEST_SOURCES[source]],
            ['Time left', isOpen ? <Countdown key="left" until={expires_at} over="expired" /> : null],
            [
              status === 'approved' ? 'Approved by' : status === 'denied' ? 'Denied by' : 'Ended by',
              decided_by === null ? null : actorWords(decided_by),
            ],
            ['Answered', decided_at === null ? null : <Time key="answered" value={decided_at} />],
            ['Reason', decision_reason],
            [
              'Agent',
              request.agent_id === null ? null : (
                <Link key="agent" to="/agents/$agent" params={{ agent: request.agent_id }}>
                  {request.name}
                </Link>
              ),
            ],
          ]}
        />
        {isOpen ? (
          <>
            <p role="status">{bar === undefined ? 'You may let it in.' : `You may not let it in. ${bar}`}</p>
            <div className="row-wrap">
              <ActButton
                needs="POST /v1/agent-requests/:id/approve"
                refusal={whyNot('approve', request, me)}
                onClick={() => setAct('approve')}
              >
                Approve…
              </ActButton>
              <ActButton
                needs="POST /v1/agent-requests/:id/deny"
                refusal={whyNot('deny', request, me)}
                color="red"
                onClick={() => setAct('deny')}
              >
                Deny…
              </ActButton>
              <ActButton
                needs="POST /v1/agent-requests/:id/withdraw"
                refusal={whyNot('withdraw', request, me)}
                variant="default"
                onClick={() => setAct('withdraw')}
              >
                Withdraw…
              </ActButton>
            </div>
          </>
        ) : null}
      </div>
      {act === undefined ? null : (
        <AnswerDialog
          words={WORDS[act]}
          about={request.name}
          to={`${at`/v1/agent-requests/${request.id}`}/${act}`}
          changes={['agents', 'people', 'roles']}
          withReason={act === 'deny' ? 'required' : true}
          onClose={() => setAct(undefined)}
        />
      )}
    </Panel>
  );
}

const WORDS = {
  approve: {
    action: 'Approve',
    danger: false,
    text: 'The agent is made in the same step, with this owner and these roles. It can act once it has a credential.',
    done: 'is let in. It needs a credential to act.',
  },
  deny: { action: 'Deny', danger: true, text: 'No agent is made. Who asked sees your reason.', done: 'is denied.' },
  withdraw: { action: 'Withdraw', danger: true, text: 'The request is taken back.', done: 'is withdrawn.' },
} as const;
