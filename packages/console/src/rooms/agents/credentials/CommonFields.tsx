import { Checkbox, Select, TextInput } from '@mantine/core';
import type { Agent } from '../../../api/types.ts';
import { DEFAULT_LIFETIME, LIFETIMES } from '../CreateAgent.tsx';

export interface Common {
  readonly name: string;
  readonly role: string | null;
  readonly isBound: boolean;
  readonly lifetime: string;
}

export const NEW: Common = { name: '', role: null, isBound: false, lifetime: DEFAULT_LIFETIME };

/** As the API takes them. */
export function commonBody({ name, role, isBound, lifetime }: Common) {
  return {
    name: name.trim(),
    ...(role === null ? {} : { role }),
    dpop: isBound ? 'required' : 'optional',
    expires_in_seconds: Number(lifetime),
  };
}

/** What keys and federation rules have in common. */
export function CommonFields({
  agent,
  value,
  onChange,
}: {
  readonly agent: Agent;
  readonly value: Common;
  readonly onChange: (value: Common) => void;
}) {
  return (
    <>
      <TextInput
        label="Name"
        description="Where it is used."
        placeholder="production"
        autoComplete="off"
        maxLength={100}
        value={value.name}
        onChange={(event) => onChange({ ...value, name: event.currentTarget.value })}
      />
      {agent.roles.length > 1 ? (
        <Select
          label="Role"
          description="Narrows it to one of the agent's roles."
          placeholder="All its roles"
          clearable
          data={[...agent.roles]}
          value={value.role}
          onChange={(role) => onChange({ ...value, role })}
        />
      ) : null}
      <Checkbox
        label="Bind its access tokens"
        description="To a key that the client proves to hold with every call (DPoP): a stolen access token is of no use."
        checked={value.isBound}
        onChange={(event) => onChange({ ...value, isBound: event.currentTarget.checked })}
      />
      <Select
        label="Expires after"
        data={LIFETIMES}
        allowDeselect={false}
        value={value.lifetime}
        onChange={(lifetime) => onChange({ ...value, lifetime: lifetime ?? value.lifetime })}
      />
    </>
  );
}
