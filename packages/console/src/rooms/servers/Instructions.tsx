import { at, send } from '../../api/client.ts';
import type { McpServer } from '../../api/types.ts';
import { useWrite } from '../../app/write.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { CodeBlock } from '../../ui/Copy.tsx';
import { Diff } from '../../ui/Diff.tsx';
import { ErrorNotice } from '../../ui/Notice.tsx';
import { Section } from '../../ui/Page.tsx';

/** Text of the server that would reach models: hidden from agents until somebody approves it. */
export function Instructions({ server }: { readonly server: McpServer }) {
  const { text, approved_text, pin, status } = server.instructions;
  const approve = useWrite({
    write: () => send<McpServer>('POST', at`/v1/mcp/servers/${server.namespace}/instructions/approve`, { pin }),
    changes: ['servers'],
    done: () => 'The instructions are approved.',
  });
  return (
    <Section
      title={status === 'changed' ? 'Its instructions changed' : 'It sends instructions to models'}
      aside={
        <ActButton
          needs="POST /v1/mcp/servers/:server/instructions/approve"
          variant="default"
          size="compact-sm"
          loading={approve.isPending}
          disabled={pin === null}
          onClick={() => approve.mutate(undefined)}
        >
          Approve the text
        </ActButton>
      }
    >
      <p className="muted">Agents do not get this text until it is approved as it stands here.</p>
      {approved_text === null ? (
        <CodeBlock code={text ?? ''} what="instructions" wrap />
      ) : (
        <Diff label="Changes of the instructions" before={approved_text} after={text ?? ''} />
      )}
      {approve.isError ? <ErrorNotice error={approve.error} /> : null}
    </Section>
  );
}
