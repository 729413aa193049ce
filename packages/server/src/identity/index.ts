/** Who may manage: admin keys, console sessions, and the roles of both. */
// Imported first, and not passed on as the others are: people need it while they load, and `admin-keys.ts` needs people.
import {
  effectiveRoles,
  MAY_BE_ADMIN,
  OPEN_ENGAGEMENT_OF_P,
  rolesOfKey,
  rolesOfPersonSql,
  WORKSPACE_ROLES,
  type WorkspaceRole,
  workspaceRolesSchema,
} from './workspace-roles.ts';

export { ensureLiveKey, revokeKey, revokeKeysOf } from './admin-keys.ts';
export { administratorOf } from './administrators.ts';
export {
  assuranceProblem,
  checkAssurance,
  ownSignInProblem,
  readAssurance,
} from './assurance.ts';
export { administratorsOf, BREAK_GLASS_MINIMUM, refuseBreakGlassLoss } from './break-glass.ts';
export { type Device, deviceOf } from './device.ts';
export { checkFresh } from './freshness.ts';
export { peopleBehindKeys } from './key-people.ts';
export { loadServerKeys, type ServerKeys, writePrivateFile } from './keys.ts';
export { isHttps, sessionCookie, sessionIdOf } from './session-cookie.ts';
export { sessionBody, sessionSchema } from './session-view.ts';
export {
  endSession,
  endSessionsOf,
  findSession,
  type OpenedSession,
  openPersonSession,
  personActor,
  SESSION_IDLE_SECONDS,
  SESSION_SECONDS,
  type Session,
  stepUpSession,
} from './sessions.ts';
export { signingPerson } from './signing-person.ts';
export { checkStillThere } from './still-there.ts';
export { credentialKind, lookupHmac, newCredential } from './token-hash.ts';
export { checkVoucher } from './voucher.ts';
export {
  effectiveRoles,
  MAY_BE_ADMIN,
  OPEN_ENGAGEMENT_OF_P,
  rolesOfKey,
  rolesOfPersonSql,
  WORKSPACE_ROLES,
  type WorkspaceRole,
  workspaceRolesSchema,
};
