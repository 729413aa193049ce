/** Whether one object's change, by itself, only takes away. Pure. */
import {
  type Checked,
  checkGuards,
  checkSources,
  freezeFromDocument,
  type JsonValue,
  type PolicySet,
  policyDiff,
  roleFromDocument,
} from '@hivekey/policy';
import { assess, type ChangedObject } from './assess.ts';

/** `now`: the policy in force, in which the object is looked at. */
export function onlyNarrows(object: ChangedObject, now: PolicySet): boolean {
  const rest = restOf(now, object);
  const before = withDocument(rest, object, object.before);
  const after = withDocument(rest, object, object.after);
  if (before === 'unreadable' || after === 'unreadable') return false;
  const difference = before === undefined || after === undefined ? undefined : policyDiff(before, after);
  return assess([object], now, difference).narrows;
}

/**
 * What else there is, as far as it matters to the object: who wears a role may be granted by another one what this one's
 * guards are about, and the workspace may count by role.
 */
function restOf({ roles, workspaceGuards }: PolicySet, { type, id }: ChangedObject): PolicySet {
  const others = type === 'role' ? roles.filter(({ name }) => name !== id) : roles;
  const allow = [...new Set(others.flatMap((role) => role.allow))];
  return {
    revision: 0,
    roles: [{ name: '', description: '', revision: 0, allow, guards: [] }],
    workspaceGuards: type === 'workspace_guards' ? [] : workspaceGuards,
    capabilities: [],
  };
}

/** Undefined for what the policy does not decide by. */
function withDocument(
  rest: PolicySet,
  { type }: ChangedObject,
  document: JsonValue | null,
): PolicySet | 'unreadable' | undefined {
  const withPart = <T>(checked: Checked<T>, part: (value: T) => Partial<PolicySet>): PolicySet | 'unreadable' =>
    checked.ok ? { ...rest, ...part(checked.value) } : 'unreadable';
  switch (type) {
    case 'role':
      return document === null
        ? rest
        : withPart(roleFromDocument(document, 0), (role) => ({ roles: [...rest.roles, role] }));
    case 'workspace_guards':
      return withPart(checkGuards(guardsIn(document), 'workspace'), (guards) => ({ workspaceGuards: guards }));
    case 'freeze':
      return document === null ? rest : withPart(freezeFromDocument(document, []), (freeze) => ({ freezes: [freeze] }));
    case 'sources':
      return document === null ? rest : withPart(checkSources(document), (sources) => ({ sources }));
    case 'capability':
      // What it is classed as, and what it spends, is what everything else is decided by.
      return 'unreadable';
    default:
      return undefined;
  }
}

function guardsIn(document: JsonValue | null): JsonValue {
  return typeof document === 'object' && document !== null && 'guards' in document ? (document.guards ?? []) : [];
}
