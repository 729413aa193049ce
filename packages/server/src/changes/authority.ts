/** Who may write what, and how many approve: the rules that need no look at the people. Pure. */
import { Failure } from '../errors.ts';
import type { WorkspaceRole } from '../identity/index.ts';
import { isReviewed, OBJECT_TYPES, type ObjectType } from '../versions/index.ts';
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
  detection: POLICY,
  approval_reminders: OPERATION,
  agent_settings: ADMINISTRATION,
  containment_settings: ADMINISTRATION,
  change_settings: ADMINISTRATION,
};

function mayWrite(roles: readonly WorkspaceRole[], operations: readonly Pick<ChangeOperation, 'type'>[]): boolean {
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

/** Who may do what in HiveKey, and what takes two people: neither goes by one person alone, whatever the settings say. */
const NEVER_ALONE: ReadonlySet<ObjectType> = new Set(['change_settings', 'containment_settings', 'person_authority']);

export function isNeverAlone(operations: readonly Pick<ChangeOperation, 'type'>[]): boolean {
  return operations.some(({ type }) => NEVER_ALONE.has(type));
}

interface Judged {
  readonly class: ChangeClass;
  readonly risk: ChangeRisk;
  readonly operations: readonly Pick<ChangeOperation, 'type'>[];
  /** Names of the patterns that a standard change fits. */
  readonly pattern: string | null;
}

/** Whether others review changes of any of these. */
export function isUnderReview(
  { mode, types }: Pick<ChangeSettings, 'mode' | 'types'>,
  operations: readonly Pick<ChangeOperation, 'type'>[],
): boolean {
  return operations.some(({ type }) => isReviewed({ mode, types: types ?? OBJECT_TYPES }, type));
}

/**
 * Null: it needs nobody. `after`: for the review of an emergency that is in force. By the settings of now: what needed nobody
 * when it was submitted needs others once they review it, or its pattern is gone.
 */
export function requirementOf(
  settings: ChangeSettings,
  { class: of, risk, operations, pattern }: Judged,
  stage: 'before' | 'after' = 'before',
): Requirement | null {
  const { authority, rollback } = settings;
  switch (of) {
    case 'direct':
      return isUnderReview(settings, operations) ? authority.normal[risk] : null;
    case 'standard':
      return isStill(settings, pattern) ? null : authority.normal[risk];
    case 'rollback':
      if (isNeverAlone(operations)) return authority.normal[risk];
      return rollback === 'standard' || !isUnderReview(settings, operations) ? null : authority.normal[risk];
    case 'emergency':
      return stage === 'after' ? authority.normal[risk] : authority.emergency;
    case 'normal':
      return authority.normal[risk];
  }
}

/** As `submit.ts` joins them. */
const BETWEEN = ', ';

export function patternText(names: readonly string[]): string {
  return names.join(BETWEEN);
}

function isStill({ standard }: ChangeSettings, pattern: string | null): boolean {
  const names = new Set(standard.map(({ name }) => name));
  return pattern?.split(BETWEEN).every((name) => names.has(name)) ?? false;
}
