import { Modal, NumberInput, Textarea } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { at, send } from '../../api/client.ts';
import type { Whose } from '../../api/radius-queries.ts';
import type { BlastRadius } from '../../api/radius-types.ts';
import { useWrite } from '../../app/write.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { AnswerDialog } from '../../ui/AnswerDialog.tsx';
import { ErrorNotice } from '../../ui/Notice.tsx';
import { Section } from '../../ui/Page.tsx';
import { Moment } from '../../ui/Time.tsx';
import { Mark } from '../../ui/Verdict.tsx';

const DAY_SECONDS = 86_400;

/** Who accepted the number, until when; and whether it has grown since. */
export function Acceptance({ radius, whose }: { readonly radius: BlastRadius; readonly whose: Whose }) {
  const [act, setAct] = useState<'accept' | 'end'>();
  const { acceptance, subject } = radius;
  const name = subject.kind === 'workspace' ? 'the workspace' : subject.name;
  return (
    <Section title="Who accepts it">
      {acceptance === null ? (
        <p>
          <Mark tone="review">nobody has accepted it</Mark>
        </p>
      ) : (
        <p className="row-wrap">
          {acceptance.exceeded ? <Mark tone="deny">it has grown since</Mark> : null}
          {acceptance.expired ? <Mark tone="deny">the time is over</Mark> : null}
          {acceptance.exceeded || acceptance.expired ? null : <Mark tone="allow">accepted</Mark>}
          <span>
            by {acceptance.person} on <Moment value={acceptance.accepted_at} />, until{' '}
            <Moment value={acceptance.until} />
          </span>
        </p>
      )}
      <div className="row-wrap">
        <ActButton needs="POST /v1/blast-radius/acceptances" variant="default" onClick={() => setAct('accept')}>
          Accept these numbers…
        </ActButton>
        {acceptance === null ? null : (
          <ActButton needs="POST /v1/blast-radius/acceptances/:id/end" variant="default" onClick={() => setAct('end')}>
            Take it back…
          </ActButton>
        )}
      </div>
      {act === 'accept' ? (
        <AcceptDialog name={name} digest={radius.digest} whose={whose} onClose={() => setAct(undefined)} />
      ) : null}
      {act === 'end' && acceptance !== null ? (
        <AnswerDialog
          words={{
            action: 'Take back',
            danger: true,
            text: 'From then on nobody has accepted what could happen.',
            done: 'is accepted no more.',
          }}
          about={`the acceptance of ${name}`}
          to={at`/v1/blast-radius/acceptances/${acceptance.id}/end`}
          changes={['radius']}
          withReason="required"
          onClose={() => setAct(undefined)}
        />
      ) : null}
    </Section>
  );
}

function AcceptDialog({
  name,
  digest,
  whose,
  onClose,
}: {
  readonly name: string;
  readonly digest: string;
  readonly whose: Whose;
  readonly onClose: () => void;
}) {
  const [days, setDays] = useState(90);
  const [reason, setReason] = useState('');
  const accept = useWrite({
    write: () =>
      send('POST', '/v1/blast-radius/acceptances', {
        ...whose,
        digest,
        until: Math.floor(Date.now() / 1000) + days * DAY_SECONDS,
        reason: reason.trim(),
      }),
    changes: ['radius'],
    done: () => `The blast radius of ${name} is accepted for ${days} days.`,
    onDone: onClose,
  });
  function submit(event: FormEvent): void {
    event.preventDefault();
    if (reason.trim() !== '') accept.mutate(undefined);
  }
  return (
    <Modal opened onClose={onClose} title={`Accept what ${name} can do`} closeButtonProps={{ 'aria-label': 'Close' }}>
      <form onSubmit={submit} className="stack">
        <p>
          You accept exactly the numbers shown, in your name. When one of them grows, or the time is over, there is an
          alert.
        </p>
        <NumberInput label="For days" min={1} max={366} value={days} onChange={(next) => setDays(Number(next) || 1)} />
        <Textarea
          label="Reason"
          description="Goes into the log."
          autosize
          minRows={2}
          withAsterisk
          data-autofocus
          value={reason}
          onChange={(event) => setReason(event.currentTarget.value)}
        />
        {accept.isError ? <ErrorNotice error={accept.error} /> : null}
        <div className="row" style={{ justifyContent: 'flex-end' }}>
          <ActButton
            needs="POST /v1/blast-radius/acceptances"
            type="submit"
            loading={accept.isPending}
            disabled={reason.trim() === ''}
          >
            Accept
          </ActButton>
        </div>
      </form>
    </Modal>
  );
}
