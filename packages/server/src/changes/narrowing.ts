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

/** `now`: the policy in force, for what is asked about roles. */
export function onlyNarrows(object: ChangedObject, now: PolicySet): boolean {
  const before = alone(object, object.before);
  const after = alone(object, object.after);
  if (before === 'unreadable' || after === 'unreadable') return false;
  const difference = before === undefined || after === undefined ? undefined : policyDiff(before, after);
  return assess([object], now, difference).narrows;
}

const NOTHING: PolicySet = { revision: 0, roles: [], workspaceGuards: [], capabilities: [] };

/** A policy of nothing but the object; undefined for what the policy does not decide by. */
function alone({ type }: ChangedObject, document: JsonValue | null): PolicySet | 'unreadable' | undefined {
  switch (type) {
    case 'role':
      return document === null ? NOTHING : withPart(roleFromDocument(document, 0), (role) => ({ roles: [role] }));
    case 'workspace_guards':
      return withPart(checkGuards(guardsIn(document), 'workspace'), (guards) => ({ workspaceGuards: guards }));
    case 'freeze':
      return document === null
        ? NOTHING
        : withPart(freezeFromDocument(document, []), (freeze) => ({ freezes: [freeze] }));
    case 'sources':
      return document === null ? NOTHING : withPart(checkSources(document), (sources) => ({ sources }));
    case 'capability':
      // What it is classed as, and what it spends, is what everything else is decided by.
      return 'unreadable';
    default:
      return undefined;
  }
}

function withPart<T>(checked: Checked<T>, part: (value: T) => Partial<PolicySet>): PolicySet | 'unreadable' {
  return checked.ok ? { ...NOTHING, ...part(checked.value) } : 'unreadable';
}

function guardsIn(document: JsonValue | null): JsonValue {
  return typeof document === 'object' && document !== null && 'guards' in document ? (document.guards ?? []) : [];
}
