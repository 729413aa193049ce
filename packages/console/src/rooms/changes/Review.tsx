import { useMutation, useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import type { Change } from '../../api/change-types.ts';
import { at, send } from '../../api/client.ts';
import { signInSettingsQuery } from '../../api/identity-queries.ts';
import { sessionQuery } from '../../api/queries.ts';
import { type Challenge, challengeForChange } from '../../app/passkey.ts';
import { useWrite } from '../../app/write.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { Confirm } from '../../ui/Confirm.tsx';
import { ErrorNotice } from '../../ui/Notice.tsx';
import { Facts, Panel } from '../../ui/Page.tsx';
import { SignDialog } from '../../ui/SignDialog.tsx';
import { Countdown } from '../../ui/Time.tsx';
import { barWords, missingWords, stateWords } from './words.ts';

type Act = 'approve' | 'reject' | 'activate' | 'withdraw' | 'rollback';

/** Where it stands, and what whoever looks may do about it. */
export function Review({ change }: { readonly change: Change }) {
  const [act, setAct] = useState<Act>();
  const { data: session } = useQuery(sessionQuery);
  const { status, requirement, you, expires_at, review_due_at, preview, emergency_review } = change;
  const submit = useWrite({
    write: () => send<Change>('POST', at`/v1/changes/${change.name}/submit`, {}),
    changes: ['changes', 'roles', 'agents', 'capabilities', 'workspace'],
    done: (submitted) => stateWords(submitted),
  });
  const isReviewedAfter = emergency_review === 'due' || emergency_review === 'overdue';
  const isWaiting = status === 'submitted' || isReviewedAfter;
  const mayActivateAlone = status === 'submitted' && change.class === 'emergency' && you.author;
  return (
    <Panel>
      <div className="stack">
        <p role="status" data-testid="state">
          {stateWords(change)}
        </p>
        <Facts
          facts={[
            [
              'Takes',
              requirement === null || change.class === 'direct' || !isWaiting ? null : missingWords(requirement),
            ],
            [
              'Time left',
              isWaiting && expires_at !== null ? <Countdown key="left" until={expires_at} over="over" /> : null,
            ],
            [
              'Review due',
              isReviewedAfter && review_due_at !== null ? (
                <Countdown key="due" until={review_due_at} over="overdue" />
              ) : null,
            ],
          ]}
        />
        {isWaiting ? (
          <p>
            {session?.person === null
              ? 'People decide, and the admin key of this session belongs to none.'
              : you.approve === null
                ? 'You may approve it, as it is shown here.'
                : `You may not approve it: ${barWords(you.approve)}.`}
          </p>
        ) : null}
        <div className="row-wrap">
          {status === 'draft' ? (
            <ActButton
              needs="POST /v1/changes/:change/submit"
              loading={submit.isPending}
              onClick={() => submit.mutate(undefined)}
            >
              Submit for review
            </ActButton>
          ) : null}
          {isWaiting ? (
            <>
              <ActButton
                needs="POST /v1/changes/:change/approve"
                disabled={you.approve !== null || preview?.state !== 'done'}
                onClick={() => setAct('approve')}
              >
                Approve…
              </ActButton>
              <ActButton needs="POST /v1/changes/:change/reject" color="red" onClick={() => setAct('reject')}>
                {isReviewedAfter ? 'Refuse…' : 'Reject…'}
              </ActButton>
            </>
          ) : null}
          {status === 'approved' || mayActivateAlone ? (
            <ActButton needs="POST /v1/changes/:change/activate" onClick={() => setAct('activate')}>
              Put in force…
            </ActButton>
          ) : null}
          {status === 'activated' && change.rolled_back_by === null ? (
            <ActButton needs="POST /v1/changes/:change/rollback" variant="default" onClick={() => setAct('rollback')}>
              Roll back…
            </ActButton>
          ) : null}
          {status === 'draft' || status === 'submitted' || status === 'approved' || status === 'scheduled' ? (
            <ActButton needs="POST /v1/changes/:change/withdraw" variant="default" onClick={() => setAct('withdraw')}>
              Withdraw…
            </ActButton>
          ) : null}
        </div>
        {submit.isError ? <ErrorNotice error={submit.error} /> : null}
      </div>
      {act === undefined ? null : <ActDialog act={act} change={change} onClose={() => setAct(undefined)} />}
    </Panel>
  );
}

interface Words {
  readonly title: string;
  readonly action: string;
  readonly danger: boolean;
  readonly text: string;
}

function wordsOf(act: Act, { name, emergency_review, missing }: Change): Words {
  switch (act) {
    case 'approve':
      return {
        title: `Approve ${name}`,
        action: 'Approve',
        danger: false,
        text:
          emergency_review === null
            ? `You approve these documents with this preview, and nothing else. It takes ${missing === null ? 'you' : missingWords(missing)}.`
            : 'It is in force. You confirm afterwards that it was right.',
      };
    case 'reject':
      return {
        title: emergency_review === null ? `Reject ${name}` : `Refuse ${name}`,
        action: emergency_review === null ? 'Reject' : 'Refuse',
        danger: true,
        text:
          emergency_review === null
            ? 'One rejection ends it, whoever approved before.'
            : 'A change that puts back what was there is drafted and submitted in your name.',
      };
    case 'activate':
      return {
        title: `Put ${name} in force`,
        action: 'Put in force',
        danger: false,
        text: 'Everything is checked once more, then all of it takes effect in one move, on the next action of every agent.',
      };
    case 'withdraw':
      return {
        title: `Withdraw ${name}`,
        action: 'Withdraw',
        danger: true,
        text: 'It stays on record and never takes effect.',
      };
    case 'rollback':
      return {
        title: `Roll back ${name}`,
        action: 'Draft the rollback',
        danger: true,
        text: 'A change that puts back what this one replaced is drafted and submitted. It takes effect as other changes do.',
      };
  }
}

function ActDialog({
  act,
  change,
  onClose,
}: {
  readonly act: Act;
  readonly change: Change;
  readonly onClose: () => void;
}) {
  const navigate = useNavigate();
  const { data: settings } = useQuery(signInSettingsQuery);
  const { name, content_hash, preview } = change;
  const preview_hash = preview?.hash ?? '';
  const isSigned = act === 'approve' && settings?.step_up.change === 'signed';
  const prepare = useMutation({
    mutationFn: async (comment: string) => ({
      comment,
      challenge: await challengeForChange(name, { preview_hash, comment }),
    }),
  });
  const write = useWrite({
    write: async ({ comment, challenge }: { readonly comment: string; readonly challenge?: Challenge }) => {
      const to = at`/v1/changes/${name}/${act}`;
      if (act === 'activate') return send<Change>('POST', to, {});
      if (act === 'withdraw' || act === 'rollback') return send<Change>('POST', to, { reason: comment });
      if (act === 'reject') return send<Change>('POST', to, { comment });
      return send<Change>('POST', to, {
        content_hash,
        preview_hash,
        comment,
        ...(challenge === undefined ? {} : { signature: await challenge.sign() }),
      });
    },
    changes: [
      'changes',
      'roles',
      'agents',
      'capabilities',
      'people',
      'servers',
      'freezes',
      'sources',
      'breakers',
      'workspace',
    ],
    done: (changed) => `${changed.name}: ${stateWords(changed)}`,
    onDone: (changed) => {
      onClose();
      if (act === 'rollback') void navigate({ to: '/changes/$change', params: { change: changed.name } });
    },
  });
  const { text, ...words } = wordsOf(act, change);
  const { data: prepared } = prepare;
  if (prepared !== undefined)
    return (
      <SignDialog
        title={words.title}
        challenge={prepared.challenge}
        pending={write.isPending}
        error={write.error}
        onSign={() => write.mutate(prepared)}
        onClose={onClose}
      />
    );
  return (
    <Confirm
      {...words}
      {...(isSigned ? { action: 'Go on to sign' } : {})}
      withReason={act !== 'activate'}
      pending={write.isPending || prepare.isPending}
      error={write.error ?? prepare.error}
      onConfirm={(comment) => (isSigned ? prepare.mutate(comment) : write.mutate({ comment }))}
      onClose={onClose}
    >
      {text}
    </Confirm>
  );
}
