import { Button, Drawer } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { at, send } from '../../../api/client.ts';
import { refusedSignInsQuery, scimConnectionsQuery } from '../../../api/identity-queries.ts';
import type { IdentityProvider } from '../../../api/identity-types.ts';
import { useRefusal } from '../../../app/may.ts';
import { useWrite } from '../../../app/write.ts';
import { ActButton } from '../../../ui/ActButton.tsx';
import { Confirm } from '../../../ui/Confirm.tsx';
import { ErrorNotice } from '../../../ui/Notice.tsx';
import { Facts, Section } from '../../../ui/Page.tsx';
import { Time } from '../../../ui/Time.tsx';
import { Mark, StatusMark } from '../../../ui/Verdict.tsx';
import { Addresses } from './Addresses.tsx';
import { OidcForm } from './OidcForm.tsx';
import { SamlForm } from './SamlForm.tsx';

/** One provider: its health, what it is told of HiveKey, its settings. */
export function ProviderDrawer({
  provider,
  onClose,
}: {
  readonly provider: IdentityProvider;
  readonly onClose: () => void;
}) {
  const [editing, setEditing] = useState(false);
  const [switching, setSwitching] = useState(false);
  const Form = provider.kind === 'oidc' ? OidcForm : SamlForm;
  return (
    <Drawer
      opened
      onClose={onClose}
      title={editing ? `Change ${provider.name}` : provider.name}
      closeButtonProps={{ 'aria-label': 'Close' }}
      closeOnClickOutside={!editing}
    >
      {editing ? (
        <div className="stack">
          <Form provider={provider} preset="other" onSaved={() => setEditing(false)} />
          <Button variant="default" onClick={() => setEditing(false)}>
            Cancel
          </Button>
        </div>
      ) : (
        <div className="stack">
          <div className="row-wrap">
            <ActButton
              needs={
                provider.kind === 'oidc' ? 'PATCH /v1/identity-providers/:id' : 'PATCH /v1/identity-providers/saml/:id'
              }
              variant="default"
              onClick={() => setEditing(true)}
            >
              Change…
            </ActButton>
            <ActButton
              needs="POST /v1/identity-providers/:id/disable"
              variant="default"
              {...(provider.active ? { color: 'red' } : {})}
              onClick={() => setSwitching(true)}
            >
              {provider.active ? 'Disable…' : 'Enable…'}
            </ActButton>
          </div>
          <Health provider={provider} />
          <Section title="To be registered at the provider">
            <Addresses provider={provider} />
          </Section>
          <Section title="Settings">
            <Settings provider={provider} />
          </Section>
        </div>
      )}
      {switching ? <SwitchDialog provider={provider} onClose={() => setSwitching(false)} /> : null}
    </Drawer>
  );
}

interface Checked {
  readonly ok: boolean;
  readonly problems: readonly string[];
}

function Health({ provider }: { readonly provider: IdentityProvider }) {
  const { data: refused = [] } = useQuery(refusedSignInsQuery);
  const last = refused.find(({ provider_id }) => provider_id === provider.id);
  const isSaml = provider.kind === 'saml';
  const test = useWrite({
    write: async (): Promise<Checked> => {
      if (!isSaml) {
        const { ok, problem } = await send<{ ok: boolean; problem: string | null }>(
          'POST',
          at`/v1/identity-providers/${provider.id}/test`,
          {},
        );
        return { ok, problems: problem === null ? [] : [problem] };
      }
      const { ok, findings } = await send<{ ok: boolean; findings: readonly { message: string }[] }>(
        'POST',
        at`/v1/identity-providers/saml/${provider.id}/check`,
        {},
      );
      return { ok, problems: findings.map(({ message }) => message) };
    },
    changes: ['providers'],
  });
  const refresh = useWrite({
    write: () => send<IdentityProvider>('POST', at`/v1/identity-providers/saml/${provider.id}/refresh`, {}),
    changes: ['providers'],
    done: () => 'The metadata are read again.',
  });
  return (
    <Section title="Health">
      <Facts
        facts={[
          ['Status', <StatusMark key="status" status={provider.active ? 'active' : 'disabled'} />],
          ['Last sign-in', <Time key="last" value={provider.last_sign_in_at} absent="none yet" />],
          [
            'Last refusal',
            last === undefined ? (
              <span key="none" className="muted">
                none lately
              </span>
            ) : (
              <span key="refused">
                <Time value={last.ts} /> · <code>{String(last.code ?? last.reason ?? '')}</code>
              </span>
            ),
          ],
          ...(provider.saml?.certificates ?? []).map(
            ({ sha256, subject, expires_at, status }) =>
              [
                'Certificate',
                <span key={sha256} className="row-wrap">
                  <span title={sha256}>{subject}</span>
                  {status === 'current' ? null : (
                    <Mark tone={status === 'expired' ? 'deny' : 'review'}>
                      {status === 'expired' ? 'expired' : 'expires soon'}
                    </Mark>
                  )}
                  <Time value={expires_at} />
                </span>,
              ] as const,
          ),
        ]}
      />
      <div className="row-wrap">
        <ActButton
          needs={isSaml ? 'POST /v1/identity-providers/saml/:id/check' : 'POST /v1/identity-providers/:id/test'}
          variant="default"
          size="compact-sm"
          loading={test.isPending}
          onClick={() => test.mutate(undefined)}
        >
          Test
        </ActButton>
        {isSaml && provider.saml?.metadata_url !== null ? (
          <ActButton
            needs="POST /v1/identity-providers/saml/:id/refresh"
            variant="default"
            size="compact-sm"
            loading={refresh.isPending}
            onClick={() => refresh.mutate(undefined)}
          >
            Read the metadata again
          </ActButton>
        ) : null}
        <span role="status">
          {test.data === undefined ? null : test.data.ok ? (
            <Mark tone="allow">nothing is wrong</Mark>
          ) : (
            <Mark tone="deny">there is a problem</Mark>
          )}
        </span>
      </div>
      {test.data?.problems.map((problem) => (
        <p key={problem}>{problem}</p>
      ))}
      {test.isError ? <ErrorNotice error={test.error} /> : null}
      {refresh.isError ? <ErrorNotice error={refresh.error} /> : null}
    </Section>
  );
}

function Settings({ provider }: { readonly provider: IdentityProvider }) {
  const { oidc, saml, jit_domains: domains } = provider;
  const canSee = useRefusal('GET /v1/scim-connections') === undefined;
  const { data: connections = [] } = useQuery({
    ...scimConnectionsQuery,
    enabled: canSee && provider.scim_connection !== null,
  });
  return (
    <Facts
      facts={[
        [
          oidc === null ? 'Entity id' : 'Issuer',
          <span key="issuer" className="mono">
            {provider.issuer}
          </span>,
        ],
        ['Client id', oidc?.client_id],
        ['Proves itself by', oidc?.client_auth],
        ['ID tokens', oidc?.id_token_alg],
        ['Scopes', oidc?.scopes.join(' ')],
        ['Known by', oidc?.subject_claim ?? saml?.subject_attribute ?? 'NameID'],
        ['E-mail', saml === null ? undefined : (saml.email_attribute ?? 'NameID')],
        ['Tenants', oidc?.tenants.join(', ')],
        ['Google domains', oidc?.hosted_domains.join(', ')],
        ['Sign-on', saml?.sso_url],
        ['Metadata', saml?.metadata_url],
        ['Begins there', saml?.idp_initiated === true ? 'accepted' : undefined],
        [
          'Unknown people',
          domains === null ? 'refused' : domains.length === 0 ? 'added' : `added from ${domains.join(', ')}`,
        ],
        [
          'Directory',
          provider.scim_connection === null
            ? undefined
            : (connections.find(({ id }) => id === provider.scim_connection)?.name ?? provider.scim_connection),
        ],
        [
          'Groups',
          provider.groups_claim === null
            ? 'not asked for'
            : `${provider.groups_claim}${provider.sync_groups ? ', kept on the person' : ', for the session'}`,
        ],
        ['Step-up', oidc?.step_up_acr ?? saml?.step_up_context],
        ['Added', <Time key="added" value={provider.created} />],
        ['By', provider.created_by],
      ]}
    />
  );
}

function SwitchDialog({ provider, onClose }: { readonly provider: IdentityProvider; readonly onClose: () => void }) {
  const { active, name } = provider;
  const change = useWrite({
    write: () =>
      send<IdentityProvider>('POST', at`/v1/identity-providers/${provider.id}/${active ? 'disable' : 'enable'}`, {}),
    changes: ['providers', 'sessions', 'sign-in ways'],
    done: () => `${name} is ${active ? 'disabled' : 'enabled'}.`,
    onDone: onClose,
  });
  return (
    <Confirm
      title={`${active ? 'Disable' : 'Enable'} ${name}`}
      action={active ? 'Disable' : 'Enable'}
      danger={active}
      word={active ? name : undefined}
      pending={change.isPending}
      error={change.error}
      onConfirm={() => change.mutate(undefined)}
      onClose={onClose}
    >
      {active
        ? 'Nobody signs in by it any more, and all sessions that came by it end at once. Make sure that you come in by another way.'
        : 'People sign in by it again.'}
    </Confirm>
  );
}
