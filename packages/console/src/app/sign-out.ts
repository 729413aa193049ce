import { useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useCallback } from 'react';
import { send } from '../api/client.ts';
import { sessionQuery } from '../api/queries.ts';
import { notifyError } from './notify.ts';
import { forget } from './query-client.ts';

/** Ends the session at the server and forgets all that was read under it. */
export function useSignOut(): () => void {
  const queryClient = useQueryClient();
  const navigate = useNavigate();
  return useCallback(() => {
    const leave = async (): Promise<void> => {
      await send('DELETE', '/v1/session');
      queryClient.setQueryData(sessionQuery.queryKey, null);
      await navigate({ to: '/sign-in', ignoreBlocker: true });
      forget(queryClient);
    };
    leave().catch(notifyError);
  }, [queryClient, navigate]);
}
