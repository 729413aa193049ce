import { MultiSelect, NumberInput, Select, Switch, TagsInput } from '@mantine/core';
import type { Sink, SinkKindDetails } from '../../api/sink-types.ts';

export interface FormatSettings {
  readonly format: Sink['format'];
  readonly raw: boolean;
  readonly compact: boolean;
  readonly omit: readonly string[];
  readonly leave_out: Sink['leave_out'];
  readonly required: boolean;
  readonly objective_seconds: number;
}

/** What holds of a kind where nothing is said, or what a sink has. */
export function formatSettingsOf(kind: SinkKindDetails, sink?: Sink): FormatSettings {
  const [format = 'native'] = kind.formats;
  return {
    format: sink?.format ?? format,
    raw: sink?.raw ?? kind.raw,
    compact: sink?.compact ?? kind.compact,
    omit: sink?.omit ?? [],
    leave_out: sink?.leave_out ?? [],
    required: sink?.required ?? true,
    objective_seconds: sink?.objective_seconds ?? kind.objective_seconds,
  };
}

const LEFT_OUT: readonly { readonly value: Sink['leave_out'][number]; readonly label: string }[] = [
  { value: 'reads', label: 'Allowed calls that read, and their results' },
  { value: 'results', label: 'Results of calls' },
  { value: 'log_reads', label: 'Reads of the log' },
  { value: 'sessions', label: 'Sessions of the console' },
  { value: 'token_issues', label: 'Access tokens that agents get' },
  { value: 'drift_checks', label: 'Comparisons that found nothing' },
];

export function FormatFields({
  kind,
  value,
  onChange,
}: {
  readonly kind: SinkKindDetails;
  readonly value: FormatSettings;
  readonly onChange: (value: FormatSettings) => void;
}) {
  return (
    <>
      <Select
        label="Format"
        allowDeselect={false}
        data={[...kind.formats]}
        value={value.format}
        onChange={(next) => {
          const format = kind.formats.find((each) => each === next);
          if (format !== undefined) onChange({ ...value, format });
        }}
      />
      <Switch
        label="The exact record travels inside each event"
        description="With it, whoever holds the copy can compute hashes and tree without HiveKey."
        checked={value.raw}
        onChange={(event) => onChange({ ...value, raw: event.currentTarget.checked })}
      />
      <Switch
        label="Short: without arguments and trace"
        checked={value.compact}
        onChange={(event) => onChange({ ...value, compact: event.currentTarget.checked })}
      />
      <MultiSelect
        label="Left out"
        description="What was refused or held, and records about policy, people, findings and the stream always go out."
        clearable
        data={[...LEFT_OUT]}
        value={[...value.leave_out]}
        onChange={(next) =>
          onChange({ ...value, leave_out: LEFT_OUT.flatMap((each) => (next.includes(each.value) ? [each.value] : [])) })
        }
      />
      <TagsInput
        label="Fields that do not go out"
        description="A record that has one goes out without its exact bytes."
        value={[...value.omit]}
        onChange={(omit) => onChange({ ...value, omit })}
        acceptValueOnBlur
      />
      <NumberInput
        label="To be settled within (seconds)"
        min={1}
        max={86_400}
        value={value.objective_seconds}
        onChange={(next) => onChange({ ...value, objective_seconds: Number(next) || 1 })}
        w={220}
      />
      <Switch
        label="Required: the log is not pruned beyond it"
        checked={value.required}
        onChange={(event) => onChange({ ...value, required: event.currentTarget.checked })}
      />
    </>
  );
}

/** How much the receiver's word is worth. */
export function Confirmation({ kind: { acknowledgement } }: { readonly kind: SinkKindDetails }) {
  return (
    <p className="muted">
      {acknowledgement === 'stored'
        ? 'The receiver says when an event is stored; the cursor moves on that.'
        : 'The receiver only says that it took an event: a loss behind it shows in the checkpoints and in a comparison of the copy, and can be repaired by a replay.'}
    </p>
  );
}
