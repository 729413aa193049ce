/** What the console calls things of identity. */
import type { Duty, Identity, PersonSource, SignInMethod, StepUpLevel } from '../../api/identity-types.ts';
import type { WorkspaceRole } from '../../api/types.ts';

export const ROLES: Readonly<Record<WorkspaceRole, string>> = {
  admin: 'people, keys, sign-in and settings',
  approver: 'decides about held calls',
  auditor: 'reads everything and changes nothing; nothing else beside it',
  author: 'writes roles of agents, guards, freezes and breakers',
  operator: 'agents, tokens, servers, secrets and channels',
  reviewer: 'lifts stops, releases quarantines, signs off reviews',
  viewer: 'reads',
};

export const SOURCES: Readonly<Record<PersonSource, string>> = {
  hand: 'Local',
  sign_in: 'First sign-in',
  directory: 'SCIM',
};

export const METHODS: Readonly<Record<SignInMethod, string>> = {
  key: 'Admin key',
  oidc: 'OpenID Connect',
  saml: 'SAML',
  passkey: 'Passkey',
};

export const LINKED: Readonly<Record<Identity['linked_how'], string>> = {
  invitation: 'by an invitation',
  session: 'by the person',
  first_sign_in: 'at the first sign-in',
  directory: 'by the directory',
};

export const DUTIES: Readonly<Record<Duty, string>> = {
  approve: 'Approving held calls',
  lift: 'Lifting stops, restoring, releasing quarantines',
  override: 'Overriding freezes',
  confirm: 'Confirming what another person proposed',
  sign_off: 'Signing off reviews',
  secret: 'Giving upstreams another credential',
  change: 'Approving changes of what decides',
};

export const LEVELS: Readonly<Record<StepUpLevel, string>> = {
  none: 'Nothing more',
  recent: 'A recent step-up',
  signed: 'A passkey over the decision',
};

/** `Firefox on Windows`, from what browsers say of themselves; what is not known is said as it came. */
export function deviceWords(userAgent: string | null): string {
  if (userAgent === null || userAgent === '') return 'unknown device';
  const browser = BROWSERS.find(([, mark]) => userAgent.includes(mark))?.[0];
  const system = SYSTEMS.find(([, mark]) => userAgent.includes(mark))?.[0];
  if (browser === undefined) return userAgent;
  return system === undefined ? browser : `${browser} on ${system}`;
}

/** In this order: each names those before it as well. */
const BROWSERS = [
  ['Edge', 'Edg/'],
  ['Firefox', 'Firefox/'],
  ['Chrome', 'Chrome/'],
  ['Safari', 'Safari/'],
] as const;
const SYSTEMS = [
  ['Android', 'Android'],
  ['iPhone', 'iPhone'],
  ['iPad', 'iPad'],
  ['Windows', 'Windows'],
  ['macOS', 'Mac OS X'],
  ['ChromeOS', 'CrOS'],
  ['Linux', 'Linux'],
] as const;
