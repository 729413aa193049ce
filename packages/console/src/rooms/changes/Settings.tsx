import { Checkbox, NumberInput, SegmentedControl, Skeleton, TagsInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { type FormEvent, useState } from 'react';
import { changeSettingsQuery } from '../../api/change-queries.ts';
import type {
  Change,
  ChangeRequirement,
  ChangeRisk,
  ChangeSettings,
  ChangeSettingsDocument,
} from '../../api/change-types.ts';
import { send } from '../../api/client.ts';
import { useWrite } from '../../app/write.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { ErrorNotice } from '../../ui/Notice.tsx';
import { Section } from '../../ui/Page.tsx';
import classes from './changes.module.css';

const RISKS: readonly ChangeRisk[] = ['low', 'medium', 'high', 'critical'];

export function Settings() {
  const { data, error, refetch } = useQuery(changeSettingsQuery);
  if (error !== null) return <ErrorNotice error={error} retry={() => void refetch()} />;
  if (data === undefined) return <Skeleton height={320} aria-label="Loading" />;
  return <Form key={data.hash} current={data} />;
}

function documentOf(settings: ChangeSettings): ChangeSettingsDocument {
  const { mode, types, authority, emergency, rollback, when_frozen, expire_days, replay_days, standard } = settings;
  return { mode, types, authority, emergency, rollback, when_frozen, expire_days, replay_days, standard };
}

function Form({ current }: { readonly current: ChangeSettings }) {
  const [draft, setDraft] = useState<ChangeSettingsDocument>(() => documentOf(current));
  const navigate = useNavigate();
  const isDirty = JSON.stringify(draft) !== JSON.stringify(documentOf(current));
  // Once changes are reviewed, so is every change of how they are.
  const isReviewed = current.mode === 'reviewed';
  const save = useWrite({
    write: (): Promise<unknown> =>
      isReviewed
        ? send<Change>('POST', '/v1/changes', {
            title: 'Other settings of changes',
            operations: [{ type: 'change_settings', id: '*', document: draft, base: current.hash }],
          })
        : send('PUT', '/v1/change-settings', draft),
    changes: ['changes'],
    done: () => (isReviewed ? 'Drafted as a change; submit it for review.' : 'The settings of changes are in force.'),
    onDone: (made) => {
      if (isReviewed) void navigate({ to: '/changes/$change', params: { change: (made as Change).name } });
    },
  });
  function submit(event: FormEvent): void {
    event.preventDefault();
    save.mutate(undefined);
  }
  const { authority, emergency } = draft;
  return (
    <form onSubmit={submit} className="stack" style={{ maxWidth: 760 }}>
      <Section title="Whether changes are reviewed">
        <SegmentedControl
          aria-label="Whether changes are reviewed"
          data={[
            { value: 'direct', label: 'Made directly' },
            { value: 'reviewed', label: 'Reviewed by somebody else' },
          ]}
          value={draft.mode}
          onChange={(mode) => setDraft({ ...draft, mode: mode as ChangeSettingsDocument['mode'] })}
        />
        <p className="muted">
          Reviewed: roles, guards, capabilities, freezes, assignments, servers, tools, people’s authority and these
          settings take effect only after others have approved. Stopping never waits.
        </p>
      </Section>
      <Section title="Who approves">
        <div className={classes.authority}>
          <span className="muted">Risk</span>
          <span className="muted">People</span>
          <span className="muted">Of these groups, one each</span>
          {RISKS.map((risk) => (
            <RequirementRow
              key={risk}
              name={risk}
              value={authority.normal[risk]}
              onChange={(next) =>
                setDraft({ ...draft, authority: { ...authority, normal: { ...authority.normal, [risk]: next } } })
              }
            />
          ))}
          <RequirementRow
            name="emergency"
            value={authority.emergency}
            onChange={(next) => setDraft({ ...draft, authority: { ...authority, emergency: next } })}
          />
        </div>
      </Section>
      <Section title="Emergencies">
        <div className="stack-tight">
          <Checkbox
            label="One person may put an emergency in force alone, to be reviewed afterwards"
            checked={emergency.alone}
            onChange={(event) =>
              setDraft({ ...draft, emergency: { ...emergency, alone: event.currentTarget.checked } })
            }
          />
          <NumberInput
            label="Review within (minutes)"
            min={1}
            max={43_200}
            value={emergency.review_within_minutes}
            onChange={(next) =>
              setDraft({ ...draft, emergency: { ...emergency, review_within_minutes: Number(next) || 1 } })
            }
            w={180}
          />
          <TagsInput
            label="Told when the review is overdue"
            description="Groups, and e-mail addresses of people."
            value={[...emergency.escalate_to]}
            onChange={(next) => setDraft({ ...draft, emergency: { ...emergency, escalate_to: next } })}
            acceptValueOnBlur
          />
        </div>
      </Section>
      <Section title="The rest">
        <div className="row-wrap">
          <NumberInput
            label="A change that nobody decides is over after (days)"
            min={1}
            max={365}
            value={draft.expire_days}
            onChange={(next) => setDraft({ ...draft, expire_days: Number(next) || 1 })}
            w={320}
          />
          <NumberInput
            label="Previews replay the log of (days)"
            min={0}
            max={366}
            value={draft.replay_days}
            onChange={(next) => setDraft({ ...draft, replay_days: Number(next) || 0 })}
            w={240}
          />
        </div>
        <div className="stack-tight" style={{ marginTop: 12 }}>
          <Checkbox
            label="A rollback takes effect without a review"
            checked={draft.rollback === 'standard'}
            onChange={(event) =>
              setDraft({ ...draft, rollback: event.currentTarget.checked ? 'standard' : 'reviewed' })
            }
          />
          <Checkbox
            label="A scheduled change whose time comes in a freeze waits for its end"
            checked={draft.when_frozen === 'wait'}
            onChange={(event) => setDraft({ ...draft, when_frozen: event.currentTarget.checked ? 'wait' : 'fail' })}
          />
        </div>
        {draft.standard.length === 0 ? null : (
          <p className="muted">
            Patterns that need nobody: {draft.standard.map(({ name }) => name).join(', ')}. They are written in the
            document of these settings.
          </p>
        )}
      </Section>
      {save.isError ? <ErrorNotice error={save.error} /> : null}
      <div>
        <ActButton
          needs={isReviewed ? 'POST /v1/changes' : 'PUT /v1/change-settings'}
          type="submit"
          disabled={!isDirty}
          loading={save.isPending}
        >
          {isReviewed ? 'Propose as a change' : 'Save'}
        </ActButton>
      </div>
    </form>
  );
}

function RequirementRow({
  name,
  value,
  onChange,
}: {
  readonly name: string;
  readonly value: ChangeRequirement;
  readonly onChange: (value: ChangeRequirement) => void;
}) {
  return (
    <>
      <span>{name}</span>
      <NumberInput
        aria-label={`People for ${name}`}
        min={1}
        max={10}
        value={value.people}
        onChange={(next) => onChange({ ...value, people: Number(next) || 1 })}
      />
      <TagsInput
        aria-label={`Groups for ${name}`}
        value={[...value.groups]}
        onChange={(groups) => onChange({ ...value, groups })}
        acceptValueOnBlur
        placeholder={value.groups.length === 0 ? 'any' : ''}
      />
    </>
  );
}
