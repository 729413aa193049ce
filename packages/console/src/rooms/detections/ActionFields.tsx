import { NumberInput, Select } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import type { DetectionAction } from '../../api/detection-types.ts';
import { breakersQuery } from '../../api/queries.ts';

const KINDS = [
  { value: 'none', label: 'Tells' },
  { value: 'risk', label: 'Tells, and raises a risk signal' },
  { value: 'quarantine', label: 'Tells, and puts the agent in quarantine' },
  { value: 'breaker', label: 'Tells, and trips a circuit breaker' },
  { value: 'stop_proposal', label: 'Tells, and proposes to stop the agent' },
] as const;
const LEVELS = ['low', 'medium', 'high', 'critical'] as const;
const HOUR = 3_600;

/** What is done when a rule fires. Never about a test. */
export function ActionFields({
  action,
  onChange,
}: {
  readonly action: DetectionAction;
  readonly onChange: (action: DetectionAction) => void;
}) {
  const { data: breakers = [] } = useQuery(breakersQuery);
  const seconds = (
    <NumberInput
      label="For (hours)"
      min={1}
      value={'expires_in_seconds' in action ? (action.expires_in_seconds ?? 4 * HOUR) / HOUR : 4}
      onChange={(next) => {
        const expires = Math.max(1, Number(next) || 1) * HOUR;
        if (action.kind === 'risk' || action.kind === 'quarantine')
          onChange({ ...action, expires_in_seconds: expires });
      }}
      w={160}
    />
  );
  return (
    <>
      <Select
        label="When it fires"
        allowDeselect={false}
        data={[...KINDS]}
        value={action.kind}
        onChange={(next) => {
          if (next === 'risk') onChange({ kind: 'risk', level: 'high', expires_in_seconds: 4 * HOUR });
          else if (next === 'quarantine') onChange({ kind: 'quarantine', expires_in_seconds: 4 * HOUR });
          else if (next === 'breaker') onChange({ kind: 'breaker', breaker: breakers[0]?.name ?? '' });
          else if (next === 'stop_proposal') onChange({ kind: 'stop_proposal' });
          else onChange({ kind: 'none' });
        }}
      />
      {action.kind === 'risk' ? (
        <div className="row-wrap">
          <Select
            label="Level"
            allowDeselect={false}
            data={[...LEVELS]}
            value={action.level}
            onChange={(next) => onChange({ ...action, level: LEVELS.find((each) => each === next) ?? action.level })}
            w={160}
          />
          {seconds}
        </div>
      ) : null}
      {action.kind === 'quarantine' ? seconds : null}
      {action.kind === 'breaker' ? (
        <Select
          label="Breaker"
          allowDeselect={false}
          data={breakers.map(({ name }) => name)}
          value={action.breaker}
          onChange={(next) => onChange({ ...action, breaker: next ?? action.breaker })}
          nothingFoundMessage="There is no breaker yet"
        />
      ) : null}
    </>
  );
}
