import { Button, TextInput } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useBlocker, useNavigate } from '@tanstack/react-router';
import { useCallback, useMemo, useState } from 'react';
import { changeSettingsQuery } from '../../api/change-queries.ts';
import type { Change } from '../../api/change-types.ts';
import { at, send } from '../../api/client.ts';
import { ApiError } from '../../api/problem.ts';
import { capabilitiesQuery, roleQuery } from '../../api/queries.ts';
import type { Capability, GuardDocument, Role } from '../../api/types.ts';
import { useWrite } from '../../app/write.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { Confirm } from '../../ui/Confirm.tsx';
import { Diff } from '../../ui/Diff.tsx';
import { plural } from '../../ui/format.ts';
import { ErrorNotice } from '../../ui/Notice.tsx';
import { Section } from '../../ui/Page.tsx';
import { CapabilityList } from './CapabilityList.tsx';
import { DraftRadius } from './DraftRadius.tsx';
import { type GuardsDraft, GuardsField } from './GuardsField.tsx';
import { parseGuards, writeGuards } from './guards-text.ts';
import { PreviewPanel } from './PreviewPanel.tsx';
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
  const [publishing, setPublishing] = useState(false);
  const [proposing, setProposing] = useState(false);
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

  async function refuseOutdated(): Promise<void> {
    if (base === undefined) return;
    const newest = await queryClient.fetchQuery({ ...roleQuery(base.name), staleTime: 0 });
    if (newest.revision !== base.revision) throw publishedMeanwhile(newest);
  }
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
  const publish = useWrite({
    write: async (): Promise<Role> => {
      if (!parsed.ok) throw new Error('The rules cannot be read.');
      const { description, allow } = draft;
      if (base === undefined) return send<Role>('POST', '/v1/roles', document);
      await refuseOutdated();
      return send<Role>('PATCH', at`/v1/roles/${base.name}`, {
        scope: { allow },
        guards: parsed.guards,
        ...(description === base.description ? {} : { description: description.trim() }),
      });
    },
    changes: ['roles', 'agents', 'capabilities', 'workspace'],
    done: ({ name, revision, agents }) =>
      `${name} rev ${revision} binds ${plural(agents, 'agent')} on the next action.`,
    onDone: (role) => {
      setPublishing(false);
      setBase(role);
      setDraft(draftOf(role));
      queryClient.setQueryData(roleQuery(role.name).queryKey, role);
      if (base === undefined) void navigate({ to: '/roles/$role', params: { role: role.name }, ignoreBlocker: true });
    },
  });
  useBlocker({
    shouldBlockFn: ({ current: from, next }) =>
      from.pathname !== next.pathname && isDirty && !window.confirm('Leave and lose the draft of this role?'),
    enableBeforeUnload: () => isDirty,
    disabled: !isDirty || publish.isSuccess,
  });
  // Where roles are reviewed, nobody publishes one directly.
  const { data: control } = useQuery(changeSettingsQuery);
  const isReviewed = control?.mode === 'reviewed' && (control.types === null || control.types.includes('role'));
  const propose = useWrite({
    write: async (reason: string) => {
      await refuseOutdated();
      return send<Change>('POST', '/v1/changes', {
        title: base === undefined ? `New role ${draft.name.trim()}` : `Change of role ${base.name}`,
        justification: reason,
        operations: [{ type: 'role', id: draft.name.trim(), document }],
      });
    },
    changes: ['changes'],
    done: ({ name }) => `${name} is drafted; submit it for review.`,
    onDone: ({ name }) => void navigate({ to: '/changes/$change', params: { change: name }, ignoreBlocker: true }),
  });
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
  const rulesBefore = original.guards.text;
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
            onClick={() => {
              propose.reset();
              setProposing(true);
            }}
          >
            Propose…
          </ActButton>
          {isReviewed ? null : (
            <ActButton
              needs="PUT /v1/roles/:name"
              disabled={!canPublish}
              onClick={() => {
                publish.reset();
                setPublishing(true);
              }}
            >
              {base === undefined ? 'Create role…' : 'Publish…'}
            </ActButton>
          )}
        </div>
      </aside>
      {proposing ? (
        <Confirm
          title={base === undefined ? `Propose the role ${draft.name}` : `Propose a change of ${base.name}`}
          action="Draft the change"
          withReason
          pending={propose.isPending}
          error={propose.error}
          onConfirm={propose.mutate}
          onClose={() => setProposing(false)}
        >
          Others see what it would do before it takes effect. Until then nothing changes.
        </Confirm>
      ) : null}
      {publishing ? (
        <Confirm
          title={base === undefined ? `Create ${draft.name}` : `Publish ${base.name} rev ${base.revision + 1}`}
          action={base === undefined ? 'Create role' : 'Publish'}
          pending={publish.isPending}
          error={publish.error}
          onConfirm={() => publish.mutate(undefined)}
          onClose={() => setPublishing(false)}
        >
          <p>
            {base === undefined
              ? 'No agent wears it yet.'
              : `It binds ${plural(base.agents, 'agent')} on the next action, without a restart.`}
          </p>
          <Changes title="Granted" names={added} sign="+" />
          <Changes title="Removed" names={removed} sign="−" />
          {rulesBefore === rulesAfter ? null : (
            <>
              <h3 style={{ margin: '10px 0 4px' }}>Rules</h3>
              <Diff label="Changes of the rules" before={rulesBefore} after={rulesAfter} />
            </>
          )}
        </Confirm>
      ) : null}
    </div>
  );
}

function Changes({
  title,
  names,
  sign,
}: {
  readonly title: string;
  readonly names: readonly string[];
  readonly sign: string;
}) {
  if (names.length === 0) return null;
  return (
    <>
      <h3 style={{ marginTop: 10 }}>{title}</h3>
      <ul className={classes.changes}>
        {names.map((name) => (
          <li key={name} className="mono">
            {sign} {name}
          </li>
        ))}
      </ul>
    </>
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

function publishedMeanwhile({ revision, author }: Role): ApiError {
  return new ApiError({
    status: 409,
    code: 'draft_outdated',
    cause: `Revision ${revision} was published by ${author} after this draft was begun.`,
    remedy: 'Take that revision first, then make your change again.',
  });
}
