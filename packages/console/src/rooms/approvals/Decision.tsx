import { useMutation, useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { at, send } from '../../api/client.ts';
import { signInSettingsQuery } from '../../api/identity-queries.ts';
import type { Approval, FullApproval } from '../../api/types.ts';
import { type Challenge, challengeFor } from '../../app/passkey.ts';
import { useWrite } from '../../app/write.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { Confirm } from '../../ui/Confirm.tsx';
import { impactsWords } from '../../ui/format.ts';
import { Facts, Panel } from '../../ui/Page.tsx';
import { SignDialog } from '../../ui/SignDialog.tsx';
import { Countdown, Time } from '../../ui/Time.tsx';
import { type Hat, HatPicker, hatsOf } from './hats.tsx';
import { useBindingCheck } from './use-binding-check.ts';
import { barWords, missingWords, outcomeWords, peopleWords } from './words.ts';

type Act = 'approve' | 'deny' | 'withdraw';

/** Where it stands, and what the person who looks may do about it. */
export function Decision({ approval }: { readonly approval: FullApproval }) {
  const [act, setAct] = useState<Act>();
  const [chosen, setChosen] = useState<{ readonly onBehalfOf: string | undefined }>();
  const check = useBindingCheck(approval);
  const { status, requirement, expires_at, requested_at, ended_at, you, call_event_id } = approval;
  const hats = hatsOf(approval);
  // Whoever cannot decide in their own name begins with whom they may decide for.
  const usual = hats.find(({ may }) => may) ?? hats[0];
  const hat = chosen === undefined ? usual : (hats.find((each) => each.onBehalfOf === chosen.onBehalfOf) ?? usual);
  const isOpen = status === 'pending' || status === 'approved';
  return (
    <Panel>
      <div className="stack">
        <p role="status" data-testid="outcome">
          {outcomeWords(approval)}
        </p>
        <Facts
          facts={[
            ['People', peopleWords(approval)],
            ['Groups', requirement.groups.join(', ')],
            ['Time left', isOpen ? <Countdown key="left" until={expires_at} over="expired" /> : null],
            ['Asked', <Time key="asked" value={requested_at} />],
            ['Ended', ended_at === null ? null : <Time key="ended" value={ended_at} />],
            [
              'Call',
              call_event_id === null ? null : (
                <Link key="call" to="/log" search={{ event: call_event_id }} className="mono">
                  {call_event_id}
                </Link>
              ),
            ],
          ]}
        />
        {status === 'pending' ? (
          <>
            <HatPicker
              names={hats.map(({ onBehalfOf }) => onBehalfOf)}
              value={hat?.onBehalfOf}
              onChange={(onBehalfOf) => setChosen({ onBehalfOf })}
            />
            <MayI person={you.person} hat={hat} />
          </>
        ) : null}
        {isOpen ? (
          <div className="row-wrap">
            {status === 'pending' ? (
              <>
                <ActButton
                  needs="POST /v1/approvals/:id/decide"
                  disabled={hat?.may !== true || check.state === 'checking' || check.state === 'differs'}
                  onClick={() => setAct('approve')}
                >
                  Approve…
                </ActButton>
                <ActButton
                  needs="POST /v1/approvals/:id/decide"
                  color="red"
                  disabled={!mayDeny(you)}
                  onClick={() => setAct('deny')}
                >
                  Deny…
                </ActButton>
              </>
            ) : null}
            <ActButton needs="POST /v1/approvals/:id/cancel" variant="default" onClick={() => setAct('withdraw')}>
              Withdraw…
            </ActButton>
          </div>
        ) : null}
      </div>
      {act === undefined ? null : (
        <ActDialog act={act} approval={approval} onBehalfOf={hat?.onBehalfOf} onClose={() => setAct(undefined)} />
      )}
    </Panel>
  );
}

/** A denial is safe: everybody may give one, once. */
function mayDeny({ person, why_not }: FullApproval['you']): boolean {
  return person !== null && why_not !== 'person_inactive' && why_not !== 'approver_decided_before';
}

function MayI({ person, hat }: { readonly person: string | null; readonly hat: Hat | undefined }) {
  if (person === null || hat === undefined)
    return (
      <p>
        People decide, and the admin key of this session belongs to none. Sign in with a key of your own:{' '}
        <code>hivekey key create NAME --person E-MAIL</code>.
      </p>
    );
  const name = hat.onBehalfOf === undefined ? person : `${person} for ${hat.onBehalfOf}`;
  return hat.may ? (
    <p>{name}, you may decide.</p>
  ) : (
    <p>
      You may not approve it: {name} {barWords(hat.whyNot)}.
    </p>
  );
}

function ActDialog({
  act,
  approval,
  onBehalfOf,
  onClose,
}: {
  readonly act: Act;
  readonly approval: FullApproval;
  readonly onBehalfOf: string | undefined;
  readonly onClose: () => void;
}) {
  const { id, action, agent, hash, impact } = approval;
  const { data: settings } = useQuery(signInSettingsQuery);
  const isSigned = act === 'approve' && settings?.step_up.approve === 'signed';
  const wanted = (reason: string) => ({
    decision: act,
    reason,
    ...(onBehalfOf === undefined ? {} : { on_behalf_of: onBehalfOf }),
  });
  const prepare = useMutation({
    mutationFn: async (reason: string) => ({ reason, challenge: await challengeFor(id, wanted(reason)) }),
  });
  const decide = useWrite({
    write: async ({ reason, challenge }: { readonly reason: string; readonly challenge?: Challenge }) =>
      act === 'withdraw'
        ? send<Approval>('POST', at`/v1/approvals/${id}/cancel`, { reason })
        : send<Approval>('POST', at`/v1/approvals/${id}/decide`, {
            ...wanted(reason),
            ...(act === 'approve' ? { hash } : {}),
            ...(challenge === undefined ? {} : { signature: await challenge.sign() }),
          }),
    changes: ['approvals'],
    done: (decided) => outcomeWords(decided),
    onDone: onClose,
  });
  const what = [action, impactsWords(impact)].filter(Boolean).join(', ');
  const words = {
    approve: { title: `Approve ${what} by ${agent}`, action: 'Approve', danger: false },
    deny: { title: `Deny ${what} by ${agent}`, action: 'Deny', danger: true },
    withdraw: { title: `Withdraw ${what} by ${agent}`, action: 'Withdraw', danger: true },
  }[act];
  const { data: prepared } = prepare;
  if (prepared !== undefined)
    return (
      <SignDialog
        title={words.title}
        challenge={prepared.challenge}
        pending={decide.isPending}
        error={decide.error}
        onSign={() => decide.mutate(prepared)}
        onClose={onClose}
      />
    );
  return (
    <Confirm
      {...words}
      {...(isSigned ? { action: 'Go on to sign' } : {})}
      withReason
      pending={decide.isPending || prepare.isPending}
      error={decide.error ?? prepare.error}
      onConfirm={(reason) => (isSigned ? prepare.mutate(reason) : decide.mutate({ reason }))}
      onClose={onClose}
    >
      {act === 'approve'
        ? `One call with exactly the arguments shown runs, once. It takes ${missingWords(approval)}, ${onBehalfOf === undefined ? 'you' : `you for ${onBehalfOf}`} among them.`
        : 'It never runs; the agent is told why. One denial ends it, whoever approved before.'}
    </Confirm>
  );
}
