import { Modal, MultiSelect, NumberInput, SegmentedControl, Select, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { at, send } from '../../api/client.ts';
import { rolesQuery } from '../../api/queries.ts';
import type { Breaker } from '../../api/types.ts';
import { useWrite } from '../../app/write.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { ErrorNotice } from '../../ui/Notice.tsx';
import { RolePicker } from '../../ui/Pickers.tsx';
import { type BreakerDocument, type Draft, documentOf, draftOf, EMPTY, isPart } from './breaker-file.ts';
import classes from './breakers.module.css';
import { responseWords, tripWords } from './words.ts';

const SIGNALS: readonly { readonly value: Breaker['signal']; readonly label: string }[] = [
  { value: 'denials', label: 'Denials: the part of calls that is refused' },
  { value: 'errors', label: 'Errors: the part of finished calls that fails' },
  { value: 'probes', label: 'Probes: calls of tools it does not have' },
  { value: 'spend', label: 'Spend: what its allowed calls reserve' },
];

/** Limits that are usual, in the unit of the field. */
const USUAL: Readonly<Record<Breaker['signal'], number>> = { denials: 50, errors: 50, probes: 5, spend: 100_000 };

export function BreakerForm({
  breaker,
  onClose,
  onDone,
}: {
  /** The one that is changed; undefined: a new one. */
  readonly breaker: Breaker | undefined;
  readonly onClose: () => void;
  readonly onDone: (breaker: Breaker) => void;
}) {
  const [draft, setDraft] = useState<Draft>(() => (breaker === undefined ? EMPTY : draftOf(breaker)));
  const { data: roles = [] } = useQuery(rolesQuery);
  const set = (part: Partial<Draft>) => setDraft((old) => ({ ...old, ...part }));
  const { name, signal, action, exit } = draft;
  const document = documentOf(draft);
  const isReady = name.trim() !== '' && document !== undefined;
  const write = useWrite({
    write: (body: BreakerDocument) => send<Breaker>('PUT', at`/v1/breakers/${name.trim()}`, body),
    changes: ['breakers'],
    done: (made) => `The breaker ${made.name} watches.`,
    onDone,
  });
  return (
    <Modal
      opened
      onClose={onClose}
      title={breaker === undefined ? 'New breaker' : `Edit ${breaker.name}`}
      size={560}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          if (document !== undefined && isReady && !write.isPending) write.mutate(document);
        }}
      >
        {breaker === undefined ? (
          <TextInput
            label="Name"
            placeholder="probing"
            withAsterisk
            data-autofocus
            autoComplete="off"
            spellCheck={false}
            value={name}
            onChange={(event) => set({ name: event.currentTarget.value })}
          />
        ) : null}
        <Select
          label="Counts"
          allowDeselect={false}
          data={[...SIGNALS]}
          value={signal}
          onChange={(next) => {
            const chosen = SIGNALS.find(({ value }) => value === next)?.value ?? signal;
            set({ signal: chosen, limit: USUAL[chosen] });
          }}
        />
        <div className={classes.pair}>
          <NumberInput
            label={
              isPart(signal) ? 'Limit, in percent' : signal === 'probes' ? 'Limit, in calls' : 'Limit, in minor units'
            }
            withAsterisk
            min={isPart(signal) ? 0.01 : 1}
            {...(isPart(signal) ? { max: 100, decimalScale: 2 } : { allowDecimal: false })}
            value={draft.limit}
            onChange={(limit) => set({ limit })}
          />
          <NumberInput
            label="Within, in minutes"
            withAsterisk
            min={0.1}
            max={1_440}
            decimalScale={2}
            value={draft.windowMinutes}
            onChange={(windowMinutes) => set({ windowMinutes })}
          />
          {isPart(signal) ? (
            <NumberInput
              label="Judged from so many calls"
              withAsterisk
              min={1}
              allowDecimal={false}
              value={draft.minCalls}
              onChange={(minCalls) => set({ minCalls })}
            />
          ) : null}
          {signal === 'spend' ? (
            <TextInput
              label="Unit"
              withAsterisk
              spellCheck={false}
              value={draft.unit}
              onChange={(event) => set({ unit: event.currentTarget.value })}
            />
          ) : null}
        </div>
        <MultiSelect
          label="Watches"
          description="Agents that wear one of these roles; none chosen: every agent."
          searchable
          data={[...new Set([...roles.map((each) => each.name), ...draft.roles])]}
          limit={50}
          value={[...draft.roles]}
          onChange={(next) => set({ roles: next })}
        />
        <div className="stack-tight">
          <SegmentedControl
            aria-label="What it does"
            data={[
              { value: 'quarantine', label: 'Quarantine' },
              { value: 'kill', label: 'Kill' },
            ]}
            value={action}
            onChange={(next) => set({ action: next === 'kill' ? 'kill' : 'quarantine' })}
          />
          {action === 'kill' ? (
            <p className="muted">Its tokens die. A person restores it, and mints new ones.</p>
          ) : null}
        </div>
        {action === 'quarantine' ? (
          <>
            <RolePicker
              label="No more than this role grants"
              placeholder="Its own reads"
              clearable
              value={draft.role}
              onChange={(role) => set({ role })}
            />
            <div className={classes.pair}>
              <Select
                label="Way out"
                allowDeselect={false}
                data={[
                  { value: 'reviewed', label: 'A person releases it' },
                  { value: 'automatic', label: 'On trial after a while' },
                ]}
                value={exit}
                onChange={(next) => set({ exit: next === 'automatic' ? 'automatic' : 'reviewed' })}
              />
              {exit === 'automatic' ? (
                <NumberInput
                  label="After, in minutes"
                  withAsterisk
                  min={0.1}
                  decimalScale={2}
                  value={draft.cooldownMinutes}
                  onChange={(cooldownMinutes) => set({ cooldownMinutes })}
                />
              ) : null}
            </div>
          </>
        ) : null}
        <NumberInput
          label="Good calls that end the trial"
          description="On trial, one bad call trips it again."
          min={1}
          allowDecimal={false}
          value={draft.trialCalls}
          onChange={(trialCalls) => set({ trialCalls })}
        />
        {document === undefined ? null : (
          <p data-testid="breaker-sentence">
            Trips when {tripWords(document)}; then {responseWords(document)}.
          </p>
        )}
        {write.isError ? <ErrorNotice error={write.error} /> : null}
        <ActButton needs="PUT /v1/breakers/:name" type="submit" disabled={!isReady} loading={write.isPending}>
          {breaker === undefined ? 'Set breaker' : 'Save'}
        </ActButton>
      </form>
    </Modal>
  );
}
