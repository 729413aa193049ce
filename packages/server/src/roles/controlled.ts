/** Roles, and the guards of the workspace, under change control. */
import { checkRole, checkRolePatch, type GuardDocument, type RoleDocument } from '@hivekey/policy';
import { type ControlledType, documentOf } from '../versions/index.ts';
import { applyRoleIn, removeRoleIn, valid } from './change.ts';
import { findWorkspaceGuards, putWorkspaceGuardsIn } from './guards.ts';
import { WORKSPACE } from './lint.ts';
import { findRole, roleNameDiffers } from './read.ts';

export const roleType: ControlledType = {
  type: 'role',
  isPolicy: true,
  parse: (id, document) => documentOf(roleOf(id, document)),
  async list(client, workspaceId) {
    const { rows } = await client.query<{ name: string; document: RoleDocument }>(
      `SELECT r.name, v.document FROM roles r
         JOIN role_revisions v ON v.workspace_id = r.workspace_id AND v.role = r.name AND v.revision = r.current_revision
        WHERE r.workspace_id = $1 ORDER BY r.name COLLATE "C"`,
      [workspaceId],
    );
    return new Map(rows.map(({ name, document }) => [name, documentOf(document)]));
  },
  async read(client, workspaceId, id) {
    const role = await findRole(client, workspaceId, id);
    return role && documentOf(role.document);
  },
  async apply(transaction, who, id, document) {
    if (document === null) await removeRoleIn(transaction, who, id);
    else await applyRoleIn(transaction, who, roleOf(id, document));
  },
};

function roleOf(id: string, document: unknown): RoleDocument {
  const role = valid(checkRole(document), 'role_invalid', 'The role');
  if (role.metadata.name === id) return role;
  throw roleNameDiffers(role.metadata.name, id);
}

export const workspaceGuardsType: ControlledType = {
  type: 'workspace_guards',
  isPolicy: true,
  parse: (_id, document) => documentOf({ guards: guardsOf(document) }),
  async list(client, workspaceId) {
    const guards = await findWorkspaceGuards(client, workspaceId);
    return new Map(guards === undefined ? [] : [['*', documentOf({ guards })]]);
  },
  async read(client, workspaceId) {
    const guards = await findWorkspaceGuards(client, workspaceId);
    return guards && documentOf({ guards });
  },
  async apply(transaction, who, _id, document) {
    await putWorkspaceGuardsIn(transaction, who, document === null ? [] : guardsOf(document));
  },
};

function guardsOf(document: unknown): readonly GuardDocument[] {
  return valid(checkRolePatch(document, WORKSPACE), 'guards_invalid', 'The list of guards').guards ?? [];
}
