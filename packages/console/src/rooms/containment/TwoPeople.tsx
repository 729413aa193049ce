import { Checkbox, NumberInput, Skeleton } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { send } from '../../api/client.ts';
import { containmentSettingsQuery } from '../../api/queries.ts';
import type { ContainmentProposal, ContainmentScope, ContainmentSettings } from '../../api/types.ts';
import { notifyDone } from '../../app/notify.ts';
import { useWrite } from '../../app/write.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { actorWords } from '../../ui/format.ts';
import { ErrorNotice } from '../../ui/Notice.tsx';
import { Panel, Section } from '../../ui/Page.tsx';
import { Time } from '../../ui/Time.tsx';
import { Proposals } from './Proposals.tsx';

const SCOPES: readonly { readonly value: ContainmentScope; readonly label: string }[] = [
  { value: 'agent', label: 'an agent' },
  { value: 'role', label: 'a role' },
  { value: 'owner', label: 'an owner' },
  { value: 'tool', label: 'a tool' },
  { value: 'workspace', label: 'the workspace' },
];

/** Which stops take two people to give and to lift. */
export function TwoPeople() {
  const { data, error, refetch } = useQuery(containmentSettingsQuery);
  if (error !== null) return <ErrorNotice error={error} retry={() => void refetch()} />;
  if (data === undefined) return <Skeleton height={260} aria-label="Loading" />;
  return (
    <>
      <Proposals />
      <Section title="Two people">
        <Editor key={JSON.stringify(data)} settings={data} />
      </Section>
    </>
  );
}

function Editor({ settings }: { readonly settings: ContainmentSettings }) {
  const { two_people, author, updated_at } = settings;
  const [kill, setKill] = useState<readonly string[]>(two_people.kill);
  const [lift, setLift] = useState<readonly string[]>(two_people.lift);
  const [minutes, setMinutes] = useState<number | string>(settings.answer_minutes);
  const [target, setTarget] = useState<number | string>(settings.target_ms);
  const takesTwo = two_people.kill.length + two_people.lift.length > 0;
  const isReady = typeof minutes === 'number' && typeof target === 'number';
  const isSame =
    isEqual(kill, two_people.kill) &&
    isEqual(lift, two_people.lift) &&
    minutes === settings.answer_minutes &&
    target === settings.target_ms;
  const save = useWrite({
    write: () =>
      send<ContainmentSettings | ContainmentProposal>('PUT', '/v1/containment-settings', {
        two_people: { kill, lift },
        answer_minutes: minutes,
        target_ms: target,
      }),
    changes: ['containments'],
    onDone: (answer) =>
      notifyDone(
        answer.object === 'containment_proposal'
          ? 'Proposed. It counts once a second person confirms.'
          : 'Saved; it counts from the next order on.',
      ),
  });
  return (
    <Panel>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          if (isReady && !save.isPending) save.mutate(undefined);
        }}
      >
        <p className="muted">
          One person proposes, another confirms. What is not chosen takes one. Quarantine and suspending an agent always
          take one, so that nothing has to wait for a second.{' '}
          {takesTwo ? 'Changing this takes two people as well.' : ''}
        </p>
        <Scopes label="To stop" value={kill} onChange={setKill} />
        <Scopes label="To lift and to restore" value={lift} onChange={setLift} />
        <div className="row-wrap" style={{ alignItems: 'flex-end' }}>
          <NumberInput
            label="A proposal waits, in minutes"
            min={1}
            max={1_440}
            allowDecimal={false}
            value={minutes}
            onChange={setMinutes}
          />
          <NumberInput
            label="A drill passes within, in ms"
            min={1}
            max={600_000}
            allowDecimal={false}
            value={target}
            onChange={setTarget}
          />
        </div>
        {save.isError ? <ErrorNotice error={save.error} /> : null}
        <div className="row-wrap">
          <ActButton
            needs="PUT /v1/containment-settings"
            type="submit"
            disabled={!isReady || isSame}
            loading={save.isPending}
          >
            {takesTwo ? 'Propose' : 'Save'}
          </ActButton>
          {updated_at === null ? null : (
            <span className="muted">
              changed <Time value={updated_at} /> by {actorWords(author ?? '')}
            </span>
          )}
        </div>
      </form>
    </Panel>
  );
}

function Scopes({
  label,
  value,
  onChange,
}: {
  readonly label: string;
  readonly value: readonly string[];
  readonly onChange: (value: readonly string[]) => void;
}) {
  return (
    <Checkbox.Group label={label} value={[...value]} onChange={onChange}>
      <div className="row-wrap" style={{ gap: 16 }}>
        {SCOPES.map((each) => (
          <Checkbox key={each.value} {...each} />
        ))}
      </div>
    </Checkbox.Group>
  );
}

function isEqual(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((each) => b.includes(each));
}
