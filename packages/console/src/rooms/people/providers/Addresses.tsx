import type { IdentityProvider } from '../../../api/identity-types.ts';
import { CodeBlock } from '../../../ui/Copy.tsx';

/** What the provider is told of HiveKey, to be copied. */
export function Addresses({ provider: { oidc, saml } }: { readonly provider: IdentityProvider }) {
  const addresses: readonly (readonly [name: string, value: string | null | undefined])[] = [
    ['Redirect URI', oidc?.redirect_uri],
    ['Back-channel logout URI', oidc?.backchannel_logout_uri],
    ['Initiate login URI', oidc?.initiate_login_uri],
    ['JWKS URL', oidc?.jwks_url],
    ['ACS URL', saml?.own.acs_url],
    ['Entity id and metadata', saml?.own.entity_id],
    ['Logout URL', saml?.own.logout_url],
  ];
  return (
    <div className="stack-tight">
      {addresses.map(([name, value]) =>
        value === null || value === undefined ? null : (
          <div key={name}>
            <p className="muted">{name}</p>
            <CodeBlock code={value} what={name} wrap />
          </div>
        ),
      )}
    </div>
  );
}
