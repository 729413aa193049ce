/** Who may manage: admin keys, console sessions, and the roles of both. */
export { ensureLiveKey, revokeKeysOf } from './admin-keys.ts';
export { administratorOf } from './administrators.ts';
export { type Device, deviceOf } from './device.ts';
export { loadServerKeys, type ServerKeys, writePrivateFile } from './keys.ts';
export { isHttps, sessionCookie, sessionIdOf } from './session-cookie.ts';
export {
  endSessionsOf,
  type OpenedSession,
  openPersonSession,
  type PreviousSession,
  personActor,
  type SignedInPerson,
  stepUpSession,
} from './sessions.ts';
export { credentialKind, lookupHmac, newCredential } from './token-hash.ts';
export {
  effectiveRoles,
  rolesOfPersonSql,
  WORKSPACE_ROLES,
  type WorkspaceRole,
  workspaceRolesSchema,
} from './workspace-roles.ts';
