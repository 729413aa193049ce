import { useState } from 'react';
import { at, send } from '../../api/client.ts';
import type { McpDefinition } from '../../api/types.ts';
import { useWrite } from '../../app/write.ts';
import { ActButton } from '../../ui/ActButton.tsx';
import { Confirm } from '../../ui/Confirm.tsx';
import { plural } from '../../ui/format.ts';
import classes from './servers.module.css';

/** Approves everything new that only reads, each by the pin that is on this page. Writes and changes are looked at one by one. */
export function ApproveAll({
  path,
  waiting,
}: {
  /** Of the definitions. */
  readonly path: string;
  readonly waiting: readonly McpDefinition[];
}) {
  const [asking, setAsking] = useState(false);
  const reads = waiting.filter(
    ({ status, access, problem }) => status === 'new' && access === 'read' && problem === null,
  );
  const approve = useWrite({
    write: async () => {
      for (const { capability, pin, access } of reads)
        await send('POST', path + at`/${capability}/approve`, { pin, access });
    },
    changes: ['servers', 'capabilities', 'roles', 'agents'],
    done: () => `${plural(reads.length, 'definition')} approved.`,
    onDone: () => setAsking(false),
  });
  if (reads.length === 0) return null;
  return (
    <>
      <ActButton
        needs="POST /v1/mcp/servers/:server/definitions/:capability/approve"
        variant="default"
        size="compact-sm"
        onClick={() => setAsking(true)}
      >
        Approve {plural(reads.length, 'new read')}…
      </ActButton>
      {asking ? (
        <Confirm
          title={`Approve ${plural(reads.length, 'new read')}`}
          action="Approve them"
          pending={approve.isPending}
          error={approve.error}
          onConfirm={() => approve.mutate(undefined)}
          onClose={() => setAsking(false)}
        >
          <p>Each is pinned as it is now. They become available to grant; no role gets them by this.</p>
          <ul className={classes.names}>
            {reads.map(({ capability }) => (
              <li key={capability} className="mono">
                {capability}
              </li>
            ))}
          </ul>
        </Confirm>
      ) : null}
    </>
  );
}
