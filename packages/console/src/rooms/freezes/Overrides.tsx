import { Button, Modal, NumberInput, Textarea } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { at, send } from '../../api/client.ts';
import { overridesQuery, sessionQuery } from '../../api/queries.ts';
import type { Freeze, FreezeOverride } from '../../api/types.ts';
import { useWrite } from '../../app/write.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { Confirm } from '../../ui/Confirm.tsx';
import { plural } from '../../ui/format.ts';
import { Empty, ErrorNotice } from '../../ui/Notice.tsx';
import { Panel, Section } from '../../ui/Page.tsx';
import { Countdown, Time } from '../../ui/Time.tsx';
import { Mark } from '../../ui/Verdict.tsx';

const LONGEST_MINUTES = 1_440;
const TONES = { requested: 'review', active: 'allow', unanswered: 'neutral', ended: 'neutral' } as const;

/** Who lifts the freeze, or did: one asks, another agrees. */
export function Overrides({ freeze }: { readonly freeze: Freeze }) {
  const { data, error, refetch } = useQuery(overridesQuery(freeze.name));
  const [asking, setAsking] = useState(false);
  return (
    <Section
      title="Emergency override"
      aside={
        freeze.in_force ? (
          <ActButton
            needs="POST /v1/freezes/:name/overrides"
            color="red"
            size="compact-sm"
            onClick={() => setAsking(true)}
          >
            Ask for one…
          </ActButton>
        ) : null
      }
    >
      {error === null ? null : <ErrorNotice error={error} retry={() => void refetch()} />}
      {data?.length === 0 ? (
        <Empty title="Never overridden">
          One person asks, with a reason; another agrees within an hour, each with a key of their own. The time counts
          from then.
        </Empty>
      ) : null}
      {data?.map((each) => (
        <Override key={each.id} override={each} />
      ))}
      {asking ? <AskDialog freeze={freeze.name} onClose={() => setAsking(false)} /> : null}
    </Section>
  );
}

function Override({ override }: { readonly override: FreezeOverride }) {
  const { id, freeze, status, reason, minutes, requested_by_person, requested_at, answer_by, approved_by_person } =
    override;
  const { data: session } = useQuery(sessionQuery);
  const [act, setAct] = useState<'approve' | 'end'>();
  const me = session?.person?.email ?? null;
  const isOwn = me !== null && requested_by_person === me;
  const asker = requested_by_person ?? override.requested_by;
  const agreer = approved_by_person ?? override.approved_by;
  const change = useWrite({
    write: () =>
      send<FreezeOverride>(
        'POST',
        act === 'approve'
          ? at`/v1/freezes/${freeze}/overrides/${id}/approve`
          : at`/v1/freezes/${freeze}/overrides/${id}/end`,
      ),
    changes: ['freezes'],
    done: (changed) =>
      changed.status === 'active' ? `${freeze} is lifted for ${plural(minutes, 'minute')}.` : 'The override is over.',
    onDone: () => setAct(undefined),
  });
  const endWord = status === 'active' ? 'End now' : 'Withdraw';
  return (
    <Panel>
      <div className="stack-tight">
        <p className="row-wrap">
          <Mark tone={TONES[status]}>{status}</Mark>
          <span>{reason}</span>
        </p>
        <p className="muted">
          {plural(minutes, 'minute')} · asked by {asker} <Time value={requested_at} />
          {agreer === null ? '' : ` · agreed by ${agreer}`}
          {override.ended_by === null ? '' : ` · ended by ${override.ended_by}`}
        </p>
        {status === 'requested' ? (
          <p>
            {isOwn
              ? 'You asked: another person has to agree.'
              : me === null
                ? 'A second person has to agree, and the admin key of this session belongs to none.'
                : 'A second person has to agree.'}{' '}
            Time left: <Countdown until={answer_by} over="none" />
          </p>
        ) : null}
        {status === 'active' && override.ends_at !== null ? (
          <p>
            The freeze binds again in <Countdown until={override.ends_at} over="no time" />.
          </p>
        ) : null}
        {status === 'requested' || status === 'active' ? (
          <div className="row">
            {status === 'requested' ? (
              <ActButton
                needs="POST /v1/freezes/:name/overrides/:id/approve"
                size="compact-sm"
                disabled={isOwn || me === null}
                onClick={() => setAct('approve')}
              >
                Agree…
              </ActButton>
            ) : null}
            <ActButton
              needs="POST /v1/freezes/:name/overrides/:id/end"
              variant="default"
              size="compact-sm"
              onClick={() => setAct('end')}
            >
              {endWord}…
            </ActButton>
          </div>
        ) : null}
      </div>
      {act === undefined ? null : (
        <Confirm
          title={act === 'approve' ? `Lift ${freeze}` : `${endWord}: override of ${freeze}`}
          action={act === 'approve' ? 'Agree' : endWord}
          danger={act === 'approve'}
          pending={change.isPending}
          error={change.error}
          onConfirm={() => change.mutate(undefined)}
          onClose={() => setAct(undefined)}
        >
          {act === 'approve'
            ? `For ${plural(minutes, 'minute')} from now the freeze denies nothing. Asked by ${asker}: ${reason}`
            : 'While its time lasts, the freeze binds on the next action.'}
        </Confirm>
      )}
    </Panel>
  );
}

function AskDialog({ freeze, onClose }: { readonly freeze: string; readonly onClose: () => void }) {
  const [reason, setReason] = useState('');
  const [minutes, setMinutes] = useState<number | string>(30);
  const ask = useWrite({
    write: () => send<FreezeOverride>('POST', at`/v1/freezes/${freeze}/overrides`, { reason: reason.trim(), minutes }),
    changes: ['freezes'],
    done: () => 'Asked. Nothing is lifted until another person agrees.',
    onDone: onClose,
  });
  const isReady = reason.trim() !== '' && typeof minutes === 'number';
  return (
    <Modal opened onClose={onClose} title={`Ask to lift ${freeze}`} closeButtonProps={{ 'aria-label': 'Close' }}>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          if (isReady && !ask.isPending) ask.mutate(undefined);
        }}
      >
        <p>It lifts nothing yet: another person has to agree within an hour.</p>
        <Textarea
          label="Reason"
          description="Goes into the log."
          withAsterisk
          data-autofocus
          autosize
          minRows={2}
          maxLength={500}
          value={reason}
          onChange={(event) => setReason(event.currentTarget.value)}
        />
        <NumberInput
          label="Minutes"
          description="From the moment somebody agrees; at most a day."
          min={1}
          max={LONGEST_MINUTES}
          allowDecimal={false}
          value={minutes}
          onChange={setMinutes}
        />
        {ask.isError ? <ErrorNotice error={ask.error} /> : null}
        <Button type="submit" color="red" disabled={!isReady} loading={ask.isPending}>
          Ask
        </Button>
      </form>
    </Modal>
  );
}
