import { Checkbox, Select, Textarea, TextInput } from '@mantine/core';
import { useState } from 'react';
import type { IncidentDetail } from '../../api/alert-types.ts';
import { at } from '../../api/client.ts';
import { OwnerPicker } from '../../ui/Pickers.tsx';
import { ReasonForm } from '../../ui/ReasonForm.tsx';

export type Part = 'facts' | 'decision' | 'root_cause';

const TITLES: Readonly<Record<Part, string>> = {
  facts: 'What is known of it',
  decision: 'The decision',
  root_cause: 'The root cause',
};
const SEVERITIES = ['low', 'medium', 'high', 'critical'] as const;

export function EditDialog({
  incident,
  part,
  onClose,
}: {
  readonly incident: IncidentDetail;
  readonly part: Part;
  readonly onClose: () => void;
}) {
  const [title, setTitle] = useState(incident.title);
  const [summary, setSummary] = useState(incident.summary);
  const [severity, setSeverity] = useState(incident.severity);
  const [lead, setLead] = useState<string | undefined>(incident.lead);
  const [isContained, setContained] = useState(incident.status === 'contained');
  const [words, setWords] = useState((part === 'facts' ? null : incident[part]) ?? '');
  const facts =
    title.trim() === '' || lead === undefined
      ? undefined
      : { title: title.trim(), summary: summary.trim(), severity, lead, status: isContained ? 'contained' : 'open' };
  const body = part === 'facts' ? facts : words.trim() === '' ? undefined : { [part]: words.trim() };
  return (
    <ReasonForm
      title={TITLES[part]}
      action="Save"
      needs="PATCH /v1/incidents/:id"
      method="PATCH"
      to={at`/v1/incidents/${incident.id}`}
      body={body}
      done="It is on the log"
      changes={['incidents', 'alerts']}
      onClose={onClose}
    >
      {part === 'facts' ? (
        <>
          <TextInput
            label="Title"
            withAsterisk
            maxLength={200}
            value={title}
            onChange={(event) => setTitle(event.currentTarget.value)}
          />
          <Textarea
            label="What is known"
            autosize
            minRows={2}
            value={summary}
            onChange={(event) => setSummary(event.currentTarget.value)}
          />
          <Select
            label="Severity"
            allowDeselect={false}
            data={[...SEVERITIES]}
            value={severity}
            onChange={(next) => setSeverity(SEVERITIES.find((each) => each === next) ?? severity)}
          />
          <OwnerPicker label="Lead" onlyKnown required value={lead} onChange={setLead} />
          <Checkbox
            label="It is contained: nothing more happens"
            checked={isContained}
            onChange={(event) => setContained(event.currentTarget.checked)}
          />
        </>
      ) : (
        <Textarea
          label={part === 'decision' ? 'What it is, who is told, what is done' : 'Why it could happen'}
          withAsterisk
          autosize
          minRows={5}
          maxLength={10_000}
          value={words}
          onChange={(event) => setWords(event.currentTarget.value)}
        />
      )}
    </ReasonForm>
  );
}
