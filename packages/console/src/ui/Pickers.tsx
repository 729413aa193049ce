/** Fields that choose one of the workspace's things. */
import { Autocomplete, MultiSelect, Select, TagsInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { peopleSearchQuery } from '../api/identity-queries.ts';
import { agentSearchQuery, capabilitiesQuery, rolesQuery } from '../api/queries.ts';

const TYPING_MS = 150;
/** Options drawn at once; typing narrows them. */
const MOST_OPTIONS = 50;

interface Picker {
  readonly label: string;
  readonly description?: string;
  readonly placeholder?: string;
  readonly value: string | undefined;
  readonly onChange: (value: string | undefined) => void;
  readonly error?: string | undefined;
  readonly clearable?: boolean;
  readonly required?: boolean;
  readonly hideLabel?: boolean;
}

function fieldOf({ label, description, placeholder, error, required, hideLabel }: Picker) {
  return {
    ...(hideLabel === true ? { 'aria-label': label } : { label }),
    ...(description === undefined ? {} : { description }),
    ...(placeholder === undefined ? {} : { placeholder }),
    ...(error === undefined ? {} : { error }),
    ...(required === true ? { withAsterisk: true } : {}),
  };
}

/** An agent by handle; searched at the server, so that thousands do no harm. */
export function AgentPicker(props: Picker) {
  const { value, onChange, clearable = false } = props;
  const [typed, setTyped] = useState('');
  const [words] = useDebouncedValue(typed, TYPING_MS);
  const { data } = useQuery(agentSearchQuery(words === value ? '' : words));
  const names = new Set((data?.data ?? []).map(({ name }) => name));
  if (value !== undefined) names.add(value);
  return (
    <Select
      {...fieldOf(props)}
      searchable
      clearable={clearable}
      data={[...names]}
      value={value ?? null}
      onChange={(next) => onChange(next ?? undefined)}
      onSearchChange={setTyped}
      nothingFoundMessage="No agent has that name"
      limit={MOST_OPTIONS}
    />
  );
}

export function RolePicker(props: Picker) {
  const { value, onChange, clearable = false } = props;
  const { data = [] } = useQuery(rolesQuery);
  return (
    <Select
      {...fieldOf(props)}
      searchable
      clearable={clearable}
      data={withValue(
        data.map(({ name }) => name),
        value,
      )}
      value={value ?? null}
      onChange={(next) => onChange(next ?? undefined)}
      nothingFoundMessage="No role has that name"
      limit={MOST_OPTIONS}
    />
  );
}

export function RolesPicker({
  label,
  description,
  value,
  onChange,
  error,
}: {
  readonly label: string;
  readonly description?: string;
  readonly value: readonly string[];
  readonly onChange: (value: string[]) => void;
  readonly error?: string | undefined;
}) {
  const { data = [] } = useQuery(rolesQuery);
  return (
    <MultiSelect
      label={label}
      {...(description === undefined ? {} : { description })}
      {...(error === undefined ? {} : { error })}
      withAsterisk
      searchable
      data={[...new Set([...data.map(({ name }) => name), ...value])]}
      value={[...value]}
      onChange={onChange}
      nothingFoundMessage="No role has that name"
      limit={MOST_OPTIONS}
      {...(value.length === 0 ? { placeholder: 'One or more roles' } : {})}
    />
  );
}

/** A person's e-mail, searched at the server; a new one may be typed where `onlyKnown` is not set. */
export function OwnerPicker(props: Picker & { readonly onlyKnown?: boolean }) {
  const { value, onChange, clearable = false, onlyKnown = false } = props;
  const [typed, setTyped] = useState('');
  const [words] = useDebouncedValue(onlyKnown ? typed : (value ?? ''), TYPING_MS);
  const { data } = useQuery(peopleSearchQuery(words === value && onlyKnown ? '' : words));
  const emails = (data?.data ?? []).map(({ email }) => email);
  if (!onlyKnown)
    return (
      <Autocomplete
        {...fieldOf(props)}
        data={emails}
        value={value ?? ''}
        onChange={(next) => onChange(next === '' ? undefined : next)}
        limit={MOST_OPTIONS}
        type="email"
      />
    );
  return (
    <Select
      {...fieldOf(props)}
      searchable
      clearable={clearable}
      data={withValue(emails, value)}
      value={value ?? null}
      onChange={(next) => onChange(next ?? undefined)}
      onSearchChange={setTyped}
      nothingFoundMessage="Nobody has that e-mail"
      limit={MOST_OPTIONS}
    />
  );
}

/** People by e-mail, and groups; those that were found while typing are offered, any may be typed. */
export function PeopleAndGroupsField({
  label,
  description,
  value,
  onChange,
}: {
  readonly label: string;
  readonly description?: string;
  readonly value: readonly string[];
  readonly onChange: (value: string[]) => void;
}) {
  const [typed, setTyped] = useState('');
  const [words] = useDebouncedValue(typed, TYPING_MS);
  const { data } = useQuery(peopleSearchQuery(words));
  // Nothing is offered before something is typed: the list would lie over what comes below.
  const people = typed === '' ? [] : (data?.data.filter(({ active }) => active) ?? []);
  const groups = people.flatMap((person) => person.groups);
  return (
    <TagsInput
      label={label}
      {...(description === undefined ? {} : { description })}
      data={[...new Set([...people.map(({ email }) => email), ...groups])]}
      value={[...value]}
      onChange={onChange}
      onSearchChange={setTyped}
      acceptValueOnBlur
      limit={MOST_OPTIONS}
    />
  );
}

export function CapabilityPicker(props: Picker & { readonly onlyKnown?: boolean }) {
  const { value, onChange, clearable = false, onlyKnown = false } = props;
  const { data = [] } = useQuery(capabilitiesQuery);
  const names = data.map(({ name }) => name);
  if (!onlyKnown)
    return (
      <Autocomplete
        {...fieldOf(props)}
        data={names}
        value={value ?? ''}
        onChange={(next) => onChange(next === '' ? undefined : next)}
        limit={MOST_OPTIONS}
        spellCheck={false}
      />
    );
  return (
    <Select
      {...fieldOf(props)}
      searchable
      clearable={clearable}
      data={withValue(names, value)}
      value={value ?? null}
      onChange={(next) => onChange(next ?? undefined)}
      nothingFoundMessage="No capability has that name"
      limit={MOST_OPTIONS}
    />
  );
}

/** A value that is not among the options (yet) must still be shown. */
function withValue(options: readonly string[], value: string | undefined): string[] {
  return value === undefined || options.includes(value) ? [...options] : [value, ...options];
}
