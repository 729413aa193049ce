import { PasswordInput, Select, TagsInput, TextInput } from '@mantine/core';
import { useState } from 'react';
import { at, send } from '../../../api/client.ts';
import type { IdentityProvider, OidcSettings } from '../../../api/identity-types.ts';
import { useWrite } from '../../../app/write.ts';
import { ALGORITHMS, oidcBody, oidcDraft, withPreset } from './draft.ts';
import { ProviderFrame } from './ProviderFrame.tsx';
import { PRESETS, type PresetName } from './presets.ts';

const AUTHENTICATIONS: readonly { readonly value: OidcSettings['client_auth']; readonly label: string }[] = [
  { value: 'client_secret_basic', label: 'Client secret, in the header' },
  { value: 'client_secret_post', label: 'Client secret, in the body' },
  { value: 'private_key_jwt', label: 'A key pair that HiveKey makes (private_key_jwt)' },
];

/** A new provider by OpenID Connect, or another setting of one. */
export function OidcForm({
  provider,
  preset,
  onSaved,
}: {
  readonly provider?: IdentityProvider;
  readonly preset: PresetName;
  readonly onSaved: (provider: IdentityProvider) => void;
}) {
  const isNew = provider === undefined;
  const [draft, setDraft] = useState(() => (isNew ? withPreset(oidcDraft(), PRESETS[preset]) : oidcDraft(provider)));
  const change = (part: Partial<typeof draft>) => setDraft((old) => ({ ...old, ...part }));
  const save = useWrite({
    write: () =>
      isNew
        ? send<IdentityProvider>('POST', '/v1/identity-providers', oidcBody(draft, true))
        : send<IdentityProvider>('PATCH', at`/v1/identity-providers/${provider.id}`, oidcBody(draft, false)),
    changes: ['providers', 'sign-in ways'],
    done: ({ name }) => `${name} is saved.`,
    onDone: onSaved,
  });
  const takesSecret = draft.clientAuth !== 'private_key_jwt';
  const hadSecret = provider?.oidc !== undefined && provider.oidc?.client_auth !== 'private_key_jwt';
  const isComplete =
    draft.issuer.trim() !== '' &&
    draft.clientId.trim() !== '' &&
    (!takesSecret || draft.clientSecret !== '' || hadSecret);
  return (
    <ProviderFrame
      isNew={isNew}
      preset={preset}
      draft={draft}
      onChange={change}
      isComplete={isComplete}
      save={save}
      more={
        <>
          <Select
            label="ID tokens are signed with"
            description="No other algorithm is accepted."
            data={ALGORITHMS}
            value={draft.algorithm}
            onChange={(next) => change({ algorithm: next ?? draft.algorithm })}
          />
          <TagsInput label="Scopes" value={[...draft.scopes]} onChange={(scopes) => change({ scopes })} />
          <Select
            label="People are known by the claim"
            disabled={!isNew}
            data={[
              { value: 'sub', label: 'sub' },
              { value: 'oid', label: 'oid (Microsoft Entra ID)' },
            ]}
            value={draft.subjectClaim}
            onChange={(next) => change({ subjectClaim: next === 'oid' ? 'oid' : 'sub' })}
          />
          <TextInput
            label="SCIM knows them by the claim"
            description="What SCIM sends as externalId."
            spellCheck={false}
            value={draft.directoryClaim}
            onChange={(event) => change({ directoryClaim: event.currentTarget.value })}
          />
          <TagsInput
            label="Entra tenants"
            description="Ids of tenants that may sign in, where an issuer serves many."
            value={[...draft.tenants]}
            onChange={(tenants) => change({ tenants })}
          />
          <TextInput
            label="A step-up asks for acr"
            description="The authentication context that the provider must bring back; empty: a new sign-in is enough."
            spellCheck={false}
            value={draft.stepUpAcr}
            onChange={(event) => change({ stepUpAcr: event.currentTarget.value })}
          />
        </>
      }
    >
      <TextInput
        label="Issuer"
        description={
          isNew
            ? 'As the provider writes it in its discovery document. It says who people are, and does not change later.'
            : 'It says who people are, and does not change.'
        }
        placeholder={PRESETS[preset].issuer}
        withAsterisk={isNew}
        disabled={!isNew}
        spellCheck={false}
        value={draft.issuer}
        onChange={(event) => change({ issuer: event.currentTarget.value })}
      />
      <TextInput
        label="Client id"
        withAsterisk
        autoComplete="off"
        spellCheck={false}
        value={draft.clientId}
        onChange={(event) => change({ clientId: event.currentTarget.value })}
      />
      <Select
        label="HiveKey proves itself with"
        data={[...AUTHENTICATIONS]}
        value={draft.clientAuth}
        onChange={(next) =>
          change({ clientAuth: AUTHENTICATIONS.find(({ value }) => value === next)?.value ?? draft.clientAuth })
        }
      />
      {takesSecret ? (
        <PasswordInput
          label="Client secret"
          description={
            hadSecret ? 'Leave it empty to keep the one that is set.' : 'Kept encrypted, and not shown again.'
          }
          withAsterisk={!hadSecret}
          autoComplete="off"
          value={draft.clientSecret}
          onChange={(event) => change({ clientSecret: event.currentTarget.value })}
          visibilityToggleButtonProps={{ 'aria-label': 'Show the secret' }}
        />
      ) : (
        <p className="muted">The provider reads the public key at an address that is shown when this is saved.</p>
      )}
      {preset === 'google' || draft.hostedDomains.length > 0 ? (
        <TagsInput
          label="Google Workspace domains"
          description="Only accounts of these may sign in."
          placeholder="acme.example"
          value={[...draft.hostedDomains]}
          onChange={(hostedDomains) => change({ hostedDomains })}
        />
      ) : null}
    </ProviderFrame>
  );
}
