import type { ReviewPolicy } from '@hivekey/sdk';
import { Button, Modal, NumberInput, Select, Switch, Textarea } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { send } from '../../api/client.ts';
import { reviewPolicyQuery } from '../../api/review-queries.ts';
import { useWrite } from '../../app/write.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { plural } from '../../ui/format.ts';
import { ErrorNotice } from '../../ui/Notice.tsx';
import { Facts, Section } from '../../ui/Page.tsx';
import { OwnerPicker, PeopleAndGroupsField } from '../../ui/Pickers.tsx';
import { Moment } from '../../ui/Time.tsx';
import classes from './reviews.module.css';
import { TYPE_WORDS } from './words.ts';

const SILENCE_WORDS = {
  suspend: 'the agent is suspended',
  revoke: 'the access is taken away',
  incomplete: 'the review stays open, and nothing else happens',
} as const;
const CYCLE_WORDS = {
  monthly: 'Each month',
  quarterly: 'Each quarter',
  half_yearly: 'Each half year',
  yearly: 'Each year',
} as const;

/** One value drives both the words an auditor reads and the clock that is measured. */
export function Policy() {
  const [isChanging, setChanging] = useState(false);
  const { data, error, refetch } = useQuery(reviewPolicyQuery);
  if (error !== null) return <ErrorNotice error={error} retry={() => void refetch()} />;
  if (data === undefined) return <p className="muted">Loading…</p>;
  const { reviewers: map, events } = data;
  const watched = [
    events.owner_moved ? 'an agent changes hands' : '',
    events.role_widened ? 'a role is widened' : '',
    events.blast_radius_up ? 'a blast radius rises by more than half' : '',
    events.unused ? 'a role is not used for 90 days' : '',
  ].filter((words) => words !== '');
  return (
    <Section
      title={data.version === 0 ? 'Nobody has set it yet' : `Version ${data.version}`}
      aside={
        <ActButton needs="PUT /v1/review-policy" variant="default" onClick={() => setChanging(true)}>
          Change
        </ActButton>
      }
    >
      <p className={classes.prose}>{data.text}</p>
      <Facts
        facts={[
          ['Answers for reviews', data.owner ?? 'nobody: none is launched by itself'],
          ['Above them', data.superior ?? 'whom the directory names'],
          [
            'By schedule',
            data.cycle === null
              ? 'never'
              : `${CYCLE_WORDS[data.cycle]}, ${plural(data.launch_days_before_end, 'day')} before it ends`,
          ],
          ['To decide', plural(data.due_days, 'day')],
          ['About', data.types.map((type) => TYPE_WORDS[type]).join(', ')],
          ['When this happens', watched.length === 0 ? 'never by event' : watched.join('; ')],
          [
            'To take effect',
            `${plural(data.remediation_days.normal, 'business day')}; of what is privileged ${data.remediation_days.privileged}`,
          ],
          ['Silence means', SILENCE_WORDS[data.silence]],
          [
            'Decided together',
            data.bulk_cap === 0 ? 'nothing' : `at most ${plural(data.bulk_cap, 'item')} of the low tier`,
          ],
          ['Looked at again', `${Math.round(data.recheck_share * 100)} % of what is kept`],
          ['Fallbacks', map.fallbacks.join(', ')],
          ['Managers', map.managers.length === 0 ? null : plural(map.managers.length, 'rule')],
          ['Role owners', map.role_owners.map(({ role, reviewer }) => `${role}: ${reviewer}`).join('; ')],
          [
            'Data owners',
            map.data_owners.map(({ capabilities, reviewer }) => `${capabilities}: ${reviewer}`).join('; '),
          ],
          ['Written', data.created_at === null ? null : <Moment key="written" value={data.created_at} />],
          ['By', data.author],
        ]}
      />
      <p className="muted">
        The reviewer map is longer than a form: set it with <code>hivekey reviews policy set FILE</code>, or over HTTP.
      </p>
      {isChanging ? <PolicyDialog policy={data} onClose={() => setChanging(false)} /> : null}
    </Section>
  );
}

function PolicyDialog({ policy, onClose }: { readonly policy: ReviewPolicy; readonly onClose: () => void }) {
  const [draft, setDraft] = useState(policy);
  const [reason, setReason] = useState('');
  const put = useWrite({
    write: () => send('PUT', '/v1/review-policy', { ...changed(draft), reason: reason.trim() }),
    changes: ['reviews'],
    done: () => 'The policy of reviews has another version',
    onDone: onClose,
  });
  const isReady = reason.trim() !== '' && draft.text.trim() !== '';
  const set = (change: Partial<ReviewPolicy>) => setDraft({ ...draft, ...change });
  const days = (value: string | number, before: number) => (typeof value === 'number' ? value : before);
  function submit(event: FormEvent): void {
    event.preventDefault();
    if (isReady && !put.isPending) put.mutate(undefined);
  }
  return (
    <Modal opened onClose={onClose} title="Policy of reviews" size={640} closeButtonProps={{ 'aria-label': 'Close' }}>
      <form className="stack" onSubmit={submit}>
        <Textarea
          label="In words"
          withAsterisk
          autosize
          minRows={3}
          value={draft.text}
          onChange={(event) => set({ text: event.currentTarget.value })}
        />
        <OwnerPicker
          label="Who answers for reviews"
          onlyKnown
          clearable
          value={draft.owner ?? undefined}
          onChange={(owner) => set({ owner: owner ?? null })}
        />
        <OwnerPicker
          label="Who reviews what nobody else may"
          onlyKnown
          clearable
          value={draft.superior ?? undefined}
          onChange={(superior) => set({ superior: superior ?? null })}
        />
        <PeopleAndGroupsField
          label="Fallbacks, in their order"
          value={draft.reviewers.fallbacks}
          onChange={(fallbacks) => set({ reviewers: { ...draft.reviewers, fallbacks } })}
        />
        <div className={classes.choices}>
          <Select
            label="By schedule"
            placeholder="Never"
            clearable
            data={Object.entries(CYCLE_WORDS).map(([value, label]) => ({ value, label }))}
            value={draft.cycle}
            onChange={(cycle) => set({ cycle: cycle as ReviewPolicy['cycle'] })}
          />
          <NumberInput
            label="Days before the end"
            min={0}
            max={90}
            value={draft.launch_days_before_end}
            onChange={(value) => set({ launch_days_before_end: days(value, draft.launch_days_before_end) })}
          />
          <NumberInput
            label="Days to decide"
            min={1}
            max={90}
            value={draft.due_days}
            onChange={(value) => set({ due_days: days(value, draft.due_days) })}
          />
          <NumberInput
            label="Business days to take effect"
            min={1}
            max={60}
            value={draft.remediation_days.normal}
            onChange={(value) =>
              set({
                remediation_days: { ...draft.remediation_days, normal: days(value, draft.remediation_days.normal) },
              })
            }
          />
          <NumberInput
            label="Of what is privileged"
            min={1}
            max={60}
            value={draft.remediation_days.privileged}
            onChange={(value) =>
              set({
                remediation_days: {
                  ...draft.remediation_days,
                  privileged: days(value, draft.remediation_days.privileged),
                },
              })
            }
          />
          <NumberInput
            label="Decided together at most"
            min={0}
            max={200}
            value={draft.bulk_cap}
            onChange={(value) => set({ bulk_cap: days(value, draft.bulk_cap) })}
          />
        </div>
        <Select
          label="Silence means"
          allowDeselect={false}
          data={Object.entries(SILENCE_WORDS).map(([value, label]) => ({ value, label }))}
          value={draft.silence}
          onChange={(silence) => set({ silence: (silence ?? 'suspend') as ReviewPolicy['silence'] })}
        />
        <Events events={draft.events} onChange={(events) => set({ events })} />
        <Textarea
          label="Reason"
          description="Goes into the log."
          withAsterisk
          autosize
          minRows={2}
          maxLength={2000}
          value={reason}
          onChange={(event) => setReason(event.currentTarget.value)}
        />
        {put.error === null ? null : <ErrorNotice error={put.error} />}
        <div className="row" style={{ justifyContent: 'flex-end' }}>
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" disabled={!isReady} loading={put.isPending}>
            Make it the policy
          </Button>
        </div>
      </form>
    </Modal>
  );
}

function Events({
  events,
  onChange,
}: {
  readonly events: ReviewPolicy['events'];
  readonly onChange: (events: ReviewPolicy['events']) => void;
}) {
  const of = (name: 'owner_moved' | 'role_widened' | 'blast_radius_up' | 'unused', label: string) => (
    <Switch
      label={label}
      checked={events[name]}
      onChange={(event) => onChange({ ...events, [name]: event.currentTarget.checked })}
    />
  );
  return (
    <fieldset className="stack-tight" style={{ border: 0, margin: 0, padding: 0 }}>
      <legend>A review of just that, when</legend>
      {of('owner_moved', 'an agent changes hands')}
      {of('role_widened', 'a role is widened')}
      {of('blast_radius_up', 'a blast radius rises by more than half')}
      {of('unused', 'a role is not used for 90 days')}
    </fieldset>
  );
}

function changed({ object: _o, version: _v, author: _a, created_at: _c, ...policy }: ReviewPolicy) {
  return policy;
}
