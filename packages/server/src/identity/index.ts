/** Who may manage: admin keys, console sessions, and the roles of both. */
export { ensureLiveKey } from './admin-keys.ts';
export { administratorOf } from './administrators.ts';
export { loadServerKeys, type ServerKeys, writePrivateFile } from './keys.ts';
export { isHttps, sessionIdOf } from './session-cookie.ts';
export {
  type Device,
  endSessionsOf,
  type OpenedSession,
  openPersonSession,
  personActor,
  type SignedInPerson,
} from './sessions.ts';
export { credentialKind, lookupHmac, newCredential } from './token-hash.ts';
export {
  effectiveRoles,
  rolesOfPersonSql,
  WORKSPACE_ROLES,
  type WorkspaceRole,
  workspaceRolesSchema,
} from './workspace-roles.ts';
