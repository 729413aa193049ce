/** Keys of what is remembered of calls: by who shares it, what is counted, and what it is kept apart by. */
import type { CounterScope, DecisionRequest } from '../model.ts';
import type { Parts } from './kept-apart.ts';

/** `<scope>/<scope id>/<rest>`, and `/<per>:<part>` where it is kept apart. */
export interface KeyTemplate {
  readonly scope: CounterScope;
  /** The role that shares it; absent for what the workspace asks, which each granting role has for itself. */
  readonly role: string | undefined;
  readonly rest: string;
  readonly per: { readonly name: string; readonly parts: Parts } | undefined;
}

/** The keys of a call; undefined when it cannot be told which, as they are kept apart by what the call does not say. */
export function keysOf(
  key: KeyTemplate,
  grantingRoles: readonly string[],
  request: DecisionRequest,
): readonly string[] | undefined {
  const owners = ownersOf(key, grantingRoles, request);
  const { per } = key;
  if (per === undefined) return owners;
  const parts = per.parts(request);
  return parts && owners.flatMap((owner) => parts.map((part) => `${owner}/${per.name}:${part}`));
}

/** One key; for what the workspace asks by role, one for each granting role. */
export function ownersOf(
  { scope, role, rest }: KeyTemplate,
  grantingRoles: readonly string[],
  request: DecisionRequest,
): readonly string[] {
  switch (scope) {
    case 'agent':
      return [`agent/${request.agentId}/${rest}`];
    case 'owner':
      return [`owner/${request.ownerId}/${rest}`];
    case 'workspace':
      return [`workspace/${request.workspaceId}/${rest}`];
    case 'role':
      return role === undefined ? grantingRoles.map((name) => `role/${name}/${rest}`) : [`role/${role}/${rest}`];
  }
}

/** The templates for these roles: each role that is worn, or that grants, has its own. */
export function forRoles<T extends { readonly key: KeyTemplate }>(
  items: readonly T[],
  worn: readonly string[],
  granting: readonly string[],
): readonly T[] {
  return items.flatMap((item) => {
    const { key } = item;
    if (key.scope !== 'role') return [item];
    const roles = key.role === undefined ? granting : worn.filter((name) => name === key.role);
    return roles.map((role) => ({ ...item, key: { ...key, role } }));
  });
}
