import type { Engagement, EngagementAct, EngagementAttachment, EngagementRequest } from '@hivekey/sdk';
import { Button, Modal, TagsInput, Textarea, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { at, send } from '../../api/client.ts';
import { engagementRequestsQuery } from '../../api/engagement-queries.ts';
import { useWrite } from '../../app/write.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { duration } from '../../ui/format.ts';
import { Empty, ErrorNotice } from '../../ui/Notice.tsx';
import { Moment } from '../../ui/Time.tsx';
import { Mark } from '../../ui/Verdict.tsx';
import classes from './engagements.module.css';
import { ACT_WORDS, TONES, whoWords } from './words.ts';

type Move = Exclude<EngagementAct['act'], 'opened'>;

/** What is left to do, by side and state. */
const MOVES: Readonly<Record<'firm' | 'customer', Readonly<Record<EngagementRequest['status'], readonly Move[]>>>> = {
  firm: {
    open: ['commented', 'closed'],
    provided: ['accepted', 'returned', 'commented', 'closed'],
    accepted: ['closed', 'returned', 'commented'],
    returned: ['commented', 'closed'],
    closed: [],
  },
  customer: {
    open: ['provided', 'commented'],
    provided: ['commented'],
    accepted: ['commented'],
    returned: ['provided', 'commented'],
    closed: [],
  },
};

const BUTTONS: Readonly<Record<Move, string>> = {
  commented: 'Comment',
  provided: 'Provide',
  accepted: 'Accept',
  returned: 'Return',
  closed: 'Close',
};

/** What the auditor asks for, with all that was said; nothing of it is ever changed. */
export function Requests({ engagement, isFirm }: { readonly engagement: Engagement; readonly isFirm: boolean }) {
  const [isAsking, setAsking] = useState(false);
  const { data, error, refetch } = useQuery(engagementRequestsQuery(engagement.id));
  if (error !== null) return <ErrorNotice error={error} retry={() => void refetch()} />;
  return (
    <div className={classes.cards}>
      {isFirm && engagement.status === 'open' ? (
        <div className="row" style={{ justifyContent: 'flex-end' }}>
          <Button onClick={() => setAsking(true)}>Ask for something</Button>
        </div>
      ) : null}
      {data?.length === 0 ? (
        <Empty title="Nothing was asked for">
          {isFirm
            ? 'Ask for what is not among the evidence. A clock runs for whoever is waited for.'
            : 'What the auditor asks for stands here, with a clock on both sides.'}
        </Empty>
      ) : null}
      {data?.map((request) => (
        <Request key={request.id} request={request} engagement={engagement} side={isFirm ? 'firm' : 'customer'} />
      ))}
      {isAsking ? <AskDialog engagement={engagement} onClose={() => setAsking(false)} /> : null}
    </div>
  );
}

function Request({
  request,
  engagement,
  side,
}: {
  readonly request: EngagementRequest;
  readonly engagement: Engagement;
  readonly side: 'firm' | 'customer';
}) {
  const [move, setMove] = useState<Move>();
  const moves = engagement.status === 'open' ? MOVES[side][request.status] : [];
  return (
    <article className={classes.card} aria-label={`Request ${request.number}: ${request.title}`}>
      <div className={classes.cardHead}>
        <span className="muted num">{request.number}</span>
        <h3>{request.title}</h3>
        <Mark tone={TONES[request.status]}>{request.status}</Mark>
        {request.about === null ? null : <span className="muted">{request.about}</span>}
      </div>
      <p className="muted">
        {request.waits_for === null
          ? 'Waits for nobody.'
          : `Waits for ${request.waits_for === side ? 'you' : request.waits_for === 'firm' ? 'the auditor' : 'the customer'}.`}{' '}
        The customer was waited for {duration(request.customer_seconds)}, the auditor {duration(request.firm_seconds)}.
        {request.due_at === null ? null : (
          <>
            {' '}
            Due <Moment value={request.due_at} />.
          </>
        )}
      </p>
      <ol className={classes.acts}>
        {request.acts.map((act) => (
          <li key={act.number} data-side={act.side}>
            <span className="muted">
              {whoWords(act.actor)} {ACT_WORDS[act.act]}, <Moment value={act.at} />
            </span>
            {act.text === '' ? null : <p className={classes.prose}>{act.text}</p>}
            <Attachments attachments={act.attachments} engagement={engagement} />
          </li>
        ))}
      </ol>
      {moves.length === 0 ? null : (
        <div className="row">
          {moves.map((each) => (
            <ActButton
              key={each}
              needs="POST /v1/engagements/:id/requests/:request/acts"
              variant={each === moves[0] ? 'filled' : 'default'}
              size="compact-sm"
              aria-label={`${BUTTONS[each]}: request ${request.number}`}
              onClick={() => setMove(each)}
            >
              {BUTTONS[each]}
            </ActButton>
          ))}
        </div>
      )}
      {move === undefined ? null : (
        <ActDialog request={request} engagement={engagement} move={move} onClose={() => setMove(undefined)} />
      )}
    </article>
  );
}

function Attachments({
  attachments,
  engagement,
}: {
  readonly attachments: readonly EngagementAttachment[];
  readonly engagement: Engagement;
}) {
  if (attachments.length === 0) return null;
  return (
    <ul className={classes.list}>
      {attachments.map(({ kind, ref }) => (
        <li key={`${kind} ${ref}`}>
          {kind} <Attached kind={kind} id={ref} engagement={engagement} />
        </li>
      ))}
    </ul>
  );
}

function Attached({
  kind,
  id,
  engagement: { period_from: from, period_to: to },
}: {
  readonly kind: EngagementAttachment['kind'];
  readonly id: string;
  readonly engagement: Engagement;
}) {
  if (kind === 'report')
    return (
      <Link to="/evidence/$report" params={{ report: id }} search={{ from: from.slice(0, 10), to: to.slice(0, 10) }}>
        {id}
      </Link>
    );
  if (kind === 'sample')
    return (
      <Link to="/evidence/samples/$sample" params={{ sample: id }}>
        {id}
      </Link>
    );
  if (kind === 'event')
    return (
      <Link to="/log" search={{ kind: 'all', event: id }} className="mono">
        {id}
      </Link>
    );
  return (
    <a href={at`/v1/evidence/bundles/${id}/download`} download>
      {id}
    </a>
  );
}

const KINDS: readonly EngagementAttachment['kind'][] = ['report', 'bundle', 'sample', 'event'];

/** `report:agents`; undefined for what names nothing. */
function attachmentOf(text: string): EngagementAttachment | undefined {
  const colon = text.indexOf(':');
  const kind = KINDS.find((each) => each === text.slice(0, colon));
  const ref = text.slice(colon + 1).trim();
  return kind === undefined || ref === '' ? undefined : { kind, ref };
}

function ActDialog({
  request,
  engagement,
  move,
  onClose,
}: {
  readonly request: EngagementRequest;
  readonly engagement: Engagement;
  readonly move: Move;
  readonly onClose: () => void;
}) {
  const [text, setText] = useState('');
  const [given, setGiven] = useState<string[]>([]);
  const attachments = given.flatMap((each) => attachmentOf(each) ?? []);
  const isWrong = attachments.length < given.length;
  const needsText = move === 'commented' || move === 'returned';
  const isReady =
    !isWrong && (needsText ? text.trim() !== '' : move !== 'provided' || text.trim() !== '' || attachments.length > 0);
  const act = useWrite({
    write: () =>
      send<EngagementRequest>('POST', at`/v1/engagements/${engagement.id}/requests/${request.id}/acts`, {
        act: move,
        text: text.trim(),
        attachments,
      }),
    changes: ['engagements'],
    done: ({ number, status }) => `Request ${number} is ${status}`,
    onDone: onClose,
  });
  return (
    <Modal
      opened
      onClose={onClose}
      title={`${BUTTONS[move]}: ${request.title}`}
      size={520}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          if (isReady && !act.isPending) act.mutate(undefined);
        }}
      >
        <Textarea
          label={move === 'returned' ? 'Why' : 'Words'}
          description="Stays for ever, for both sides."
          withAsterisk={needsText}
          data-autofocus
          autosize
          minRows={3}
          maxLength={10_000}
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
        />
        {move === 'provided' || move === 'commented' ? (
          <TagsInput
            label="Attached"
            description={`${KINDS.join(', ')}, a colon, and its id, such as report:agents`}
            value={given}
            onChange={setGiven}
            {...(isWrong ? { error: 'One of them names nothing.' } : {})}
          />
        ) : null}
        {act.isError ? <ErrorNotice error={act.error} /> : null}
        <Button type="submit" disabled={!isReady} loading={act.isPending}>
          {BUTTONS[move]}
        </Button>
      </form>
    </Modal>
  );
}

function AskDialog({ engagement, onClose }: { readonly engagement: Engagement; readonly onClose: () => void }) {
  const [title, setTitle] = useState('');
  const [about, setAbout] = useState('');
  const [text, setText] = useState('');
  const [due, setDue] = useState('');
  const ask = useWrite({
    write: () =>
      send<EngagementRequest>('POST', at`/v1/engagements/${engagement.id}/requests`, {
        title: title.trim(),
        text: text.trim(),
        ...(about.trim() === '' ? {} : { about: about.trim() }),
        ...(due === '' ? {} : { due_at: `${due}T23:59:59Z` }),
      }),
    changes: ['engagements'],
    done: ({ number }) => `Request ${number} is open`,
    onDone: onClose,
  });
  return (
    <Modal opened onClose={onClose} title="Ask for something" size={520} closeButtonProps={{ 'aria-label': 'Close' }}>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          if (title.trim() !== '' && !ask.isPending) ask.mutate(undefined);
        }}
      >
        <TextInput
          label="What"
          withAsterisk
          data-autofocus
          maxLength={200}
          value={title}
          onChange={(event) => setTitle(event.currentTarget.value)}
        />
        <TextInput
          label="About"
          description="A criterion, control or report, such as CC6.1, AG-05 or approvals."
          maxLength={64}
          value={about}
          onChange={(event) => setAbout(event.currentTarget.value)}
        />
        <Textarea
          label="Words"
          description="Stays for ever, for both sides."
          autosize
          minRows={3}
          maxLength={10_000}
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
        />
        <TextInput type="date" label="Until" value={due} onChange={(event) => setDue(event.currentTarget.value)} />
        {ask.isError ? <ErrorNotice error={ask.error} /> : null}
        <Button type="submit" disabled={title.trim() === ''} loading={ask.isPending}>
          Ask
        </Button>
      </form>
    </Modal>
  );
}
