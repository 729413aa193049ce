import { Button, TextInput } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useBlocker, useNavigate } from '@tanstack/react-router';
import { useCallback, useMemo, useState } from 'react';
import { changeSettingsQuery } from '../../api/change-queries.ts';
import { capabilitiesQuery, roleQuery } from '../../api/queries.ts';
import type { Capability, GuardDocument, Role } from '../../api/types.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { ErrorNotice } from '../../ui/Notice.tsx';
import { Section } from '../../ui/Page.tsx';
import { CapabilityList } from './CapabilityList.tsx';
import { DraftRadius } from './DraftRadius.tsx';
import { type GuardsDraft, GuardsField } from './GuardsField.tsx';
import { parseGuards, writeGuards } from './guards-text.ts';
import { PreviewPanel } from './PreviewPanel.tsx';
import { ProposeDialog } from './ProposeDialog.tsx';
import { PublishDialog } from './PublishDialog.tsx';
import { inOrder } from './role-file.ts';
import classes from './roles.module.css';
import { useDraftCheck } from './use-draft-check.ts';

interface Draft {
  readonly name: string;
  readonly description: string;
  readonly allow: readonly string[];
  readonly guards: GuardsDraft;
}

function draftOf(base: Role | undefined): Draft {
  return {
    name: base?.name ?? '',
    description: base?.description ?? '',
    allow: [...(base?.allow ?? [])].sort(),
    guards: { text: writeGuards((base?.document.guards ?? []).map(inOrder), 'yaml'), format: 'yaml' },
  };
}

const HEAD = { apiVersion: 'policy.hivekey.ai/v1', kind: 'Role' } as const;

/** The draft of a role beside what publishing it would do. Without a `base` it is a new role. */
export function RoleEditor({
  base: current,
  find,
}: {
  readonly base: Role | undefined;
  readonly find?: string | undefined;
}) {
  // The revision that the draft was made from; a newer one at the server is not slipped under it.
  const [base, setBase] = useState(current);
  const [draft, setDraft] = useState(() => draftOf(current));
  const [acting, setActing] = useState<'publish' | 'propose'>();
  const queryClient = useQueryClient();
  const navigate = useNavigate();
  const { data: known, error: capabilitiesError, refetch } = useQuery(capabilitiesQuery);
  const { check, error, isCurrent, retry } = useDraftCheck(base?.name, draft.allow, draft.guards);

  const published = useMemo(() => new Set(base?.allow), [base]);
  const granted = useMemo(() => new Set(draft.allow), [draft.allow]);
  const capabilities = useMemo(() => withUnknown(known ?? [], [...published, ...granted]), [known, published, granted]);
  const original = useMemo(() => draftOf(base), [base]);
  const parsed = parseGuards(draft.guards.text, draft.guards.format);
  const isDirty =
    draft.name !== original.name ||
    draft.description !== original.description ||
    draft.allow.join() !== original.allow.join() ||
    !parsed.ok ||
    JSON.stringify(parsed.guards) !== JSON.stringify((base?.document.guards ?? []).map(inOrder));
  const isBehind = base !== undefined && current !== undefined && current.revision !== base.revision;

  const toggle = useCallback((capability: string, grant: boolean) => {
    setDraft((old) => ({
      ...old,
      allow: grant ? [...old.allow, capability].sort() : old.allow.filter((each) => each !== capability),
    }));
  }, []);

  const document = parsed.ok
    ? {
        ...HEAD,
        metadata: {
          name: draft.name.trim(),
          ...(draft.description.trim() === '' ? {} : { description: draft.description.trim() }),
        },
        scope: { allow: draft.allow },
        guards: parsed.guards,
      }
    : undefined;
  function takeOver(role: Role): void {
    setActing(undefined);
    setBase(role);
    setDraft(draftOf(role));
    queryClient.setQueryData(roleQuery(role.name).queryKey, role);
    if (base === undefined) void navigate({ to: '/roles/$role', params: { role: role.name }, ignoreBlocker: true });
  }
  useBlocker({
    shouldBlockFn: ({ current: from, next }) =>
      from.pathname !== next.pathname && isDirty && !window.confirm('Leave and lose the draft of this role?'),
    enableBeforeUnload: () => isDirty,
    disabled: !isDirty,
  });
  // Where roles are reviewed, nobody publishes one directly.
  const { data: control } = useQuery(changeSettingsQuery);
  const isReviewed = control?.mode === 'reviewed' && (control.types === null || control.types.includes('role'));
  function discard(): void {
    setBase(current);
    setDraft(draftOf(current));
  }

  const problems = check?.problems ?? [];
  const canPublish =
    isDirty && parsed.ok && isCurrent && error === null && problems.length === 0 && draft.name.trim() !== '';
  const added = draft.allow.filter((each) => !published.has(each));
  const removed = [...published].filter((each) => !granted.has(each));
  const action = draft.allow[0] ?? '*';
  const rulesAfter = parsed.ok ? writeGuards(parsed.guards as readonly GuardDocument[], 'yaml') : draft.guards.text;
  return (
    <div className={classes.editor}>
      <div className={classes.editorMain}>
        {isBehind ? (
          <p className={classes.behind} role="status">
            Revision {current.revision} was published by {current.author} after this draft was begun from revision{' '}
            {base.revision}.{' '}
            <Button variant="default" size="compact-xs" onClick={discard}>
              Take revision {current.revision} and discard the draft
            </Button>
          </p>
        ) : null}
        <div className={classes.head}>
          {base === undefined ? (
            <TextInput
              label="Name"
              placeholder="support-agent"
              withAsterisk
              spellCheck={false}
              autoComplete="off"
              value={draft.name}
              onChange={(event) => setDraft({ ...draft, name: event.currentTarget.value })}
              w={240}
            />
          ) : null}
          <TextInput
            label="Description"
            value={draft.description}
            maxLength={500}
            onChange={(event) => setDraft({ ...draft, description: event.currentTarget.value })}
            style={{ flex: 1 }}
          />
        </div>
        <Section title="Scope: what it may use">
          {capabilitiesError === null ? (
            <CapabilityList
              capabilities={capabilities}
              granted={granted}
              published={published}
              onToggle={toggle}
              find={find}
            />
          ) : (
            <ErrorNotice error={capabilitiesError} retry={() => void refetch()} />
          )}
        </Section>
        <Section title="Guards: under which conditions">
          <GuardsField
            draft={draft.guards}
            onChange={(guards) => setDraft({ ...draft, guards })}
            sentences={isCurrent ? check?.sentences : undefined}
            problems={parsed.ok || problems.length > 0 ? problems : [parsed.problem]}
            action={action}
          />
        </Section>
      </div>
      <aside className={classes.aside} aria-label="Draft">
        <PreviewPanel
          isDirty={isDirty || base === undefined}
          isNew={base === undefined}
          agents={base?.agents ?? 0}
          added={added}
          removed={removed}
          check={check}
          isCurrent={isCurrent}
          error={error}
          retry={retry}
        >
          {base === undefined ? null : <DraftRadius role={base.name} document={isDirty ? document : base.document} />}
        </PreviewPanel>
        <div className={classes.publish}>
          <Button variant="default" disabled={!isDirty} onClick={discard}>
            Discard
          </Button>
          <ActButton
            needs="POST /v1/changes"
            variant={isReviewed ? 'filled' : 'default'}
            disabled={!canPublish}
            onClick={() => setActing('propose')}
          >
            Propose…
          </ActButton>
          {isReviewed ? null : (
            <ActButton needs="PUT /v1/roles/:name" disabled={!canPublish} onClick={() => setActing('publish')}>
              {base === undefined ? 'Create role…' : 'Publish…'}
            </ActButton>
          )}
        </div>
      </aside>
      {acting === 'propose' && document !== undefined ? (
        <ProposeDialog base={base} name={draft.name.trim()} document={document} onClose={() => setActing(undefined)} />
      ) : null}
      {acting === 'publish' && document !== undefined ? (
        <PublishDialog
          base={base}
          name={draft.name.trim()}
          document={document}
          added={added}
          removed={removed}
          rules={{ before: original.guards.text, after: rulesAfter }}
          onPublished={takeOver}
          onClose={() => setActing(undefined)}
        />
      ) : null}
    </div>
  );
}

/** A grant of something that does not exist (yet) must still be seen and be removable. */
function withUnknown(known: readonly Capability[], named: readonly string[]): readonly Capability[] {
  const names = new Set(known.map(({ name }) => name));
  const unknown = [...new Set(named)].filter((name) => !names.has(name));
  return [
    ...known,
    ...unknown.map(
      (name): Capability => ({
        object: 'capability',
        name,
        description: 'Not known here: it grants nothing until it is declared or its server registered.',
        access: 'write',
        destructive: false,
        impact: {},
        input_schema: null,
        source: 'declared',
        roles: [],
        stopped: false,
      }),
    ),
  ];
}
