/** Ids of OCSF with their captions, as the schemas print them. */
import type { Act, Ending, Level, Subject } from '../kinds.ts';

export type OcsfVersion = '1.8.0' | '1.9.0';

export interface OcsfClass {
  readonly uid: number;
  readonly name: string;
  readonly category: readonly [number, string];
  /** Ids of activities by what was done; what is not named is 99 with its own name. */
  readonly activities: Readonly<Partial<Record<Act, readonly [number, string]>>>;
}

const IAM = [3, 'Identity & Access Management'] as const;
const APPLICATION = [6, 'Application Activity'] as const;

const API_ACTIVITY: OcsfClass = { uid: 6003, name: 'API Activity', category: APPLICATION, activities: {} };
const AUTHORIZE_SESSION: OcsfClass = {
  uid: 3003,
  name: 'Authorize Session',
  category: IAM,
  activities: {},
};
const AUTHENTICATION: OcsfClass = {
  uid: 3002,
  name: 'Authentication',
  category: IAM,
  activities: { start: [1, 'Logon'], end: [2, 'Logoff'] },
};
const ACCOUNT_CHANGE: OcsfClass = {
  uid: 3001,
  name: 'Account Change',
  category: IAM,
  activities: {
    create: [1, 'Create'],
    enable: [2, 'Enable'],
    disable: [5, 'Disable'],
    delete: [6, 'Delete'],
    lock: [9, 'Lock'],
    unlock: [12, 'Unlock'],
  },
};
const USER_MANAGEMENT: OcsfClass = {
  uid: 3007,
  name: 'User Management',
  category: IAM,
  activities: {
    create: [1, 'Create'],
    update: [2, 'Update'],
    delete: [3, 'Delete'],
    enable: [4, 'Enable'],
    disable: [5, 'Disable'],
    lock: [6, 'Lock'],
    unlock: [7, 'Unlock'],
  },
};
const GROUP_MANAGEMENT: OcsfClass = {
  uid: 3006,
  name: 'Group Management',
  category: IAM,
  activities: { delete: [5, 'Delete'], create: [6, 'Create'] },
};
const ENTITY_MANAGEMENT: OcsfClass = {
  uid: 3004,
  name: 'Entity Management',
  category: IAM,
  activities: {
    create: [1, 'Create'],
    update: [3, 'Update'],
    delete: [4, 'Delete'],
    enable: [8, 'Enable'],
    disable: [9, 'Disable'],
  },
};
const ROLE_MANAGEMENT: OcsfClass = {
  uid: 3008,
  name: 'Role Management',
  category: IAM,
  activities: { create: [1, 'Create'], update: [2, 'Update'], delete: [3, 'Delete'] },
};
const DETECTION_FINDING: OcsfClass = {
  uid: 2004,
  name: 'Detection Finding',
  category: [2, 'Findings'],
  activities: { create: [1, 'Create'], update: [2, 'Update'], end: [3, 'Close'] },
};
const APPLICATION_LIFECYCLE: OcsfClass = {
  uid: 6002,
  name: 'Application Lifecycle',
  category: APPLICATION,
  activities: { start: [3, 'Start'], end: [4, 'Stop'] },
};
const BASE_EVENT: OcsfClass = { uid: 0, name: 'Base Event', category: [0, 'Uncategorized'], activities: {} };

const CLASSES: Readonly<Record<Subject, OcsfClass>> = {
  call: API_ACTIVITY,
  result: API_ACTIVITY,
  approval: AUTHORIZE_SESSION,
  agent: ACCOUNT_CHANGE,
  credential: ACCOUNT_CHANGE,
  person: ACCOUNT_CHANGE,
  group: GROUP_MANAGEMENT,
  role: ENTITY_MANAGEMENT,
  configuration: ENTITY_MANAGEMENT,
  session: AUTHENTICATION,
  finding: DETECTION_FINDING,
  stream: APPLICATION_LIFECYCLE,
  other: BASE_EVENT,
};

/** What 1.9.0 has new classes for; it deprecates Account Change. */
const CLASSES_1_9: Readonly<Partial<Record<Subject, OcsfClass>>> = {
  agent: USER_MANAGEMENT,
  credential: USER_MANAGEMENT,
  person: USER_MANAGEMENT,
  role: ROLE_MANAGEMENT,
};

export function classOf(subject: Subject, version: OcsfVersion): OcsfClass {
  return (version === '1.9.0' ? CLASSES_1_9[subject] : undefined) ?? CLASSES[subject];
}

export const SEVERITIES: Readonly<Record<Level, readonly [number, string]>> = {
  informational: [1, 'Informational'],
  low: [2, 'Low'],
  medium: [3, 'Medium'],
  high: [4, 'High'],
  critical: [5, 'Critical'],
};

export interface Judgement {
  readonly action: readonly [number, string];
  readonly disposition: readonly [number, string];
  readonly status: readonly [number, string];
}

const OBSERVED = [3, 'Observed'] as const;
const LOGGED = [17, 'Logged'] as const;
const SUCCESS = [1, 'Success'] as const;
const FAILURE = [2, 'Failure'] as const;

export const ALLOWED: Judgement = { action: [1, 'Allowed'], disposition: [1, 'Allowed'], status: SUCCESS };
export const BLOCKED: Judgement = { action: [2, 'Denied'], disposition: [2, 'Blocked'], status: FAILURE };
export const HELD: Judgement = {
  action: [99, 'Held for approval'],
  disposition: [14, 'Delayed'],
  status: [99, 'Held'],
};
export const APPROVED: Judgement = { action: [1, 'Allowed'], disposition: [8, 'Approved'], status: SUCCESS };
export const REJECTED: Judgement = { action: [2, 'Denied'], disposition: [25, 'Rejected'], status: FAILURE };
export const REVOKED: Judgement = { action: [1, 'Allowed'], disposition: [24, 'Access Revoked'], status: SUCCESS };
export const DETECTED: Judgement = { action: OBSERVED, disposition: [15, 'Detected'], status: [1, 'New'] };
export const RESULTS: Readonly<Record<Ending, Judgement>> = {
  success: { action: OBSERVED, disposition: LOGGED, status: SUCCESS },
  failure: { action: OBSERVED, disposition: LOGGED, status: FAILURE },
  unknown: { action: OBSERVED, disposition: LOGGED, status: [0, 'Unknown'] },
  held: { action: OBSERVED, disposition: LOGGED, status: [99, 'Held'] },
  not_attempted: { action: OBSERVED, disposition: LOGGED, status: [99, 'Not attempted'] },
};
