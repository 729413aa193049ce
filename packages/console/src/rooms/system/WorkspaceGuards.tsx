import { Button, Skeleton } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { send } from '../../api/client.ts';
import { workspaceGuardsQuery } from '../../api/queries.ts';
import type { Guard, GuardDocument } from '../../api/types.ts';
import { useWrite } from '../../app/write.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { Confirm } from '../../ui/Confirm.tsx';
import { Diff } from '../../ui/Diff.tsx';
import { ErrorNotice } from '../../ui/Notice.tsx';
import { GuardsField } from '../roles/GuardsField.tsx';
import { checkGuards, parseGuards, writeGuards } from '../roles/guards-text.ts';
import { inOrder } from '../roles/role-file.ts';
import classes from './system.module.css';

const TYPING_MS = 250;

export function WorkspaceGuards() {
  const { data, error, refetch } = useQuery(workspaceGuardsQuery);
  if (error !== null) return <ErrorNotice error={error} retry={() => void refetch()} />;
  if (data === undefined) return <Skeleton height={260} aria-label="Loading" />;
  return <Editor key={JSON.stringify(data.guards)} guards={data.guards} />;
}

function documentOf({ id, action, when, effect, otherwise, approval, mode }: Guard): GuardDocument {
  return inOrder({
    id,
    action,
    when,
    effect,
    otherwise,
    ...(approval === null ? {} : { approval }),
    ...(mode === 'shadow' ? { mode } : {}),
  });
}

function Editor({ guards }: { readonly guards: readonly Guard[] }) {
  const [original] = useState(() => ({ text: writeGuards(guards.map(documentOf), 'yaml'), format: 'yaml' as const }));
  const [draft, setDraft] = useState<{ text: string; format: 'yaml' | 'json' }>(original);
  const [publishing, setPublishing] = useState(false);
  const [settled] = useDebouncedValue(draft, TYPING_MS);
  const check = useQuery({
    queryKey: ['workspace', 'draft', settled],
    queryFn: () => checkGuards(settled.text, settled.format),
    placeholderData: keepPreviousData,
    retry: false,
  });
  const parsed = parseGuards(draft.text, draft.format);
  const problems = check.data?.problems ?? [];
  const isDirty = !parsed.ok || JSON.stringify(parsed.guards) !== JSON.stringify(guards.map(documentOf));
  const isChecked = settled === draft && !check.isPlaceholderData && check.data !== undefined;
  const publish = useWrite({
    write: () => {
      if (!parsed.ok) throw new Error('The rules cannot be read.');
      return send<unknown>('PUT', '/v1/workspace/guards', { guards: parsed.guards });
    },
    changes: ['workspace', 'roles', 'agents'],
    done: () => 'The guards of the workspace are published; they bind every agent on its next action.',
    onDone: () => setPublishing(false),
  });
  return (
    <div className={classes.guards}>
      <p className="muted">They apply to every agent, beside the guards of its roles. The strictest verdict wins.</p>
      <GuardsField
        draft={draft}
        onChange={setDraft}
        sentences={isDirty ? (isChecked ? check.data?.sentences : undefined) : guards.map(({ sentence }) => sentence)}
        problems={parsed.ok || problems.length > 0 ? problems : [parsed.problem]}
        action="*"
      />
      {check.isError ? <ErrorNotice error={check.error} retry={() => void check.refetch()} /> : null}
      <div className="row">
        <Button variant="default" disabled={!isDirty} onClick={() => setDraft(original)}>
          Discard
        </Button>
        <ActButton
          needs="PUT /v1/workspace/guards"
          disabled={!isDirty || !parsed.ok || !isChecked || problems.length > 0}
          onClick={() => {
            publish.reset();
            setPublishing(true);
          }}
        >
          Publish…
        </ActButton>
      </div>
      {publishing ? (
        <Confirm
          title="Publish the guards of the workspace"
          action="Publish"
          pending={publish.isPending}
          error={publish.error}
          onConfirm={() => publish.mutate(undefined)}
          onClose={() => setPublishing(false)}
        >
          <p style={{ marginBottom: 10 }}>They bind every agent on its next action.</p>
          <Diff
            label="Changes of the guards"
            before={original.text}
            after={parsed.ok ? writeGuards(parsed.guards as readonly GuardDocument[], 'yaml') : draft.text}
          />
        </Confirm>
      ) : null}
    </div>
  );
}
