import { Accordion, Button, TextInput } from '@mantine/core';
import type { UseMutationResult } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import type { IdentityProvider } from '../../../api/identity-types.ts';
import { ErrorNotice } from '../../../ui/Notice.tsx';
import { CommonFields } from './CommonFields.tsx';
import { type CommonDraft, isCommonComplete } from './draft.ts';
import { PRESETS, type PresetName } from './presets.ts';

/** What the forms of both protocols have: name, who may come in, what is rarely set, and saving. */
export function ProviderFrame({
  isNew,
  preset,
  draft,
  onChange,
  isComplete,
  save,
  more,
  children,
}: {
  readonly isNew: boolean;
  readonly preset: PresetName;
  readonly draft: CommonDraft;
  readonly onChange: (change: Partial<CommonDraft>) => void;
  /** Of what this protocol adds. */
  readonly isComplete: boolean;
  readonly save: UseMutationResult<IdentityProvider, Error, unknown>;
  readonly more: ReactNode;
  readonly children: ReactNode;
}) {
  const canSave = isComplete && isCommonComplete(draft);
  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault();
        if (canSave && !save.isPending) save.mutate(undefined);
      }}
    >
      <TextInput
        label="Name"
        description="Stands on the button of the sign-in page."
        placeholder={preset === 'other' ? 'Company sign-in' : PRESETS[preset].label}
        withAsterisk
        data-autofocus
        maxLength={64}
        value={draft.name}
        onChange={(event) => onChange({ name: event.currentTarget.value })}
      />
      {children}
      <CommonFields draft={draft} onChange={onChange} />
      <Accordion variant="contained">
        <Accordion.Item value="more">
          <Accordion.Control>More settings</Accordion.Control>
          <Accordion.Panel>
            <div className="stack">{more}</div>
          </Accordion.Panel>
        </Accordion.Item>
      </Accordion>
      {save.isError ? <ErrorNotice error={save.error} /> : null}
      <Button type="submit" loading={save.isPending} disabled={!canSave}>
        {isNew ? 'Add provider' : 'Save'}
      </Button>
    </form>
  );
}
