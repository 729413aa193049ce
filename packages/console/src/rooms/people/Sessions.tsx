import { useQuery } from '@tanstack/react-query';
import { sessionQuery } from '../../api/queries.ts';
import { SessionTable } from './SessionTable.tsx';

/** Who is in the console now. */
export function Sessions() {
  const { data: session } = useQuery(sessionQuery);
  const seesAll = session?.roles.includes('admin') === true;
  return (
    <div className="stack-tight">
      <p className="muted">
        {seesAll
          ? 'Every open session of the console. One that is ended is refused from its next request on.'
          : 'Your open sessions. Those of others are seen by administrators.'}
      </p>
      <SessionTable label="Open sessions" />
    </div>
  );
}
