/**
 * What people and keys may do in HiveKey itself. Not to be confused with the roles of agents, which say what agents may do.
 * Separation of duties: no role that decides comes with one that writes what is decided about, and an auditor changes nothing.
 */
import { z } from 'zod';

export const WORKSPACE_ROLES = ['admin', 'approver', 'auditor', 'author', 'operator', 'reviewer', 'viewer'] as const;
export type WorkspaceRole = (typeof WORKSPACE_ROLES)[number];

/** Of a key for which none are named: everything, as a key of the operators has it. */
export const ROLES_OF_A_KEY: readonly WorkspaceRole[] = WORKSPACE_ROLES.filter((role) => role !== 'auditor');

const ORDER: ReadonlyMap<string, number> = new Map(WORKSPACE_ROLES.map((role, at) => [role, at]));

/** Sorted, without repeats. An auditor is only that, whatever else was given: it changes nothing. */
export function effectiveRoles(given: readonly WorkspaceRole[]): readonly WorkspaceRole[] {
  if (given.includes('auditor')) return ['auditor'];
  return [...new Set(given)].sort((a, b) => (ORDER.get(a) ?? 0) - (ORDER.get(b) ?? 0));
}

export interface RolesOfHolder {
  readonly roles: readonly WorkspaceRole[];
  /** There were some before: that none are left takes everything, and gives nothing back. */
  readonly hadRole: boolean;
}

/** A key of a person who has roles, or has had some, does no more than the person may. */
export function rolesOfKey(
  ofKey: readonly WorkspaceRole[],
  holder: RolesOfHolder | undefined,
): readonly WorkspaceRole[] {
  const effective = effectiveRoles(ofKey);
  if (holder === undefined || (holder.roles.length === 0 && !holder.hadRole)) return effective;
  const may = new Set(effectiveRoles(holder.roles));
  return effective.filter((role) => may.has(role));
}

/** SQL: the open engagement `e` that lets the person `p` in now, as the rest of a FROM with its condition. */
export const OPEN_ENGAGEMENT_OF_P = `engagement_people i
  JOIN engagements e ON e.workspace_id = i.workspace_id AND e.id = i.engagement_id
 WHERE i.workspace_id = p.workspace_id AND i.person_id = p.id AND i.removed_at IS NULL
   AND e.ended_at IS NULL AND e.expires_at > clock_timestamp()`;

/**
 * SQL: roles of the person `p` as an array: those given to them, and those of the groups they are in. `claimed`: an SQL
 * expression of further groups, those that the identity provider named at sign-in. No group gives, or takes, anything
 * where the person is an account for emergencies. Somebody of an audit firm is an auditor while an engagement is open,
 * and nothing else.
 */
export function rolesOfPersonSql(claimed = `'{}'::text[]`): string {
  return `(SELECT coalesce(array_agg(DISTINCT r.role), '{}') FROM (
            SELECT unnest(p.roles) AS role WHERE NOT p.external
             UNION SELECT g.role FROM group_roles g
                    WHERE g.workspace_id = p.workspace_id AND g."group" = ANY(p.groups || ${claimed})
                      AND NOT p.break_glass AND NOT p.external
             UNION SELECT 'auditor' WHERE p.external AND EXISTS (SELECT FROM ${OPEN_ENGAGEMENT_OF_P})) r)`;
}

/** SQL: the person `p` may be an administrator. Looked at first, as roles of everybody are many to read. */
export const MAY_BE_ADMIN = `('admin' = ANY(p.roles) OR p.groups && ARRAY(
  SELECT g."group" FROM group_roles g WHERE g.workspace_id = $1 AND g.role = 'admin'))`;

/** As given in a request: an auditor is nothing else. */
export const workspaceRolesSchema = z
  .array(z.enum(WORKSPACE_ROLES))
  .max(WORKSPACE_ROLES.length)
  .refine((roles) => !roles.includes('auditor') || roles.length === 1, 'an auditor has no other role')
  .transform((roles) => [...new Set(roles)].sort());
