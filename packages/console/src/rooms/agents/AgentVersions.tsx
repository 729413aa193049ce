import { Button, Modal } from '@mantine/core';
import { useInfiniteQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { versionsQuery } from '../../api/agent-queries.ts';
import type { AgentVersion } from '../../api/agent-types.ts';
import { at, send } from '../../api/client.ts';
import type { Agent } from '../../api/types.ts';
import { useWrite } from '../../app/write.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { Identifier } from '../../ui/Copy.tsx';
import { Diff } from '../../ui/Diff.tsx';
import { actorWords } from '../../ui/format.ts';
import { Empty, ErrorNotice } from '../../ui/Notice.tsx';
import { Section } from '../../ui/Page.tsx';
import { Time } from '../../ui/Time.tsx';
import { Mark } from '../../ui/Verdict.tsx';
import { AttributesFields, declared } from './AttributesFields.tsx';
import { attributesText } from './words.ts';

/** What the agent is and was made of, as declared; the version in force stands on the records of its calls. */
export function AgentVersions({ agent }: { readonly agent: Agent }) {
  const { data, error, isPending, hasNextPage, isFetchingNextPage, fetchNextPage, refetch } = useInfiniteQuery(
    versionsQuery(agent.id),
  );
  const [declaring, setDeclaring] = useState(false);
  if (error !== null) return <ErrorNotice error={error} retry={() => void refetch()} />;
  const versions = isPending ? [] : data.pages.flatMap((page) => page.data);
  return (
    <div className="stack">
      <div className="spread">
        <p className="muted">Model, prompt, tools and the like, as declared. Each call carries the version in force.</p>
        <ActButton
          needs="PATCH /v1/agents/:agent"
          variant="default"
          style={{ flexShrink: 0 }}
          onClick={() => setDeclaring(true)}
        >
          Declare a version
        </ActButton>
      </div>
      {!isPending && versions.length === 0 ? (
        <Empty title="Nothing was declared">
          Say which model, prompt and tools it is made of: each change is a version, and each call says which one made
          it.
        </Empty>
      ) : null}
      {versions.map((version, i) => (
        <Version
          key={version.version}
          version={version}
          before={versions[i + 1]}
          isInForce={version.version === agent.version}
        />
      ))}
      {hasNextPage ? (
        <div>
          <Button variant="default" loading={isFetchingNextPage} onClick={() => void fetchNextPage()}>
            Older versions
          </Button>
        </div>
      ) : null}
      {declaring ? <DeclareDialog agent={agent} onClose={() => setDeclaring(false)} /> : null}
    </div>
  );
}

/** `before`: undefined for the first, and for one whose predecessor is on the next page. */
function Version({
  version: { version, attributes, author, created, sha256 },
  before,
  isInForce,
}: {
  readonly version: AgentVersion;
  readonly before: AgentVersion | undefined;
  readonly isInForce: boolean;
}) {
  if (before === undefined && version > 1) return null;
  return (
    <Section title={`Version ${version}`} aside={isInForce ? <Mark tone="allow">in force</Mark> : undefined}>
      <div className="stack-tight">
        <p className="row-wrap muted">
          <span>
            <Time value={created} />, by {actorWords(author)}
          </span>
          <Identifier value={sha256} what="digest of the attributes" />
        </p>
        <Diff
          before={before === undefined ? '' : attributesText(before.attributes)}
          after={attributesText(attributes)}
          label={`What version ${version} changed`}
        />
      </div>
    </Section>
  );
}

function DeclareDialog({ agent, onClose }: { readonly agent: Agent; readonly onClose: () => void }) {
  const [attributes, setAttributes] = useState(agent.attributes);
  const save = useWrite({
    write: () => send<Agent>('PATCH', at`/v1/agents/${agent.id}`, { attributes: declared(attributes) }),
    changes: ['agents'],
    done: ({ version }) => `Version ${version} is in force from its next call on.`,
    onDone: onClose,
  });
  return (
    <Modal
      opened
      onClose={onClose}
      title={`What ${agent.name} is made of`}
      size={520}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          save.mutate(undefined);
        }}
      >
        <AttributesFields value={attributes} onChange={setAttributes} />
        {save.isError ? <ErrorNotice error={save.error} /> : null}
        <Button type="submit" loading={save.isPending}>
          Declare
        </Button>
      </form>
    </Modal>
  );
}
