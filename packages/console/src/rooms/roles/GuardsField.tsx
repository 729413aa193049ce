import { Button, Menu, SegmentedControl } from '@mantine/core';
import { IconPlus } from '@tabler/icons-react';
import type { GuardDocument, Problem } from '../../api/types.ts';
import { CodeField } from '../../ui/CodeField.tsx';
import { Problems } from '../../ui/Notice.tsx';
import { RuleList } from './builder/RuleList.tsx';
import { type Format, freeId, parseGuards, replaceGuard, templatesFor, writeGuards } from './guards-text.ts';

export interface GuardsDraft {
  readonly text: string;
  readonly format: Format;
}

/** Guards as numbered sentences to fill in, and the document that they come from and that they change. */
export function GuardsField({
  draft,
  onChange,
  sentences,
  problems,
  action,
}: {
  readonly draft: GuardsDraft;
  readonly onChange: (draft: GuardsDraft) => void;
  /** Of the draft; undefined while it is being read, or cannot be. */
  readonly sentences: readonly string[] | undefined;
  readonly problems: readonly Problem[];
  /** Capability that a new rule is about. */
  readonly action: string;
}) {
  const { text, format } = draft;
  const parsed = parseGuards(text, format);
  function add(guard: GuardDocument): void {
    if (!parsed.ok) return;
    const added = { ...guard, id: freeId(guard.id, parsed.guards) };
    // YAML is added to the text, so that comments and spelling of what is there stay.
    const next =
      format === 'yaml'
        ? `${text === '' || text.endsWith('\n') ? text : `${text}\n`}${writeGuards([added], 'yaml')}`
        : JSON.stringify([...parsed.guards, added], null, 2);
    onChange({ text: next, format });
  }
  function changeFormat(next: Format): void {
    if (parsed.ok) onChange({ text: writeGuards(parsed.guards as readonly GuardDocument[], next), format: next });
  }
  return (
    <div className="stack-tight">
      {parsed.ok ? (
        <RuleList
          guards={parsed.guards}
          sentences={sentences}
          onReplace={(at, guard) => onChange({ text: replaceGuard(text, format, at, guard), format })}
        />
      ) : (
        <p className="muted">The rules cannot be read as they stand.</p>
      )}
      <div className="spread">
        <Menu position="bottom-start">
          <Menu.Target>
            <Button
              variant="default"
              size="compact-sm"
              leftSection={<IconPlus size={14} aria-hidden />}
              disabled={!parsed.ok}
            >
              Add rule
            </Button>
          </Menu.Target>
          <Menu.Dropdown>
            {templatesFor(action).map(({ label, guard }) => (
              <Menu.Item key={label} onClick={() => add(guard)}>
                {label}
              </Menu.Item>
            ))}
          </Menu.Dropdown>
        </Menu>
        <SegmentedControl
          aria-label="Notation"
          data={[
            { value: 'yaml', label: 'YAML' },
            { value: 'json', label: 'JSON' },
          ]}
          value={format}
          disabled={!parsed.ok}
          onChange={(next) => changeFormat(next as Format)}
        />
      </div>
      <CodeField
        label="Rules as a document"
        description="All that apply are looked at; the strictest verdict wins."
        value={text}
        onChange={(next) => onChange({ text: next, format })}
        problems={problems}
        rows={Math.min(24, Math.max(8, text.split('\n').length + 1))}
      />
      <Problems problems={problems} />
    </div>
  );
}
