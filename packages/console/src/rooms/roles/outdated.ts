import type { QueryClient } from '@tanstack/react-query';
import { ApiError } from '../../api/problem.ts';
import { roleQuery } from '../../api/queries.ts';
import type { Role } from '../../api/types.ts';

/** Throws `draft_outdated` when there is a newer revision than the one that was edited. */
export async function refuseOutdated(queryClient: QueryClient, base: Role | undefined): Promise<void> {
  if (base === undefined) return;
  const { revision, author } = await queryClient.fetchQuery({ ...roleQuery(base.name), staleTime: 0 });
  if (revision === base.revision) return;
  throw new ApiError({
    status: 409,
    code: 'draft_outdated',
    cause: `Revision ${revision} was published by ${author} after this draft was begun.`,
    remedy: 'Take that revision first, then make your change again.',
  });
}
