import { TagsInput, TextInput } from '@mantine/core';
import type { AgentAttributes } from '../../api/types.ts';
import { ATTRIBUTES } from './words.ts';

const EXAMPLES: Readonly<Record<string, string>> = {
  model: 'claude-sonnet-4-5',
  prompt_version: '2026-11-03',
  prompt_sha256: 'sha256:…',
  framework: 'langgraph 1.0',
  repository: 'https://git.acme.example/agents/support',
  deployment: 'eu-1/support-bot',
};

/** What an agent is made of, as whoever runs it says. */
export function AttributesFields({
  value,
  onChange,
}: {
  readonly value: AgentAttributes;
  readonly onChange: (value: AgentAttributes) => void;
}) {
  return (
    <>
      {ATTRIBUTES.map(({ name, label }) =>
        name === 'tools' ? (
          <TagsInput
            key={name}
            label={label}
            value={[...(value.tools ?? [])]}
            onChange={(tools) => onChange({ ...value, tools })}
            acceptValueOnBlur
          />
        ) : (
          <TextInput
            key={name}
            label={label}
            placeholder={EXAMPLES[name]}
            maxLength={300}
            spellCheck={false}
            value={value[name] ?? ''}
            onChange={(event) => onChange({ ...value, [name]: event.currentTarget.value })}
          />
        ),
      )}
    </>
  );
}

/** Without what was left empty. */
export function declared(value: AgentAttributes): AgentAttributes {
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, each]: [string, string | readonly string[]]) => {
      const trimmed = typeof each === 'string' ? each.trim() : each;
      return trimmed.length === 0 ? [] : [[name, trimmed]];
    }),
  );
}
