import { Drawer, SegmentedControl } from '@mantine/core';
import { type ReactNode, useState } from 'react';
import { at, send } from '../../api/client.ts';
import type { Access, McpDefinition } from '../../api/types.ts';
import { useWrite } from '../../app/write.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { CodeBlock, Identifier } from '../../ui/Copy.tsx';
import { Diff } from '../../ui/Diff.tsx';
import { ErrorNotice } from '../../ui/Notice.tsx';
import { Facts, Section } from '../../ui/Page.tsx';
import { StatusMark } from '../../ui/Verdict.tsx';
import { descriptionOf } from './Definitions.tsx';
import classes from './servers.module.css';

/** A definition as it was last seen, beside what was approved: what an approval is about. */
export function DefinitionDrawer({
  path,
  definition,
  next,
  onClose,
}: {
  /** Of the definitions. */
  readonly path: string;
  readonly definition: McpDefinition | undefined;
  /** Leads to the next one in the list. */
  readonly next: ReactNode;
  readonly onClose: () => void;
}) {
  return (
    <Drawer
      opened={definition !== undefined}
      onClose={onClose}
      size={680}
      title={<span className="mono">{definition?.capability ?? ''}</span>}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      {definition === undefined ? null : (
        <Content
          key={`${definition.capability} ${definition.pin} ${definition.status}`}
          path={path}
          definition={definition}
          next={next}
        />
      )}
    </Drawer>
  );
}

function Content({
  path,
  definition,
  next,
}: {
  /** Of the definitions. */
  readonly path: string;
  readonly definition: McpDefinition;
  readonly next: ReactNode;
}) {
  const { capability, pin, approved_pin, status, approved_definition, problem } = definition;
  const [access, setAccess] = useState<Access>(definition.access);
  const own = path + at`/${capability}`;
  const changes = ['servers', 'capabilities', 'roles', 'agents'] as const;
  const approve = useWrite({
    write: () => send<McpDefinition>('POST', `${own}/approve`, { pin, access }),
    changes,
    done: () => `${capability} is approved as it is pinned. Roles that grant it can use it.`,
  });
  const off = useWrite({
    write: () => send<McpDefinition>('POST', `${own}/off`, {}),
    changes,
    done: () => `${capability} is off, in every role.`,
  });
  const isChanged = approved_definition !== null && approved_pin !== pin;
  const canApprove = problem === null && status !== 'gone' && (status !== 'live' || access !== definition.access);
  return (
    <div className="stack">
      <Facts
        facts={[
          ['Status', <StatusMark key="status" status={status} />],
          ['Kind', definition.kind],
          [
            'Agents call it',
            definition.name === null ? null : (
              <span key="name" className="mono">
                {definition.name}
              </span>
            ),
          ],
          [
            'Upstream name',
            <span key="upstream" className="mono">
              {definition.upstream_name}
            </span>,
          ],
          ['Pin', <Identifier key="pin" value={pin} what="pin" />],
          [
            'Approved pin',
            approved_pin === null ? (
              'never approved'
            ) : (
              <Identifier key="approved" value={approved_pin} what="approved pin" />
            ),
          ],
        ]}
      />
      {problem === null ? null : (
        <p className={classes.lastError}>
          <strong>It cannot be published:</strong> {problem}.
        </p>
      )}
      {status === 'changed' ? (
        <p className={classes.suspended}>
          This definition changed after it was approved. It is off for every agent until somebody approves what it is
          now.
        </p>
      ) : null}
      <Section title={isChanged ? 'What changed since it was approved' : 'Description'}>
        {isChanged ? (
          <Diff
            label="Changes of the definition"
            before={JSON.stringify(approved_definition, null, 2)}
            after={JSON.stringify(definition.definition, null, 2)}
          />
        ) : (
          <p>{descriptionOf(definition) || <span className="muted">It has none.</span>}</p>
        )}
      </Section>
      <Section title="Definition as last seen">
        <CodeBlock code={JSON.stringify(definition.definition, null, 2)} what="definition" />
      </Section>
      {approve.isError || off.isError ? <ErrorNotice error={approve.error ?? off.error} /> : null}
      <div className={classes.decide}>
        {canApprove || status === 'live' ? (
          <div className="row">
            <span className="muted">It</span>
            <SegmentedControl
              aria-label="Access"
              data={[
                { value: 'read', label: 'reads' },
                { value: 'write', label: 'writes' },
              ]}
              value={access}
              onChange={(next) => setAccess(next as Access)}
            />
          </div>
        ) : null}
        <div className="row">
          {next}
          {status === 'off' || status === 'gone' ? null : (
            <ActButton
              needs="POST /v1/mcp/servers/:server/definitions/:capability/off"
              variant="default"
              loading={off.isPending}
              onClick={() => off.mutate(undefined)}
            >
              Switch off
            </ActButton>
          )}
          <ActButton
            needs="POST /v1/mcp/servers/:server/definitions/:capability/approve"
            disabled={!canApprove}
            loading={approve.isPending}
            onClick={() => approve.mutate(undefined)}
          >
            {status === 'changed' ? 'Approve the change' : status === 'live' ? 'Approve as this' : 'Approve'}
          </ActButton>
        </div>
      </div>
    </div>
  );
}
