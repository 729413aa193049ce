import { Button, SegmentedControl, Skeleton } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { send } from '../../api/client.ts';
import { asApiError } from '../../api/problem.ts';
import { serversQuery, sourcesQuery } from '../../api/queries.ts';
import type { McpServer, Sources as SourcesView } from '../../api/types.ts';
import { useWrite } from '../../app/write.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { CodeField } from '../../ui/CodeField.tsx';
import { Confirm } from '../../ui/Confirm.tsx';
import { type Column, DataTable, TwoLines } from '../../ui/DataTable.tsx';
import { Diff } from '../../ui/Diff.tsx';
import { actorWords } from '../../ui/format.ts';
import { ErrorNotice } from '../../ui/Notice.tsx';
import { Section } from '../../ui/Page.tsx';
import { Time } from '../../ui/Time.tsx';
import {
  documentOf,
  exceptionsOf,
  type Mark,
  markOf,
  patternOf,
  readSources,
  withMark,
  writeSources,
} from './sources-file.ts';

const MARKS: readonly { readonly value: Mark; readonly label: string }[] = [
  { value: 'trusted', label: 'Trusted' },
  { value: 'unmarked', label: 'Not marked' },
  { value: 'untrusted', label: 'Untrusted' },
];

/** Whose content is trusted: what follows a read of any other is untrusted for the rest of the session. */
export function Sources() {
  const { data, error, refetch } = useQuery(sourcesQuery);
  if (error !== null) return <ErrorNotice error={error} retry={() => void refetch()} />;
  if (data === undefined) return <Skeleton height={320} aria-label="Loading" />;
  // Of another revision: begins anew.
  return <Editor key={data.revision} sources={data} />;
}

function Editor({ sources }: { readonly sources: SourcesView }) {
  const original = writeSources(documentOf(sources));
  const [text, setText] = useState(original);
  const [saving, setSaving] = useState(false);
  const servers = useQuery(serversQuery);
  const draft = readSources(text);
  const save = useWrite({
    // As text, so that what is wrong has its line.
    write: () => send<SourcesView>('PUT', '/v1/workspace/sources', text),
    changes: ['sources', 'workspace'],
    done: () => 'The marks count from the next action on.',
    onDone: () => setSaving(false),
  });
  const change = (next: string) => {
    setText(next);
    if (!save.isIdle) save.reset();
  };
  const columns: readonly Column<McpServer>[] = [
    {
      key: 'server',
      header: 'Server',
      cell: ({ namespace }) => (
        <TwoLines
          first={
            <Link to="/servers/$server" params={{ server: namespace }}>
              {namespace}
            </Link>
          }
          second={draft === undefined ? undefined : exceptionsOf(draft, namespace).join(', ')}
        />
      ),
    },
    {
      key: 'mark',
      header: 'What it gives is',
      width: '320px',
      cell: ({ namespace }) => {
        const pattern = patternOf(namespace);
        return (
          <SegmentedControl
            size="xs"
            aria-label={`Content of ${namespace}`}
            data={[...MARKS]}
            disabled={draft === undefined}
            value={draft === undefined ? 'unmarked' : markOf(draft, pattern)}
            onChange={(next) => {
              const mark = MARKS.find(({ value }) => value === next)?.value;
              if (draft !== undefined && mark !== undefined) change(writeSources(withMark(draft, pattern, mark)));
            }}
          />
        );
      },
    },
  ];
  return (
    <>
      <Section title="Marks of servers">
        <p className="muted">
          Once a session has read from a source that is not trusted, all that follows in it is untrusted; guards on
          provenance decide what that changes. What is not marked counts as {draft?.unmarked ?? sources.unmarked}.
        </p>
        <DataTable
          label="Marks of servers"
          columns={columns}
          rows={servers.data}
          rowKey={({ id }) => id}
          empty={
            <p className="muted">
              No MCP server is registered; capabilities of agents’ own are marked in the document below.
            </p>
          }
        />
      </Section>
      <Section
        title="Document"
        aside={
          sources.updated_at === null ? null : (
            <span className="muted">
              revision {sources.revision} by {actorWords(sources.author ?? '')}, <Time value={sources.updated_at} />
            </span>
          )
        }
      >
        <CodeField
          label="Sources"
          description="Capabilities by name or pattern, such as mail.* or crm.read."
          value={text}
          onChange={change}
          problems={save.isError ? asApiError(save.error).problems : []}
          rows={Math.min(24, Math.max(8, text.split('\n').length + 1))}
        />
        {save.isError && !saving ? <ErrorNotice error={save.error} /> : null}
        <div className="row">
          <Button variant="default" disabled={text === original} onClick={() => change(original)}>
            Discard
          </Button>
          <ActButton
            needs="PUT /v1/workspace/sources"
            disabled={text === original}
            onClick={() => {
              save.reset();
              setSaving(true);
            }}
          >
            Save…
          </ActButton>
        </div>
      </Section>
      {saving ? (
        <Confirm
          title="Save the marks"
          action="Save"
          pending={save.isPending}
          error={save.error}
          onConfirm={() => save.mutate(undefined)}
          onClose={() => setSaving(false)}
        >
          <p style={{ marginBottom: 10 }}>They bind every agent on its next action.</p>
          <Diff label="Changes of the sources" before={original} after={text} />
        </Confirm>
      ) : null}
    </>
  );
}
