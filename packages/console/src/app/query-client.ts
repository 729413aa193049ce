import { MutationCache, QueryClient } from '@tanstack/react-query';
import { signInWaysQuery } from '../api/identity-queries.ts';
import { ApiError } from '../api/problem.ts';
import { sessionQuery } from '../api/queries.ts';

/** What was read stays fresh this long; writes drop what they change at once. */
const FRESH_MS = 5_000;

/** What everybody may read: whether there is a session, and how one comes by one. */
const OPEN: ReadonlySet<unknown> = new Set([sessionQuery.queryKey[0], signInWaysQuery.queryKey[0]]);

/** Drops all that was read under a session that is over. After leaving its rooms: what is still shown would be read again. */
export function forget(queryClient: QueryClient): void {
  queryClient.removeQueries({ predicate: ({ queryKey }) => !OPEN.has(queryKey[0]) });
}

export function makeQueryClient(): QueryClient {
  const queryClient: QueryClient = new QueryClient({
    mutationCache: new MutationCache({
      // The roles of the session are others than it had when it was read.
      onError: (error) => {
        if (error instanceof ApiError && error.code === 'role_missing')
          void queryClient.invalidateQueries({ queryKey: sessionQuery.queryKey });
      },
    }),
    defaultOptions: {
      queries: {
        staleTime: FRESH_MS,
        // A refusal will be refused again; a server that is starting will not.
        retry: (failures, error) => failures < 2 && (!(error instanceof ApiError) || error.status === 503),
        networkMode: 'always',
      },
      mutations: { retry: false, networkMode: 'always' },
    },
  });
  return queryClient;
}
