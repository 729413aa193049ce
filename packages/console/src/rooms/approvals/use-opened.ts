import { useQuery } from '@tanstack/react-query';
import { useEffect } from 'react';
import { at, send } from '../../api/client.ts';
import { sessionQuery } from '../../api/queries.ts';
import type { FullApproval } from '../../api/types.ts';
import { useRefusal } from '../../app/may.ts';

/** Says that whoever could decide has the held call before them: how long somebody looked is counted from then. */
export function useOpened({ id, status }: Pick<FullApproval, 'id' | 'status'>): void {
  const { data: session } = useQuery(sessionQuery);
  const isRefused = useRefusal('POST /v1/approvals/:id/opened') !== undefined;
  const isOpen = status === 'pending' && !isRefused && (session?.person ?? null) !== null;
  useEffect(() => {
    // Nothing depends on it here: a decision is taken without it too.
    if (isOpen) send('POST', at`/v1/approvals/${id}/opened`, {}).catch(() => undefined);
  }, [id, isOpen]);
}
