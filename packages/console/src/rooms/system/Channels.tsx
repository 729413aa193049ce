import { Skeleton, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { at, send } from '../../api/client.ts';
import { channelsQuery, failedMessagesQuery, sessionQuery } from '../../api/queries.ts';
import type { Channel, ChannelMessage, ChannelTest } from '../../api/types.ts';
import { useWrite } from '../../app/write.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { CodeBlock } from '../../ui/Copy.tsx';
import { actions, type Column, DataTable, TwoLines } from '../../ui/DataTable.tsx';
import { count } from '../../ui/format.ts';
import { ErrorNotice } from '../../ui/Notice.tsx';
import { Facts, Panel, Section } from '../../ui/Page.tsx';
import { Time } from '../../ui/Time.tsx';
import { Mark } from '../../ui/Verdict.tsx';
import classes from './system.module.css';

const NAMES = { slack: 'Slack', email: 'E-mail' } as const;

/** How each is set on the command line; credentials are references. */
const COMMANDS = {
  slack:
    'npx hivekey channel slack --bot-token-ref vault://slack-token --signing-secret-ref vault://slack-signing --channel C…',
  email:
    'npx hivekey channel email --host smtp.acme.example --from hivekey@acme.example --username … --password-ref vault://smtp',
} as const;

export function Channels() {
  const { data, error, refetch } = useQuery(channelsQuery);
  if (error !== null) return <ErrorNotice error={error} retry={() => void refetch()} />;
  if (data === undefined) return <Skeleton height={260} aria-label="Loading" />;
  return (
    <div className="stack">
      <p className="muted">
        Where people are told of held calls beside this console. In Slack they also decide; a mail only leads here.
      </p>
      <div className={classes.panels}>
        {(['slack', 'email'] as const).map((kind) => (
          <Panel key={kind}>
            <Section title={NAMES[kind]}>
              <ChannelView kind={kind} channel={data.find(({ channel }) => channel === kind)} />
            </Section>
          </Panel>
        ))}
      </div>
      <Failures />
    </div>
  );
}

function ChannelView({ kind, channel }: { readonly kind: Channel['channel']; readonly channel: Channel | undefined }) {
  if (channel === undefined)
    return (
      <>
        <p className="muted">Not set. Store its credentials, then set it:</p>
        <CodeBlock code={COMMANDS[kind]} what="command" wrap />
      </>
    );
  return (
    <div className="stack-tight">
      <Facts
        facts={[
          ...(channel.channel === 'slack' ? slackFacts(channel) : emailFacts(channel)),
          ['Waiting', count(channel.waiting)],
          ['Given up', count(channel.failed)],
          ['Last sent', <Time key="sent" value={channel.delivered_at} absent="nothing yet" />],
          ['Last failure', channel.last_error],
          ['Set by', channel.updated_by],
        ]}
      />
      <TestMessage kind={kind} />
    </div>
  );
}

function slackFacts({ settings, team }: Extract<Channel, { channel: 'slack' }>): [string, string][] {
  return [
    ['Team', team],
    ['Channel', settings.channel],
    ...Object.entries(settings.group_channels).map(([group, place]): [string, string] => [`For ${group}`, place]),
    ['Bot token', settings.bot_token_ref],
    ['Signing secret', settings.signing_secret_ref],
    ['Interactivity', `${window.location.origin}/v1/slack/interactions`],
    ...(settings.api_url === 'https://slack.com/api/' ? [] : [['API', settings.api_url] as [string, string]]),
  ];
}

function emailFacts({ settings }: Extract<Channel, { channel: 'email' }>): [string, string][] {
  const { host, port, security, username, password_ref, from } = settings;
  return [
    ['Relay', `${host}:${port}`],
    ['Security', { starttls: 'STARTTLS', tls: 'TLS', none: 'none, on this machine' }[security]],
    ['From', from],
    ['Login', username === null ? 'none' : `${username}, ${password_ref ?? ''}`],
  ];
}

function TestMessage({ kind }: { readonly kind: Channel['channel'] }) {
  const { data: session } = useQuery(sessionQuery);
  const [to, setTo] = useState<string>();
  const address = (to ?? session?.person?.email ?? '').trim();
  const test = useWrite({
    write: () => send<ChannelTest>('POST', at`/v1/channels/${kind}/test`, kind === 'email' ? { to: address } : {}),
    changes: ['channels'],
  });
  return (
    <form
      className="stack-tight"
      onSubmit={(event) => {
        event.preventDefault();
        test.mutate(undefined);
      }}
    >
      {kind === 'email' ? (
        <TextInput
          label="Send a test to"
          type="email"
          value={to ?? session?.person?.email ?? ''}
          onChange={(event) => setTo(event.currentTarget.value)}
        />
      ) : null}
      <span className="row">
        <ActButton
          needs="POST /v1/channels/:channel/test"
          type="submit"
          variant="default"
          loading={test.isPending}
          disabled={kind === 'email' && address === ''}
        >
          Send a test message
        </ActButton>
        <span role="status">
          {test.data === undefined ? null : test.data.delivered ? (
            <Mark tone="allow">sent</Mark>
          ) : (
            <Mark tone="deny">{test.data.error ?? 'not sent'}</Mark>
          )}
        </span>
      </span>
      {test.isError ? <ErrorNotice error={test.error} /> : null}
    </form>
  );
}

function Failures() {
  const { data, error, refetch } = useQuery(failedMessagesQuery);
  const retry = useWrite({
    write: (id: string) => send<ChannelMessage>('POST', at`/v1/channel-messages/${id}/retry`, {}),
    changes: ['channels'],
    done: ({ destination }) => `The message to ${destination} is sent again.`,
  });
  if (error !== null) return <ErrorNotice error={error} retry={() => void refetch()} />;
  const columns: readonly Column<ChannelMessage>[] = [
    {
      key: 'to',
      header: 'To',
      cell: ({ channel, destination }) => <TwoLines first={destination} second={NAMES[channel]} />,
    },
    {
      key: 'about',
      header: 'About',
      width: '200px',
      cell: ({ purpose, approval }) =>
        approval === null ? (
          purpose
        ) : (
          <Link to="/approvals/$approval" params={{ approval }}>
            {purpose} of {approval}
          </Link>
        ),
    },
    { key: 'why', header: 'Why', width: '40%', cell: ({ last_error }) => last_error },
    { key: 'when', header: 'Made', width: '112px', cell: ({ created }) => <Time value={created} /> },
    actions('110px', ({ id, destination }) => (
      <ActButton
        needs="POST /v1/channel-messages/:id/retry"
        variant="default"
        size="compact-xs"
        aria-label={`Send again to ${destination}`}
        loading={retry.isPending && retry.variables === id}
        onClick={() => retry.mutate(id)}
      >
        Send again
      </ActButton>
    )),
  ];
  return (
    <Section title="Messages that were given up">
      {retry.isError ? <ErrorNotice error={retry.error} /> : null}
      <DataTable
        label="Messages that were given up"
        columns={columns}
        rows={data?.data}
        rowKey={({ id }) => id}
        empty={<p className="muted">None.</p>}
      />
    </Section>
  );
}
