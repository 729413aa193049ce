import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkPermission } from '../../src/api/permissions.ts';
import {
  effectiveRoles,
  ROLES_OF_A_KEY,
  rolesOfKey,
  WORKSPACE_ROLES,
  type WorkspaceRole,
  workspaceRolesSchema,
} from '../../src/identity/workspace-roles.ts';

const roles = fc.array(fc.constantFrom(...WORKSPACE_ROLES), { maxLength: 10 });

describe('roles of people and keys', () => {
  it('make an auditor nothing else, whatever was given', () => {
    fc.assert(
      fc.property(roles, (given) => {
        expect(effectiveRoles([...given, 'auditor'])).toEqual(['auditor']);
      }),
    );
  });

  it('never exceed what was given, to the key or to its person', () => {
    fc.assert(
      fc.property(roles, roles, fc.boolean(), (ofKey, ofPerson, hadRole) => {
        const may = rolesOfKey(ofKey, { roles: ofPerson, hadRole });
        expect(may.filter((role) => !ofKey.includes(role))).toEqual([]);
        if (ofPerson.length > 0 || hadRole) expect(may.filter((role) => !ofPerson.includes(role))).toEqual([]);
      }),
    );
  });

  it('of a key that is nobody’s, or whose person never had any, are its own', () => {
    expect(rolesOfKey(ROLES_OF_A_KEY, undefined)).toEqual(ROLES_OF_A_KEY);
    expect(rolesOfKey(['viewer'], { roles: [], hadRole: false })).toEqual(['viewer']);
    expect(rolesOfKey(['viewer'], { roles: [], hadRole: true })).toEqual([]);
  });

  it('are taken from a request sorted and once, an auditor alone', () => {
    expect(workspaceRolesSchema.parse(['viewer', 'admin', 'viewer'])).toEqual(['admin', 'viewer']);
    expect(workspaceRolesSchema.safeParse(['auditor', 'viewer']).success).toBe(false);
    expect(workspaceRolesSchema.safeParse(['root']).success).toBe(false);
  });
});

it.each<[readonly WorkspaceRole[], readonly WorkspaceRole[], boolean]>([
  [['operator'], ['admin', 'operator'], true],
  [['viewer'], ['admin', 'operator'], false],
  [[], ['viewer'], false],
  [['admin'], [], false],
])('%j may what %j may: %s', (has, may, allowed) => {
  const check = () => checkPermission(has, may);
  if (allowed) expect(check).not.toThrow();
  else expect(check).toThrow(expect.objectContaining({ status: 403, code: 'role_missing' }));
});
