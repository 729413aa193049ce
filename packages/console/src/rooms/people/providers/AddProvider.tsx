import { Drawer, SegmentedControl, Select } from '@mantine/core';
import { useState } from 'react';
import type { IdentityProvider } from '../../../api/identity-types.ts';
import { Addresses } from './Addresses.tsx';
import { OidcForm } from './OidcForm.tsx';
import { PRESET_NAMES, PRESETS, type PresetName } from './presets.ts';
import { SamlForm } from './SamlForm.tsx';
import { Steps } from './Steps.tsx';

type Kind = IdentityProvider['kind'];

/** Adds a provider; then says what the provider must be told of us. */
export function AddProvider({ onClose }: { readonly onClose: () => void }) {
  const [kind, setKind] = useState<Kind>('oidc');
  const [preset, setPreset] = useState<PresetName>('okta');
  const [saved, setSaved] = useState<IdentityProvider>();
  const Form = kind === 'oidc' ? OidcForm : SamlForm;
  return (
    <Drawer
      opened
      onClose={onClose}
      title={saved === undefined ? 'Add an identity provider' : saved.name}
      closeButtonProps={{ 'aria-label': 'Close' }}
      closeOnClickOutside={false}
    >
      {saved === undefined ? (
        <div className="stack">
          <SegmentedControl
            aria-label="Protocol"
            data={[
              { value: 'oidc', label: 'OpenID Connect' },
              { value: 'saml', label: 'SAML 2.0' },
            ]}
            value={kind}
            onChange={(next) => setKind(next === 'saml' ? 'saml' : 'oidc')}
          />
          <Select
            label="Provider"
            data={PRESET_NAMES.map((value) => ({ value, label: PRESETS[value].label }))}
            value={preset}
            onChange={(next) => setPreset(PRESET_NAMES.find((each) => each === next) ?? preset)}
          />
          <Steps preset={preset} kind={kind} />
          <Form key={`${kind} ${preset}`} preset={preset} onSaved={setSaved} />
        </div>
      ) : (
        <div className="stack">
          <p>
            {saved.name} is added, and stands on the sign-in page. It lets nobody in until it knows these addresses of
            HiveKey:
          </p>
          <Addresses provider={saved} />
          <p className="muted">Then sign in by it in another window before you rely on it.</p>
        </div>
      )}
    </Drawer>
  );
}
