import { useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useCallback } from 'react';
import { send } from '../api/client.ts';
import { sessionQuery } from '../api/queries.ts';
import { notifyError } from './notify.ts';
import { forget } from './query-client.ts';

let signOutAt: string | undefined;

/** Where one signs out at the provider as well: offered once, by the sign-in page, after signing out here. */
export const providerSignOut = {
  take: (): string | undefined => {
    const address = signOutAt;
    signOutAt = undefined;
    return address;
  },
};

/** Ends the session at the server and forgets all that was read under it. */
export function useSignOut(): () => void {
  const queryClient = useQueryClient();
  const navigate = useNavigate();
  return useCallback(() => {
    const leave = async (): Promise<void> => {
      const { provider_url } = await send<{ provider_url: string | null }>('POST', '/v1/session/end', {});
      signOutAt = provider_url ?? undefined;
      queryClient.setQueryData(sessionQuery.queryKey, null);
      await navigate({ to: '/sign-in', ignoreBlocker: true });
      forget(queryClient);
    };
    leave().catch(notifyError);
  }, [queryClient, navigate]);
}
