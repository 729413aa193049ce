import { Select, TextInput } from '@mantine/core';
import { useId } from 'react';

/** Half-open, whole days of UTC: ISO 8601 dates. */
export interface Days {
  readonly from: string;
  readonly to: string;
}

const OWN = 'own';

/** The newest quarters first: the one that runs, and six that are over. */
function quarters(now: Date): readonly (Days & { readonly label: string })[] {
  const current = now.getUTCFullYear() * 4 + Math.floor(now.getUTCMonth() / 3);
  return Array.from({ length: 7 }, (_, back) => {
    const number = current - back;
    const label = `${Math.floor(number / 4)} Q${(number % 4) + 1}${back === 0 ? ', until now' : ''}`;
    return { label, from: firstDay(number), to: firstDay(number + 1) };
  });
}

function firstDay(quarter: number): string {
  return new Date(Date.UTC(Math.floor(quarter / 4), (quarter % 4) * 3, 1)).toISOString().slice(0, 10);
}

/** The last quarter that is over: what an auditor asks about first. */
export function lastQuarter(now = new Date()): Days {
  const [, last] = quarters(now);
  return last === undefined ? { from: '2026-01-01', to: '2026-04-01' } : { from: last.from, to: last.to };
}

/** As the API takes it. */
export function instants({ from, to }: Days): { readonly from: string; readonly to: string } {
  return { from: `${from}T00:00:00.000Z`, to: `${to}T00:00:00.000Z` };
}

export function isDay(text: string | undefined): text is string {
  return text !== undefined && /^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(Date.parse(text));
}

/** A quarter, or days of one's own. The last day is not part of it, and the label says so. */
export function PeriodFields({ value, onChange }: { readonly value: Days; readonly onChange: (next: Days) => void }) {
  const label = useId();
  const known = quarters(new Date());
  const chosen = known.find(({ from, to }) => from === value.from && to === value.to);
  return (
    <fieldset
      aria-labelledby={label}
      className="row-wrap"
      style={{ border: 0, margin: 0, padding: 0, alignItems: 'flex-end' }}
    >
      <legend id={label} className="visually-hidden">
        Period, in UTC
      </legend>
      <Select
        label="Period"
        w={170}
        allowDeselect={false}
        data={[
          ...known.map(({ label: text, from }) => ({ value: from, label: text })),
          { value: OWN, label: 'Days of your own' },
        ]}
        value={chosen?.from ?? OWN}
        onChange={(next) => {
          const quarter = known.find(({ from }) => from === next);
          if (quarter !== undefined) onChange({ from: quarter.from, to: quarter.to });
          else
            onChange({ from: value.from, to: new Date(Date.parse(value.to) + 86_400_000).toISOString().slice(0, 10) });
        }}
      />
      <Day label="From (UTC)" value={value.from} onChange={(from) => onChange({ ...value, from })} />
      <Day label="To, exclusive" value={value.to} onChange={(to) => onChange({ ...value, to })} />
    </fieldset>
  );
}

function Day({
  label,
  value,
  onChange,
}: {
  readonly label: string;
  readonly value: string;
  readonly onChange: (next: string) => void;
}) {
  return (
    <TextInput
      label={label}
      type="date"
      w={150}
      value={value}
      onChange={(event) => {
        const next = event.currentTarget.value;
        if (isDay(next)) onChange(next);
      }}
    />
  );
}
