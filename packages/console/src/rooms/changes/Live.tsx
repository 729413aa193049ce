import { Skeleton } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { driftQuery, policyCodeQuery } from '../../api/change-queries.ts';
import type { Drift, DriftFinding, PolicyCode } from '../../api/change-types.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { AnswerDialog } from '../../ui/AnswerDialog.tsx';
import { DataTable } from '../../ui/DataTable.tsx';
import { count, plural } from '../../ui/format.ts';
import { Empty, ErrorNotice } from '../../ui/Notice.tsx';
import { Facts, Section } from '../../ui/Page.tsx';
import { Moment, Time } from '../../ui/Time.tsx';
import { Mark } from '../../ui/Verdict.tsx';
import { objectWords } from './words.ts';

/** Whether what is enforced is what was approved, and whether it is what the files in Git say. */
export function Live() {
  return (
    <div className="stack">
      <Section title="What is enforced against what was approved">
        <DriftView />
      </Section>
      <Section title="Against the files in Git">
        <Git />
      </Section>
    </div>
  );
}

const HOLDS: Readonly<Record<DriftFinding['holds'], string>> = {
  approved: 'what was approved goes on being enforced',
  denied: 'what it is about is refused',
  gate: 'it is read from the approved version',
  told: 'nothing beside this alert',
};

function DriftView() {
  const { data, error, refetch } = useQuery(driftQuery);
  const [restoring, setRestoring] = useState(false);
  if (error !== null) return <ErrorNotice error={error} retry={() => void refetch()} />;
  if (data === undefined) return <Skeleton height={120} aria-label="Loading" />;
  return (
    <div className="stack-tight">
      <Checked drift={data} />
      {data.found.length === 0 ? null : (
        <>
          <Findings label="Edited past HiveKey" rows={data.found} />
          <div>
            <ActButton needs="POST /v1/drift/restore" onClick={() => setRestoring(true)}>
              Put back what was approved…
            </ActButton>
          </div>
        </>
      )}
      {data.resolved.length === 0 ? null : (
        <details>
          <summary>{plural(data.resolved.length, 'finding')} that were put right</summary>
          <Findings label="Findings that were put right" rows={data.resolved} />
        </details>
      )}
      {restoring ? (
        <AnswerDialog
          words={{
            action: 'Put back',
            danger: true,
            text: 'Every object that differs gets the document of its newest approved version again, and the policy is published.',
            done: 'is what was approved again.',
          }}
          about="what is enforced"
          to="/v1/drift/restore"
          changes={['changes', 'roles', 'agents', 'workspace']}
          withReason="required"
          onClose={() => setRestoring(false)}
        />
      ) : null}
    </div>
  );
}

function Checked({ drift: { checked_at, objects, found } }: { readonly drift: Drift }) {
  if (checked_at === null) return <p className="muted">No node has compared them yet.</p>;
  return (
    <p className="row-wrap">
      <Mark tone={found.length === 0 ? 'allow' : 'deny'}>
        {found.length === 0 ? 'no difference' : `${count(found.length)} edited past HiveKey`}
      </Mark>
      <span className="muted">
        {plural(objects, 'object')} compared <Time value={checked_at} />
      </span>
    </p>
  );
}

function Findings({ label, rows }: { readonly label: string; readonly rows: readonly DriftFinding[] }) {
  return (
    <DataTable
      label={label}
      rows={rows}
      rowKey={({ id }) => id}
      columns={[
        {
          key: 'object',
          header: 'Object',
          cell: ({ object_type, object_id }) => objectWords({ type: object_type, id: object_id }),
        },
        { key: 'holds', header: 'What holds', cell: ({ holds }) => HOLDS[holds] },
        {
          key: 'found',
          header: 'Found',
          width: '130px',
          cell: ({ found_at, event_id }) => (
            <Link to="/log" search={{ event: event_id }}>
              <Time value={found_at} />
            </Link>
          ),
        },
      ]}
    />
  );
}

const STATES: Readonly<Record<PolicyCode['objects'][number]['state'], string>> = {
  same: 'as in Git',
  changed_here: 'changed here',
  removed_here: 'removed here',
  not_in_git: 'not in Git',
};

function Git() {
  const { data, error, refetch } = useQuery(policyCodeQuery);
  if (error !== null) return <ErrorNotice error={error} retry={() => void refetch()} />;
  if (data === undefined) return <Skeleton height={120} aria-label="Loading" />;
  if (data.commit === null)
    return (
      <Empty title="Nothing was applied from files yet" command="npx hivekey plan policy/">
        Roles, guards and the rest can live in a folder in Git: a plan becomes a change, and the commit stays with it.
      </Empty>
    );
  const differing = data.objects.filter(({ state }) => state !== 'same');
  return (
    <div className="stack-tight">
      <Facts
        facts={[
          ['Commit', `${data.commit.slice(0, 12)} of ${data.repository ?? ''}`],
          ['By', data.author],
          ['Signature', data.signature?.status],
          ['Applied', data.applied_at === null ? null : <Moment key="at" value={data.applied_at} />],
          [
            'Change',
            data.change === null ? null : (
              <Link key="change" to="/changes/$change" params={{ change: data.change }}>
                {data.change}
              </Link>
            ),
          ],
        ]}
      />
      <p>
        <Mark tone={data.drifted ? 'review' : 'allow'}>
          {data.drifted ? `${count(differing.length)} differ from Git` : 'as in Git'}
        </Mark>
      </p>
      {differing.length === 0 ? null : (
        <DataTable
          label="Objects that differ from Git"
          rows={differing}
          rowKey={({ type, id }) => `${type} ${id}`}
          columns={[
            { key: 'object', header: 'Object', cell: ({ type, name }) => objectWords({ type, id: name }) },
            { key: 'state', header: 'State', width: '160px', cell: ({ state }) => STATES[state] },
          ]}
        />
      )}
    </div>
  );
}
