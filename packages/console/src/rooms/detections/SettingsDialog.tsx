import { Drawer, NumberInput, Select, Switch, TagsInput, TextInput } from '@mantine/core';
import { useState } from 'react';
import { SEVERITIES } from '../../api/alert-types.ts';
import type { DetectionAction, DetectionDocument, DetectionRule } from '../../api/detection-types.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { CodeField } from '../../ui/CodeField.tsx';
import { ErrorNotice } from '../../ui/Notice.tsx';
import { ActionFields } from './ActionFields.tsx';
import { usePutDetection } from './use-put-detection.ts';

type Parameter = DetectionRule['parameters'][number];

/** What the workspace sets about a rule: all of it in one document. */
export function SettingsDialog({
  detection,
  onClose,
}: {
  readonly detection: DetectionRule;
  readonly onClose: () => void;
}) {
  const [draft, setDraft] = useState<DetectionDocument>(detection.document);
  const { put, isReviewed } = usePutDetection(onClose);
  const setParameter = ({ name, default: own }: Parameter, value: Parameter['value']) => {
    const { [name]: _, ...rest } = draft.parameters;
    // As it is shipped: nothing is set then.
    setDraft({
      ...draft,
      parameters: JSON.stringify(value) === JSON.stringify(own) ? rest : { ...rest, [name]: value },
    });
  };
  return (
    <Drawer
      opened
      onClose={onClose}
      position="right"
      size={560}
      title={`Settings of ${detection.name}`}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          if (!put.isPending) put.mutate({ name: detection.name, document: draft });
        }}
      >
        <Switch
          label="It is evaluated"
          checked={draft.enabled}
          onChange={(event) => setDraft({ ...draft, enabled: event.currentTarget.checked })}
        />
        <Select
          label="Severity"
          placeholder={detection.level === null ? 'as the rule says' : `as the rule says: ${detection.level}`}
          clearable
          data={[...SEVERITIES]}
          value={draft.severity ?? null}
          onChange={(next) => {
            const { severity: _, ...rest } = draft;
            const severity = SEVERITIES.find((each) => each === next);
            setDraft(severity === undefined ? rest : { ...rest, severity });
          }}
        />
        <NumberInput
          label="Told again after (seconds)"
          description="Of the same agent, owner or tool. 0: each time."
          placeholder="as the rule says"
          min={0}
          max={604_800}
          value={draft.suppression_seconds ?? ''}
          onChange={(next) => {
            const { suppression_seconds: _, ...rest } = draft;
            setDraft(typeof next === 'number' ? { ...rest, suppression_seconds: next } : rest);
          }}
        />
        {detection.parameters.map((parameter) => (
          <ParameterField
            key={parameter.name}
            parameter={parameter}
            value={draft.parameters[parameter.name] ?? parameter.default}
            onChange={(value) => setParameter(parameter, value)}
          />
        ))}
        {detection.learned ? (
          <p className="muted">It rests on a learned baseline, so it tells and does nothing else.</p>
        ) : (
          <ActionFields action={draft.action} onChange={(action: DetectionAction) => setDraft({ ...draft, action })} />
        )}
        <TextInput
          label="Who answers for it"
          placeholder="dana@acme.example"
          type="email"
          value={draft.owner ?? ''}
          onChange={(event) => {
            const { owner: _, ...rest } = draft;
            const owner = event.currentTarget.value.trim();
            setDraft(owner === '' ? rest : { ...rest, owner });
          }}
        />
        {draft.sigma === undefined ? null : (
          <CodeField
            label="The rule, as Sigma"
            rows={16}
            value={draft.sigma}
            onChange={(sigma) => setDraft({ ...draft, sigma })}
          />
        )}
        {put.isError ? <ErrorNotice error={put.error} /> : null}
        <ActButton
          needs={isReviewed ? 'POST /v1/changes' : 'PUT /v1/detections/:rule'}
          type="submit"
          loading={put.isPending}
        >
          {isReviewed ? 'Draft the change' : 'Save'}
        </ActButton>
      </form>
    </Drawer>
  );
}

function ParameterField({
  parameter: { name, description, default: own, min, max },
  value,
  onChange,
}: {
  readonly parameter: Parameter;
  readonly value: Parameter['value'];
  readonly onChange: (value: Parameter['value']) => void;
}) {
  if (typeof own === 'number')
    return (
      <NumberInput
        label={name}
        description={description}
        {...(min === null ? {} : { min })}
        {...(max === null ? {} : { max })}
        value={typeof value === 'number' ? value : own}
        onChange={(next) => onChange(typeof next === 'number' ? next : own)}
      />
    );
  if (typeof own === 'boolean')
    return (
      <Switch
        label={name}
        description={description}
        checked={value === true}
        onChange={(event) => onChange(event.currentTarget.checked)}
      />
    );
  if (typeof own === 'string')
    return (
      <TextInput
        label={name}
        description={description}
        value={String(value)}
        onChange={(event) => onChange(event.currentTarget.value)}
      />
    );
  return (
    <TagsInput
      label={name}
      description={description}
      value={Array.isArray(value) ? [...value] : [...own]}
      onChange={onChange}
      acceptValueOnBlur
    />
  );
}
