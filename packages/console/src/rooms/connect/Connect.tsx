import { Button, Select } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';
import { useMutation, useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import { connectionRequestQuery } from '../../api/agent-queries.ts';
import type { ConnectionRequest } from '../../api/agent-types.ts';
import { at, send } from '../../api/client.ts';
import { asApiError } from '../../api/problem.ts';
import mark from '../../app/mark.svg';
import { ActButton } from '../../ui/ActButton.tsx';
import { ErrorNotice } from '../../ui/Notice.tsx';
import signInClasses from '../sign-in/SignIn.module.css';
import classes from './Connect.module.css';
import { opensWords, redirectWarning } from './words.ts';

const route = getRouteApi('/connect/$request');
const ALL_ROLES = '';

/** A client has sent the browser here: the person says which of their agents it may be, or that it may be none. */
export function Connect() {
  const { request } = route.useParams();
  const { data, error, refetch } = useQuery(connectionRequestQuery(request));
  useEffect(() => {
    document.title = 'Connect a client · HiveKey';
  }, []);
  const failure = error === null ? undefined : asApiError(error);
  return (
    <main className={signInClasses.room}>
      <div className={`${signInClasses.form} ${classes.form}`}>
        <p className={signInClasses.brand}>
          <img src={mark} width={22} height={22} alt="" />
          HiveKey
        </p>
        {data === undefined ? null : <Question question={data} />}
        {failure === undefined ? null : (
          <>
            <h1>No client can be connected</h1>
            <ErrorNotice error={error} retry={() => void refetch()} />
            {failure.code === 'own_session_required' ? (
              <p>
                <Link to="/sign-in" search={{ to: `/connect/${request}` }}>
                  Sign in as yourself
                </Link>
              </p>
            ) : null}
            {failure.code === 'connection_request_unknown' ? null : <Refuse id={request} />}
          </>
        )}
      </div>
    </main>
  );
}

function Question({ question }: { readonly question: ConnectionRequest }) {
  const { id, client_name: name, client_host: host, agents, person } = question;
  const [chosen, setChosen] = useState(agents.length === 1 ? agents[0]?.id : undefined);
  const [role, setRole] = useState(ALL_ROLES);
  const agent = agents.find((each) => each.id === chosen);
  const roles = agent?.roles ?? [];
  const allow = useMutation({
    mutationFn: () =>
      send<{ url: string }>('POST', at`/v1/connection-requests/${id}/allow`, {
        agent: chosen,
        ...(role === ALL_ROLES ? {} : { role }),
      }),
    onSuccess: goOn,
  });
  const warning = redirectWarning(question);
  const isLeaving = allow.isPending || allow.isSuccess;
  return (
    <>
      <h1>Let {name} be one of your agents?</h1>
      <dl className={classes.facts}>
        <dt>Client</dt>
        <dd>
          <strong>{host ?? name}</strong>
          <span className="muted">
            {host === null ? 'registered here by an administrator' : `says that its name is “${name}”`}
          </span>
        </dd>
        <dt>Goes back to</dt>
        <dd>
          <strong title={question.redirect_uri}>{question.redirect_host}</strong>
        </dd>
        <dt>Opens</dt>
        <dd>
          {opensWords(question)}
          <span className="mono muted">{question.resource}</span>
        </dd>
        <dt>You are</dt>
        <dd>{person}</dd>
      </dl>
      {warning === undefined ? null : (
        <p role="note" className={classes.warning}>
          <IconAlertTriangle size={16} aria-hidden />
          {warning}
        </p>
      )}
      {agents.length === 0 ? (
        <p>
          You own no agent that may act. An agent is connected by its owner; <a href="/agents">see the agents</a>, or go
          back.
        </p>
      ) : (
        <>
          <Select
            label="Agent"
            description="The client acts as this agent, with its policy, budgets and records, and you as its owner."
            placeholder="Choose one that you own"
            searchable={agents.length > 8}
            data={agents.map((each) => ({ value: each.id, label: each.name }))}
            value={chosen ?? null}
            onChange={(next) => {
              setChosen(next ?? undefined);
              setRole(ALL_ROLES);
            }}
          />
          {roles.length < 2 ? null : (
            <Select
              label="Roles"
              allowDeselect={false}
              data={[
                { value: ALL_ROLES, label: `All of them: ${roles.join(', ')}` },
                ...roles.map((each) => ({ value: each, label: `Only ${each}` })),
              ]}
              value={role}
              onChange={(next) => setRole(next ?? ALL_ROLES)}
            />
          )}
        </>
      )}
      {allow.isError ? <ErrorNotice error={allow.error} /> : null}
      <div className={classes.answers}>
        <Refuse id={id} isOff={isLeaving} />
        <ActButton
          needs="POST /v1/connection-requests/:id/allow"
          disabled={chosen === undefined}
          loading={isLeaving}
          onClick={() => allow.mutate()}
        >
          Allow
        </ActButton>
      </div>
      <p className="muted">It lasts for 90 days at most. End it at any time among the credentials of the agent.</p>
    </>
  );
}

function Refuse({ id, isOff = false }: { readonly id: string; readonly isOff?: boolean }) {
  const refuse = useMutation({
    mutationFn: () => send<{ url: string }>('POST', at`/v1/connection-requests/${id}/refuse`, {}),
    onSuccess: goOn,
  });
  return (
    <>
      {refuse.isError ? <ErrorNotice error={refuse.error} /> : null}
      <Button
        variant="default"
        disabled={isOff}
        loading={refuse.isPending || refuse.isSuccess}
        onClick={() => refuse.mutate()}
      >
        Refuse
      </Button>
    </>
  );
}

/** Out of the console, by way of the server, to the client. */
function goOn({ url }: { readonly url: string }): void {
  window.location.assign(url);
}
