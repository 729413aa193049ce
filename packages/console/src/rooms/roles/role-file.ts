import { stringify } from 'yaml';
import type { GuardDocument, RoleDocument } from '../../api/types.ts';

/** A role file as people write it: the database keeps no order of keys, and a diff of a shuffled file says nothing. Pure. */
export function roleFile({ apiVersion, kind, metadata, scope, guards }: RoleDocument): string {
  const { name, description } = metadata;
  return stringify({
    apiVersion,
    kind,
    metadata: { name, ...(description === undefined ? {} : { description }) },
    scope: { allow: [...scope.allow].sort() },
    guards: guards.map(inOrder),
  });
}

export function inOrder({ id, action, when, effect, otherwise, approval, mode }: GuardDocument): GuardDocument {
  const { field, ...rest } = when;
  return {
    id,
    action,
    when: field === undefined ? when : { field, ...rest },
    effect,
    ...(otherwise === undefined ? {} : { otherwise }),
    ...(approval === undefined ? {} : { approval }),
    ...(mode === undefined ? {} : { mode }),
  };
}
