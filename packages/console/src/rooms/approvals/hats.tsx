/** In whose name somebody decides: their own, or that of a person who handed them their say. */
import { Select } from '@mantine/core';
import type { FullApproval } from '../../api/types.ts';

export interface Hat {
  /** Whose say it is; undefined: one's own. */
  readonly onBehalfOf: string | undefined;
  readonly may: boolean;
  readonly whyNot: string | null;
}

/** One's own name first; none for a session that belongs to nobody. */
export function hatsOf({ you }: Pick<FullApproval, 'you'>): readonly Hat[] {
  if (you.person === null) return [];
  return [
    { onBehalfOf: undefined, may: you.may, whyNot: you.why_not },
    ...you.on_behalf_of.map(({ person, may, why_not }) => ({ onBehalfOf: person, may, whyNot: why_not })),
  ];
}

const OWN = 'own';

/** Nothing, where there is nothing to choose. */
export function HatPicker({
  names,
  value,
  onChange,
}: {
  readonly names: readonly (string | undefined)[];
  readonly value: string | undefined;
  readonly onChange: (onBehalfOf: string | undefined) => void;
}) {
  if (names.length < 2) return null;
  return (
    <Select
      label="Decide"
      allowDeselect={false}
      data={names.map((name) => ({
        value: name ?? OWN,
        label: name === undefined ? 'in your own name' : `for ${name}`,
      }))}
      value={value ?? OWN}
      onChange={(next) => onChange(next === null || next === OWN ? undefined : next)}
    />
  );
}
