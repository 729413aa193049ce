import { useState } from 'react';
import type { Alert } from '../../api/alert-types.ts';
import { at } from '../../api/client.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { AnswerDialog, type AnswerWords } from '../../ui/AnswerDialog.tsx';
import { AssignDialog } from './AssignDialog.tsx';
import { GradeDialog } from './GradeDialog.tsx';
import { OpenIncident } from './OpenIncident.tsx';
import { RiskDialog } from './RiskDialog.tsx';
import { TriageDialog } from './TriageDialog.tsx';

type Answer = 'acknowledge' | 'close' | 'reopen' | 'quarantine' | 'stop';

const ANSWERS: Readonly<Record<Answer, AnswerWords & { readonly withReason: true | 'required' }>> = {
  acknowledge: {
    action: 'Acknowledge',
    danger: false,
    withReason: true,
    text: 'You say that you are looking at it. If nobody has it yet, it is yours.',
    done: 'is acknowledged',
  },
  close: {
    action: 'Close',
    danger: false,
    withReason: 'required',
    text: 'It was said what it was, and nothing is left to do.',
    done: 'is closed',
  },
  reopen: {
    action: 'Reopen',
    danger: false,
    withReason: 'required',
    text: 'Somebody looks at it anew. What was said of it stays on the log.',
    done: 'is open again',
  },
  quarantine: {
    action: 'Quarantine',
    danger: true,
    withReason: 'required',
    text: 'From now on the agent may read what it may read, and do nothing else, until a person releases it.',
    done: 'is in quarantine',
  },
  stop: {
    action: 'Stop',
    danger: true,
    withReason: 'required',
    text: 'What the alert is about is stopped. Where the workspace asks for two people, this proposes it.',
    done: 'is stopped, or proposed to be',
  },
};

type Open = Answer | 'assign' | 'triage' | 'grade' | 'risk' | 'incident';

/** What whoever looks at an alert can do about it. */
export function Acts({ alert }: { readonly alert: Alert }) {
  const [open, setOpen] = useState<Open>();
  const close = () => setOpen(undefined);
  const isClosed = alert.status === 'closed';
  const isAgent = alert.subject.kind === 'agent';
  const canStop = ['agent', 'owner', 'role', 'tool'].includes(alert.subject.kind);
  const button = (
    act: Open,
    needs: string,
    label: string,
    more: { readonly color?: string; readonly first?: true } = {},
  ) => (
    <ActButton
      needs={needs}
      variant={more.first === true ? 'filled' : 'default'}
      {...(more.color === undefined ? {} : { c: more.color })}
      onClick={() => setOpen(act)}
    >
      {label}
    </ActButton>
  );
  return (
    <>
      {isClosed ? (
        button('reopen', 'POST /v1/alerts/:id/reopen', 'Reopen')
      ) : (
        <>
          {isAgent ? button('quarantine', 'POST /v1/alerts/:id/quarantine', 'Quarantine') : null}
          {canStop ? button('stop', 'POST /v1/alerts/:id/stop', 'Stop') : null}
          {canStop ? button('risk', 'POST /v1/alerts/:id/risk', 'Raise risk') : null}
          {alert.incident === null ? button('incident', 'POST /v1/incidents', 'Incident') : null}
          {button('grade', 'POST /v1/alerts/:id/severity', 'Severity')}
          {button('assign', 'POST /v1/alerts/:id/assign', 'Assign')}
          {alert.status === 'open' ? (
            button('acknowledge', 'POST /v1/alerts/:id/acknowledge', 'Acknowledge', { first: true })
          ) : alert.status === 'triaged' ? (
            <>
              {button('triage', 'POST /v1/alerts/:id/triage', 'Judge anew')}
              {button('close', 'POST /v1/alerts/:id/close', 'Close', { first: true })}
            </>
          ) : (
            button('triage', 'POST /v1/alerts/:id/triage', 'Say what it was', { first: true })
          )}
        </>
      )}
      {open === undefined ? null : open === 'assign' ? (
        <AssignDialog alert={alert} onClose={close} />
      ) : open === 'triage' ? (
        <TriageDialog alert={alert} onClose={close} />
      ) : open === 'grade' ? (
        <GradeDialog alert={alert} onClose={close} />
      ) : open === 'risk' ? (
        <RiskDialog alert={alert} onClose={close} />
      ) : open === 'incident' ? (
        <OpenIncident alert={alert} onClose={close} />
      ) : (
        <AnswerDialog
          words={ANSWERS[open]}
          about={open === 'quarantine' || open === 'stop' ? alert.subject.name : 'the alert'}
          to={at`/v1/alerts/${alert.id}/` + open}
          changes={['alerts', 'containments', 'quarantines', 'agents']}
          withReason={ANSWERS[open].withReason}
          onClose={close}
        />
      )}
    </>
  );
}
