import { useState } from 'react';
import type { OwnershipTransfer } from '../../api/agent-types.ts';
import { at } from '../../api/client.ts';
import { useMe } from '../../app/me.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { AnswerDialog } from '../../ui/AnswerDialog.tsx';

type Act = 'accept' | 'decline' | 'withdraw';

/** What whoever looks can do about an offer that waits: answer it, if it is made to them; else take it back. */
export function OfferActs({ offer }: { readonly offer: OwnershipTransfer }) {
  const me = useMe();
  const [act, setAct] = useState<Act>();
  const isMine = me.person?.email === offer.to;
  return (
    <span className="row-wrap">
      {isMine ? (
        <>
          <ActButton
            needs="POST /v1/ownership-transfers/:id/accept"
            size="compact-sm"
            aria-label={`Accept ${offer.agent}`}
            onClick={() => setAct('accept')}
          >
            Accept
          </ActButton>
          <ActButton
            needs="POST /v1/ownership-transfers/:id/decline"
            variant="default"
            size="compact-sm"
            aria-label={`Decline ${offer.agent}`}
            onClick={() => setAct('decline')}
          >
            Decline
          </ActButton>
        </>
      ) : (
        <ActButton
          needs="POST /v1/ownership-transfers/:id/withdraw"
          refusal={whyNotOffer(offer.from, me)}
          variant="default"
          size="compact-sm"
          aria-label={`Withdraw the offer of ${offer.agent}`}
          onClick={() => setAct('withdraw')}
        >
          Withdraw
        </ActButton>
      )}
      {act === undefined ? null : (
        <AnswerDialog
          words={WORDS[act]}
          about={offer.agent}
          to={`${at`/v1/ownership-transfers/${offer.id}`}/${act}`}
          changes={['agents', 'people', 'credentials']}
          onClose={() => setAct(undefined)}
        />
      )}
    </span>
  );
}

/** Why somebody may not give away the agents of `owner`; undefined when they may. Pure. */
export function whyNotOffer(owner: string, me: ReturnType<typeof useMe>): string | undefined {
  if (me.roles.includes('admin') || me.roles.includes('operator') || me.person?.email === owner) return undefined;
  return 'This takes the role admin or operator, or the owner of the agent.';
}

const WORDS = {
  accept: {
    action: 'Accept',
    danger: false,
    text: 'The agent is yours with this: you answer for what it does from now on. One that was stopped when its owner left stays stopped until it is restored, and needs a new token.',
    done: 'is yours.',
  },
  decline: { action: 'Decline', danger: true, text: 'It stays with whom it is.', done: 'is declined.' },
  withdraw: { action: 'Withdraw', danger: true, text: 'Nobody is asked any more.', done: 'is not offered any more.' },
} as const;
