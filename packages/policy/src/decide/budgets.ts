/** The windows that a subject is under, with the counters they read. */

import { covers } from '../documents/names.ts';
import type { CounterScope, Guard, PolicySet, Role, WindowCondition } from '../model.ts';
import { countedIn } from './plan.ts';

/** Whose budgets. What is absent has none. */
export interface BudgetSubject {
  readonly workspaceId: string;
  readonly agentId?: string;
  readonly ownerId?: string;
  readonly roles: readonly string[];
}

export interface Budget {
  readonly guard: Guard;
  readonly origin: string;
  readonly window: WindowCondition;
  /** Agent id, role name, owner id or workspace id, by the window's scope. */
  readonly scopeId: string;
  /** Of the counter; where the window is kept apart, what the keys of its counters begin with. */
  readonly key: string;
}

/** Windows of the workspace's guards, then of the roles in their given order; each once for each of its counters. */
export function budgetsOf(set: PolicySet, subject: BudgetSubject): Budget[] {
  const roles = subject.roles.flatMap((name) => set.roles.find((role) => role.name === name) ?? []);
  const origins = [
    { origin: 'workspace', guards: set.workspaceGuards },
    ...roles.map(({ name, guards }) => ({ origin: name, guards })),
  ];
  return origins.flatMap(({ origin, guards }) =>
    guards.flatMap((guard): Budget[] => {
      const { when: window } = guard;
      if (!('kind' in window) || guard.mode === 'shadow') return [];
      return scopeIds(window.scope, origin, guard, roles, subject).map((scopeId) => {
        const counter = `${window.scope}/${scopeId}/${countedIn(window)}`;
        const key = window.per === undefined ? counter : `${counter}/${window.per}:`;
        return { guard, origin, window, scopeId, key };
      });
    }),
  );
}

function scopeIds(
  scope: CounterScope,
  origin: string,
  guard: Guard,
  roles: readonly Role[],
  { workspaceId, agentId, ownerId }: BudgetSubject,
): readonly string[] {
  switch (scope) {
    case 'agent':
      return agentId === undefined ? [] : [agentId];
    case 'owner':
      return ownerId === undefined ? [] : [ownerId];
    case 'workspace':
      return [workspaceId];
    case 'role':
      if (origin !== 'workspace') return [origin];
      return roles.filter(({ allow }) => allow.some((name) => covers(guard.action, name))).map(({ name }) => name);
  }
}
