import { Checkbox, Textarea, TextInput } from '@mantine/core';
import { useState } from 'react';
import { at, send } from '../../../api/client.ts';
import type { IdentityProvider } from '../../../api/identity-types.ts';
import { useWrite } from '../../../app/write.ts';
import { samlBody, samlDraft, withAttributes } from './draft.ts';
import { ProviderFrame } from './ProviderFrame.tsx';
import { PRESETS, type PresetName } from './presets.ts';

/** A new provider by SAML, or another setting of one. */
export function SamlForm({
  provider,
  preset,
  onSaved,
}: {
  readonly provider?: IdentityProvider;
  readonly preset: PresetName;
  readonly onSaved: (provider: IdentityProvider) => void;
}) {
  const isNew = provider === undefined;
  const [draft, setDraft] = useState(() =>
    isNew ? withAttributes(samlDraft(), PRESETS[preset]) : samlDraft(provider),
  );
  const change = (part: Partial<typeof draft>) => setDraft((old) => ({ ...old, ...part }));
  const save = useWrite({
    write: () =>
      isNew
        ? send<IdentityProvider>('POST', '/v1/identity-providers/saml', samlBody(draft))
        : send<IdentityProvider>('PATCH', at`/v1/identity-providers/saml/${provider.id}`, samlBody(draft, provider)),
    changes: ['providers', 'sign-in ways'],
    done: ({ name }) => `${name} is saved.`,
    onDone: onSaved,
  });
  const isComplete = !isNew || draft.metadataUrl.trim() !== '' || draft.metadata.trim() !== '';
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
          <TextInput
            label="People are known by the attribute"
            description="Empty: NameID, which must not be transient. It cannot be changed later."
            disabled={!isNew}
            spellCheck={false}
            value={draft.subject}
            onChange={(event) => change({ subject: event.currentTarget.value })}
          />
          <TextInput
            label="Name attribute"
            spellCheck={false}
            value={draft.displayName}
            onChange={(event) => change({ displayName: event.currentTarget.value })}
          />
          <TextInput
            label="SCIM knows them by the attribute"
            description="What SCIM sends as externalId; empty: whatever names the person."
            spellCheck={false}
            value={draft.directory}
            onChange={(event) => change({ directory: event.currentTarget.value })}
          />
          <Checkbox
            label="The response must be signed too"
            description="The assertion must be in any case."
            checked={draft.responseSigned}
            onChange={(event) => change({ responseSigned: event.currentTarget.checked })}
          />
          <Checkbox
            label="Accept sign-ins that begin at the provider"
            description="Whoever has an account there can then sign others in as themselves."
            checked={draft.idpInitiated}
            onChange={(event) => change({ idpInitiated: event.currentTarget.checked })}
          />
          <TextInput
            label="A step-up asks for the context"
            description="AuthnContextClassRef that the provider must bring back."
            spellCheck={false}
            value={draft.stepUpContext}
            onChange={(event) => change({ stepUpContext: event.currentTarget.value })}
          />
        </>
      }
    >
      <TextInput
        label="Address of its metadata"
        description="Kept, so that new certificates can be read from there."
        placeholder="https://login.acme.example/saml/metadata"
        spellCheck={false}
        value={draft.metadataUrl}
        onChange={(event) => change({ metadataUrl: event.currentTarget.value })}
      />
      <Textarea
        label="Or the metadata themselves"
        description="The XML as the provider publishes it."
        classNames={{ input: 'mono' }}
        autosize
        minRows={2}
        maxRows={8}
        spellCheck={false}
        value={draft.metadata}
        onChange={(event) => change({ metadata: event.currentTarget.value })}
      />
      <TextInput
        label="E-mail attribute"
        description="Empty: NameID, where its format is emailAddress."
        spellCheck={false}
        value={draft.email}
        onChange={(event) => change({ email: event.currentTarget.value })}
      />
    </ProviderFrame>
  );
}
