/** Who may write what, and how many approve: the rules that need no look at the people. Pure. */
import { Failure } from '../errors.ts';
import type { WorkspaceRole } from '../identity/index.ts';
import type { ObjectType } from '../versions/index.ts';
import type { ChangeSettings, Requirement } from './settings.ts';
import type { ChangeClass, ChangeOperation, ChangeRisk } from './types.ts';

const POLICY: readonly WorkspaceRole[] = ['admin', 'author'];
const OPERATION: readonly WorkspaceRole[] = ['admin', 'operator'];
const ADMINISTRATION: readonly WorkspaceRole[] = ['admin'];

/** As `api/permissions.ts` has it for the routes that write them directly. */
const WRITERS: Readonly<Record<ObjectType, readonly WorkspaceRole[]>> = {
  role: POLICY,
  workspace_guards: POLICY,
  capability: POLICY,
  freeze: POLICY,
  sources: ADMINISTRATION,
  assignment: OPERATION,
  mcp_server: OPERATION,
  http_api: OPERATION,
  definition: OPERATION,
  person_authority: ADMINISTRATION,
  breaker: POLICY,
  approval_reminders: OPERATION,
  agent_settings: ADMINISTRATION,
  containment_settings: ADMINISTRATION,
  change_settings: ADMINISTRATION,
};

export function mayWrite(
  roles: readonly WorkspaceRole[],
  operations: readonly Pick<ChangeOperation, 'type'>[],
): boolean {
  return operations.every(({ type }) => WRITERS[type].some((role) => roles.includes(role)));
}

/** Throws `role_missing`. */
export function refuseUnlessWriter(
  roles: readonly WorkspaceRole[],
  operations: readonly Pick<ChangeOperation, 'type'>[],
): void {
  const refused = operations.find((operation) => !mayWrite(roles, [operation]));
  if (refused === undefined) return;
  throw new Failure(
    403,
    'role_missing',
    `Changing a ${refused.type.replaceAll('_', ' ')} takes the role ${WRITERS[refused.type].join(' or ')}; you are ${roles.join(', ')}.`,
    'Ask an administrator of the workspace for a role that may do this.',
  );
}

/** Null: it needs nobody. `after`: for the review of an emergency that is in force. */
export function requirementOf(
  { authority, rollback }: ChangeSettings,
  { class: of, risk }: { readonly class: ChangeClass; readonly risk: ChangeRisk },
  stage: 'before' | 'after' = 'before',
): Requirement | null {
  switch (of) {
    case 'direct':
    case 'standard':
      return null;
    case 'rollback':
      return rollback === 'standard' ? null : authority.normal[risk];
    case 'emergency':
      return stage === 'after' ? authority.normal[risk] : authority.emergency;
    case 'normal':
      return authority.normal[risk];
  }
}
