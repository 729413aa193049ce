import { Checkbox, Select, TagsInput, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { scimConnectionsQuery } from '../../../api/identity-queries.ts';
import { useRefusal } from '../../../app/may.ts';
import type { CommonDraft, Unknown } from './draft.ts';

const UNKNOWN: readonly { readonly value: Unknown; readonly label: string }[] = [
  { value: 'never', label: 'Are refused' },
  { value: 'domains', label: 'Are added, when their e-mail is of these domains' },
  { value: 'anybody', label: 'Are added, whoever the provider lets in' },
];

/** Who may come in by the provider, and what it says of their groups. */
export function CommonFields({
  draft,
  onChange,
}: {
  readonly draft: CommonDraft;
  readonly onChange: (change: Partial<CommonDraft>) => void;
}) {
  const canSee = useRefusal('GET /v1/scim-connections') === undefined;
  const { data: connections = [] } = useQuery({ ...scimConnectionsQuery, enabled: canSee });
  return (
    <>
      <Select
        label="People who are not known yet"
        description="Those who are added have no role until somebody, or a group, gives them one."
        data={[...UNKNOWN]}
        value={draft.unknown}
        onChange={(next) => onChange({ unknown: UNKNOWN.find(({ value }) => value === next)?.value ?? draft.unknown })}
      />
      {draft.unknown === 'domains' ? (
        <TagsInput
          label="Domains"
          placeholder="acme.example"
          value={[...draft.domains]}
          onChange={(domains) => onChange({ domains })}
        />
      ) : null}
      {connections.length === 0 ? null : (
        <Select
          label="Directory"
          description="People whom this SCIM connection provides sign in without an invitation."
          placeholder="None"
          clearable
          allowDeselect
          data={connections.map(({ id, name }) => ({ value: id, label: name }))}
          value={draft.connection}
          onChange={(connection) => onChange({ connection })}
        />
      )}
      <TextInput
        label="Groups are named in"
        description="The claim, or attribute, with the groups of the person. Roles by group are looked up with it."
        placeholder="groups"
        spellCheck={false}
        value={draft.groupsClaim}
        onChange={(event) => onChange({ groupsClaim: event.currentTarget.value })}
      />
      <Checkbox
        label="Keep these groups on the person"
        description="Where no directory provides the person; approvals then count them too."
        disabled={draft.groupsClaim.trim() === ''}
        checked={draft.syncGroups && draft.groupsClaim.trim() !== ''}
        onChange={(event) => onChange({ syncGroups: event.currentTarget.checked })}
      />
    </>
  );
}
