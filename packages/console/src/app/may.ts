/** What whoever is signed in may do: the server's own table, api/permissions.ts, looked up with the roles of the session. */
import { useQuery } from '@tanstack/react-query';
import { permissionsQuery, sessionQuery } from '../api/queries.ts';
import type { Permissions, WorkspaceRole } from '../api/types.ts';

/** Why these roles may not call a route, e.g. `POST /v1/agents/:agent/revoke`; undefined when they may. Pure. */
function refusalOf(routes: Permissions['routes'], roles: readonly WorkspaceRole[], route: string): string | undefined {
  const may = routes[route];
  // What is not listed is for every role.
  if (may === undefined || roles.some((role) => may.includes(role))) return undefined;
  return `This takes the role ${may.join(' or ')}; ${roles.length === 0 ? 'you have none' : `you are ${roles.join(', ')}`}.`;
}

/** As `refusalOf`, of the session. */
export function useRefusal(route: string): string | undefined {
  const { data: session } = useQuery(sessionQuery);
  const { data: permissions } = useQuery(permissionsQuery);
  if (session === undefined || session === null || permissions === undefined) return undefined;
  return refusalOf(permissions.routes, session.roles, route);
}

/** Whether to ask for what is known of a person's own ways in: of oneself, and for those who watch over others. */
export function useSeesWaysOf(personId: string): boolean {
  const { data: session } = useQuery(sessionQuery);
  if (session === undefined || session === null) return false;
  return session.person?.id === personId || session.roles.some((role) => role === 'admin' || role === 'auditor');
}
