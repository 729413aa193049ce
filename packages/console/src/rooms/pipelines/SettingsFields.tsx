import { NumberInput, Select, Switch, Textarea, TextInput } from '@mantine/core';
import type { Field, Typed } from './fields.ts';

/** The settings of a kind of receiver, as its schema has them. Credentials are references. */
export function SettingsFields({
  fields,
  typed,
  onChange,
}: {
  readonly fields: readonly Field[];
  readonly typed: Typed;
  readonly onChange: (typed: Typed) => void;
}) {
  return fields.map((field) => (
    <FieldInput
      key={field.name}
      field={field}
      value={typed[field.name]}
      onChange={(value) => onChange({ ...typed, [field.name]: value })}
    />
  ));
}

function FieldInput({
  field: { name, description, required, kind, choices },
  value,
  onChange,
}: {
  readonly field: Field;
  readonly value: Typed[string] | undefined;
  readonly onChange: (value: Typed[string]) => void;
}) {
  const common = { label: name, description, withAsterisk: required };
  switch (kind) {
    case 'switch':
      return (
        <Switch
          label={name}
          description={description}
          checked={value === true}
          onChange={(event) => onChange(event.currentTarget.checked)}
        />
      );
    case 'choice':
      return (
        <Select
          {...common}
          clearable={!required}
          data={[...choices]}
          value={typeof value === 'string' && value !== '' ? value : null}
          onChange={(next) => onChange(next ?? '')}
        />
      );
    case 'number':
      return <NumberInput {...common} value={typeof value === 'number' ? value : ''} onChange={onChange} />;
    case 'json':
      return (
        <Textarea
          {...common}
          placeholder="JSON"
          autosize
          minRows={1}
          maxRows={8}
          spellCheck={false}
          classNames={{ input: 'mono' }}
          value={String(value ?? '')}
          onChange={(event) => onChange(event.currentTarget.value)}
        />
      );
    case 'text':
      return (
        <TextInput
          {...common}
          autoComplete="off"
          spellCheck={false}
          {...(name.endsWith('_ref') ? { placeholder: 'vault://…, env://… or file://…' } : {})}
          value={String(value ?? '')}
          onChange={(event) => onChange(event.currentTarget.value)}
        />
      );
  }
}
