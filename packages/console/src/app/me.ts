/** Who is signed in, as requests and offers name them. */
import { useQuery } from '@tanstack/react-query';
import { sessionQuery } from '../api/queries.ts';
import type { WorkspaceRole } from '../api/types.ts';

export interface Me {
  /** As the log names who did something: `person:dana@acme.example`, `key:ops`. */
  readonly actor: string;
  /** Undefined for a key that belongs to nobody. */
  readonly person: { readonly id: string; readonly email: string } | undefined;
  readonly roles: readonly WorkspaceRole[];
}

const NOBODY: Me = { actor: '', person: undefined, roles: [] };

export function useMe(): Me {
  const { data: session } = useQuery(sessionQuery);
  if (session === undefined || session === null) return NOBODY;
  return {
    actor: session.key === null ? `person:${session.person?.email ?? ''}` : `key:${session.key.name}`,
    person: session.person ?? undefined,
    roles: session.roles,
  };
}
