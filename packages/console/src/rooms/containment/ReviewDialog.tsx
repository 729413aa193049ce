import { Link } from '@tanstack/react-router';
import { at, send } from '../../api/client.ts';
import type { Quarantine } from '../../api/types.ts';
import { useWrite } from '../../app/write.ts';
import { Confirm } from '../../ui/Confirm.tsx';
import { actorWords } from '../../ui/format.ts';
import { Facts } from '../../ui/Page.tsx';
import { Time } from '../../ui/Time.tsx';

/** What a reviewer has to know, and the way out. */
export function ReviewDialog({
  quarantine,
  onClose,
}: {
  readonly quarantine: Quarantine;
  readonly onClose: () => void;
}) {
  const { id, agent, roles, role, reason, actor, entered_at, until, event_id } = quarantine;
  const release = useWrite({
    write: (why: string) => send<Quarantine>('POST', at`/v1/quarantines/${id}/release`, { reason: why }),
    changes: ['quarantines', 'agents', 'breakers'],
    done: () => `${agent} is released: its roles count again.`,
    onDone: onClose,
  });
  return (
    <Confirm
      title={`Review ${agent}`}
      action="Release"
      withReason="required"
      pending={release.isPending}
      error={release.error}
      onConfirm={release.mutate}
      onClose={onClose}
    >
      <div className="stack">
        <Facts
          facts={[
            ['Why', reason],
            ['Placed by', actorWords(actor)],
            ['Since', <Time key="since" value={entered_at} />],
            ['Left now', role === null ? 'its reads' : `its reads within ${role}`],
            ['Comes back', roles.join(', ')],
            ['Ends', until === null ? 'when a person releases it' : <Time key="until" value={until} />],
            [
              'Log',
              <span key="log" className="row-wrap">
                <Link to="/log" search={{ agent }}>
                  what it did
                </Link>
                <Link to="/log" search={{ event: event_id, kind: 'all' }}>
                  the record of this
                </Link>
              </span>,
            ],
          ]}
        />
        <p className="muted">
          {actor.startsWith('breaker:')
            ? 'Released, it is on trial: one bad call trips the breaker again.'
            : 'Released, it may do again what its roles grant, from its next action on.'}
        </p>
      </div>
    </Confirm>
  );
}
