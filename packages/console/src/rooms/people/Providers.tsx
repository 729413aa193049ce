import { IconPlus } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { providersQuery, refusedSignInsQuery } from '../../api/identity-queries.ts';
import type { IdentityProvider } from '../../api/identity-types.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { type Column, DataTable, rowLink, TwoLines } from '../../ui/DataTable.tsx';
import { Empty, ErrorNotice } from '../../ui/Notice.tsx';
import { Section } from '../../ui/Page.tsx';
import { Time } from '../../ui/Time.tsx';
import { Mark, StatusMark } from '../../ui/Verdict.tsx';
import { BreakGlass } from './BreakGlass.tsx';
import { AddProvider } from './providers/AddProvider.tsx';
import { ProviderDrawer } from './providers/ProviderDrawer.tsx';
import { SignInSettings } from './SignInSettings.tsx';

const route = getRouteApi('/in/people');

/** By what people sign in, and what holds of it. */
export function Providers() {
  const { open, create } = route.useSearch();
  const navigate = route.useNavigate();
  const { data, error, refetch } = useQuery(providersQuery);
  const { data: refused = [] } = useQuery(refusedSignInsQuery);
  const opened = data?.find(({ id }) => id === open);
  const columns: readonly Column<IdentityProvider>[] = [
    {
      key: 'name',
      header: 'Identity provider',
      cell: ({ id, name, issuer }) => (
        <TwoLines
          first={
            <Link to="/people" search={{ tab: 'sign-in', open: id }} className={rowLink} title={name}>
              {name}
            </Link>
          }
          second={issuer}
        />
      ),
    },
    {
      key: 'kind',
      header: 'Protocol',
      width: '140px',
      cell: ({ kind }) => (kind === 'oidc' ? 'OpenID Connect' : 'SAML 2.0'),
    },
    {
      key: 'status',
      header: 'Status',
      width: '110px',
      cell: ({ active }) => <StatusMark status={active ? 'active' : 'disabled'} />,
    },
    {
      key: 'last',
      header: 'Last sign-in',
      width: '112px',
      cell: ({ last_sign_in_at }) => <Time value={last_sign_in_at} absent="none yet" />,
    },
    {
      key: 'refused',
      header: 'Last refusal',
      width: '210px',
      cell: ({ id }) => {
        const last = refused.find(({ provider_id }) => provider_id === id);
        return last === undefined ? (
          <span className="muted">none lately</span>
        ) : (
          <TwoLines first={<Time value={last.ts} />} second={String(last.code ?? '')} />
        );
      },
    },
    { key: 'expiry', header: 'Certificate', width: '160px', cell: (provider) => <Expiry provider={provider} /> },
  ];
  return (
    <>
      <Section
        title="Identity providers"
        aside={
          <ActButton
            needs="POST /v1/identity-providers"
            leftSection={<IconPlus size={14} aria-hidden />}
            onClick={() => navigate({ search: (old) => ({ ...old, create: true }) })}
          >
            Add a provider
          </ActButton>
        }
      >
        {error === null ? (
          <DataTable
            label="Identity providers"
            columns={columns}
            rows={data}
            rowKey={({ id }) => id}
            empty={
              <Empty title="Nobody signs in by a provider yet">
                Until then people come in with admin keys. Add Okta, Microsoft Entra ID, Keycloak or any other provider
                that speaks OpenID Connect or SAML 2.0; people then sign in with their own accounts, and what they do
                stands in the log under their names.
              </Empty>
            }
          />
        ) : (
          <ErrorNotice error={error} retry={() => void refetch()} />
        )}
      </Section>
      <BreakGlass />
      <SignInSettings />
      {create === true ? (
        <AddProvider onClose={() => navigate({ search: (old) => ({ ...old, create: undefined }) })} />
      ) : null}
      {opened === undefined ? null : (
        <ProviderDrawer
          key={opened.id}
          provider={opened}
          onClose={() => navigate({ search: (old) => ({ ...old, open: undefined }) })}
        />
      )}
    </>
  );
}

/** Of the certificate that ends first. Keys of OpenID providers are read from them at each sign-in. */
function Expiry({ provider: { kind, saml } }: { readonly provider: IdentityProvider }) {
  if (kind === 'oidc') return <span className="muted">read anew</span>;
  const first = [...(saml?.certificates ?? [])].sort((a, b) => a.expires_at - b.expires_at)[0];
  if (first === undefined) return null;
  return (
    <span className="row">
      {first.status === 'current' ? null : (
        <Mark tone={first.status === 'expired' ? 'deny' : 'review'}>
          {first.status === 'expired' ? 'expired' : 'soon'}
        </Mark>
      )}
      <Time value={first.expires_at} />
    </span>
  );
}
