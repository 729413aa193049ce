/**
 * How dangerous a change is, and whether it only takes away: computed from the documents of before and after. Nobody types
 * it. Of what the policy decides by, `@hivekey/policy` has found the differences; the rest is found here. Pure.
 */

import { isDeepStrictEqual } from 'node:util';
import { countsByRole, type JsonObject, type JsonValue, type PolicySet } from '@hivekey/policy';
import type { ObjectType } from '../versions/index.ts';
import { type ChangeSettings, type Requirement, settingsDocument } from './settings.ts';
import type { ChangeRisk } from './types.ts';

export interface Assessment {
  readonly risk: ChangeRisk;
  /** Nothing of it widens what anybody may do, or loosens a rule. */
  readonly narrows: boolean;
  /** One sentence each, the gravest first. */
  readonly reasons: readonly string[];
}

interface Finding {
  readonly risk: ChangeRisk;
  readonly narrows: boolean;
  readonly reason: string;
}

/** One object, in a place of the change. */
export interface ChangedObject {
  readonly type: ObjectType;
  readonly id: string;
  readonly before: JsonValue | null;
  readonly after: JsonValue | null;
}

/** What `diffPolicies` says of two policies, as far as it matters here. */
export interface PolicyDifference {
  readonly direction: 'widens' | 'narrows' | 'changes' | 'neutral';
  readonly items: readonly { readonly direction: string; readonly sentence: string }[];
  readonly risk: {
    readonly gained: readonly {
      readonly role: string;
      readonly capability: string;
      readonly access: 'read' | 'write' | 'unknown';
      readonly destructive: boolean;
    }[];
    readonly guardsLoosened: number;
    readonly guardsChanged: number;
    readonly capsLoosened: number;
    readonly approvalsLoosened: number;
    readonly workspaceWide: boolean;
  };
}

const RISKS: readonly ChangeRisk[] = ['low', 'medium', 'high', 'critical'];
/** A record and a list have to stay readable. */
const MAX_REASONS = 20;

/** `policy`: absent where nothing changes that the policy decides by. `now`: the policy in force. */
export function assess(
  objects: readonly ChangedObject[],
  now: PolicySet,
  policy: PolicyDifference | undefined,
): Assessment {
  const findings = [
    ...(policy === undefined ? [] : policyFindings(policy)),
    ...objects.flatMap((object) => ASSESSORS[object.type]?.(object, now) ?? []),
  ];
  const byRisk = findings.toSorted((a, b) => RISKS.indexOf(b.risk) - RISKS.indexOf(a.risk));
  return {
    risk: byRisk[0]?.risk ?? 'low',
    narrows: findings.every(({ narrows }) => narrows),
    reasons: byRisk.slice(0, MAX_REASONS).map(({ reason }) => reason),
  };
}

function policyFindings({ direction, risk, items }: PolicyDifference): readonly Finding[] {
  const widens = (level: ChangeRisk, reason: string): Finding => ({ risk: level, narrows: false, reason });
  const counted = (count: number, what: string) =>
    count === 0 ? [] : [widens('high', `${count} ${count === 1 ? what : `${what}s`} loosened or removed`)];
  const found = [
    ...risk.gained.map(({ role, capability, access, destructive }) => {
      if (access === 'unknown') return widens('high', `${role} gains ${capability}, which nobody has declared`);
      if (destructive) return widens('critical', `${role} gains ${capability}, which cannot be undone`);
      if (access === 'read') return widens('medium', `${role} gains ${capability}, which reads`);
      return widens('high', `${role} gains ${capability}, which writes`);
    }),
    ...counted(risk.capsLoosened, 'cap'),
    ...counted(risk.approvalsLoosened, 'approval'),
    ...counted(Math.max(0, risk.guardsLoosened - risk.capsLoosened - risk.approvalsLoosened), 'guard'),
    ...(risk.guardsChanged > 0 ? [widens('high', 'guards change in a way that is not plainly stricter')] : []),
    ...(risk.workspaceWide ? [widens('high', 'something that holds for every agent is not narrowed but changed')] : []),
  ];
  if (found.length > 0) return found;
  if (direction === 'widens' || direction === 'changes')
    return items
      .filter((item) => item.direction === 'widens' || item.direction === 'changes')
      .map(({ sentence }) => widens('medium', sentence));
  return items.map(({ sentence }) => ({ risk: 'low', narrows: true, reason: sentence }));
}

type Assessor = (object: ChangedObject, now: PolicySet) => readonly Finding[];

/** Beside what the policy says of the types that it decides by. */
const ASSESSORS: Partial<Readonly<Record<ObjectType, Assessor>>> = {
  freeze: policyFreezeFindings,
  assignment: assignmentFindings,
  mcp_server: serverFindings,
  http_api: serverFindings,
  definition: definitionFindings,
  person_authority: authorityFindings,
  breaker: ({ id, before }) => [
    before === null
      ? { risk: 'low', narrows: true, reason: `the breaker ${id} is added` }
      : { risk: 'high', narrows: false, reason: `the breaker ${id} is changed or removed` },
  ],
  detection: ({ id, before, after }) => [
    isSwitchedOn(before, after)
      ? { risk: 'low', narrows: true, reason: `the detection ${id} is switched on` }
      : { risk: 'high', narrows: false, reason: `what the detection ${id} finds or does changes` },
  ],
  approval_reminders: () => [{ risk: 'low', narrows: true, reason: 'who is told of held calls changes' }],
  agent_settings: () => [{ risk: 'high', narrows: false, reason: 'how agents are let in changes' }],
  containment_settings: () => [{ risk: 'high', narrows: false, reason: 'which stops take two people changes' }],
  change_settings: settingsFindings,
};

/** And is otherwise as it was. */
function isSwitchedOn(before: JsonValue | null, after: JsonValue | null): boolean {
  return (
    member(before, 'enabled') === false && member(after, 'enabled') === true && isSameBut('enabled', before, after)
  );
}

/** That it freezes changes decides no call, so the policy does not know. */
function policyFreezeFindings({ id, before, after }: ChangedObject): readonly Finding[] {
  const frozen = names(member(before, 'scope'), 'changes');
  if (frozen.length === 0) return [];
  const still = names(member(after, 'scope'), 'changes');
  const isAsWide = still.includes('*') || frozen.every((type) => still.includes(type));
  if (isAsWide && isSameBut('scope', before, after)) return [];
  return [{ risk: 'high', narrows: false, reason: `the freeze ${id} of changes is moved, made smaller or removed` }];
}

/**
 * A role that goes takes its guards along, and its counter where the workspace counts by role; one that comes brings its
 * grants.
 */
function assignmentFindings({ id, before, after }: ChangedObject, now: PolicySet): readonly Finding[] {
  const isCounted = now.workspaceGuards.some(countsByRole);
  const had = names(before, 'roles');
  const has = names(after, 'roles');
  const added = has.filter((role) => !had.includes(role));
  const gone = had.filter((role) => !has.includes(role));
  return [
    ...added.map((role): Finding => {
      const risk = riskOfWearing(now, role);
      return { risk, narrows: false, reason: `${id} is given the role ${role}` };
    }),
    ...gone.map((role): Finding => {
      const hasGuards = (now.roles.find(({ name }) => name === role)?.guards.length ?? 0) > 0;
      return (hasGuards || isCounted) && has.length > 0
        ? { risk: 'medium', narrows: false, reason: `${id} loses the role ${role}, and what limits it` }
        : { risk: 'low', narrows: true, reason: `${id} loses the role ${role}` };
    }),
  ];
}

function riskOfWearing({ roles, capabilities }: PolicySet, name: string): ChangeRisk {
  const role = roles.find((each) => each.name === name);
  if (role === undefined) return 'high';
  const granted = role.allow.map((allowed) => capabilities.find((each) => each.name === allowed));
  if (granted.some((capability) => capability?.destructive === true)) return 'critical';
  return granted.every((capability) => capability?.access === 'read') ? 'medium' : 'high';
}

function serverFindings({ id, before, after }: ChangedObject): readonly Finding[] {
  const isOff =
    after === null || (before !== null && isSameBut('status', before, after) && member(after, 'status') !== 'active');
  return [
    isOff
      ? { risk: 'low', narrows: true, reason: `the server ${id} is switched off` }
      : { risk: 'high', narrows: false, reason: `where the server ${id} is, or what it is given, changes` },
  ];
}

function definitionFindings({ id, before, after }: ChangedObject): readonly Finding[] {
  const isOff =
    after === null || (before !== null && isSameBut('status', before, after) && member(after, 'status') !== 'live');
  if (isOff) return [{ risk: 'low', narrows: true, reason: `${id} is switched off` }];
  const reads = member(after, 'access') === 'read';
  return [{ risk: reads ? 'medium' : 'high', narrows: false, reason: `${id} is let in as its server offers it` }];
}

/** Those who manage HiveKey, and those whose word lets calls and changes through. */
const GRAVE_ROLES = ['admin', 'approver', 'reviewer'];

function authorityFindings({ id, before, after }: ChangedObject): readonly Finding[] {
  const added = (field: string) => names(after, field).filter((each) => !names(before, field).includes(each));
  const roles = added('roles');
  const limits = isWithin(member(before, 'authority'), member(after, 'authority'));
  const isLess = roles.length === 0 && added('groups').length === 0 && limits;
  return [
    roles.some((role) => GRAVE_ROLES.includes(role))
      ? { risk: 'critical', narrows: false, reason: `${id} is given the role ${roles.join(', ')}` }
      : {
          risk: 'high',
          narrows: isLess,
          reason: `what ${id} may do and approve becomes ${isLess ? 'less' : 'another'}`,
        },
  ];
}

/** Null is no limit; of lists, only a part of the same is less for certain. */
function isWithin(before: JsonValue, after: JsonValue): boolean {
  if (before === null) return true;
  return (
    Array.isArray(before) &&
    Array.isArray(after) &&
    after.every((each: JsonValue) => before.some((other: JsonValue) => isDeepStrictEqual(each, other)))
  );
}

function settingsFindings({ before, after }: ChangedObject): readonly Finding[] {
  const [was, becomes] = [settingsDocument.safeParse(before), settingsDocument.safeParse(after)];
  const loosened =
    was.success && becomes.success ? loosenedBy(was.data, becomes.data) : ['it cannot be compared with what is there'];
  return loosened.length === 0
    ? [{ risk: 'high', narrows: true, reason: 'how changes are reviewed becomes stricter' }]
    : loosened.map((what) => ({
        risk: 'critical',
        narrows: false,
        reason: `how changes are reviewed is loosened: ${what}`,
      }));
}

/** What is looser; empty where nothing is. */
export function loosenedBy(before: ChangeSettings, after: ChangeSettings): readonly string[] {
  if (before.mode === 'direct') return [];
  const rules = [
    ...(['low', 'medium', 'high', 'critical'] as const).map(
      (risk) => [`${risk} risk`, before.authority.normal[risk], after.authority.normal[risk]] as const,
    ),
    ['emergencies', before.authority.emergency, after.authority.emergency] as const,
  ];
  const covers = after.types === null || (before.types?.every((type) => after.types?.includes(type)) ?? false);
  const checks: readonly (readonly [boolean, string])[] = [
    [after.mode === 'direct', 'nothing is reviewed any more'],
    [!covers, 'some types are not reviewed any more'],
    ...rules.map(([what, was, is]) => [asksForLess(was, is), `fewer people approve at ${what}`] as const),
    [after.emergency.alone && !before.emergency.alone, 'one person activates emergencies'],
    [after.emergency.review_within_minutes > before.emergency.review_within_minutes, 'emergencies are reviewed later'],
    [
      !before.emergency.escalate_to.every((name) => after.emergency.escalate_to.includes(name)),
      'fewer are told of emergencies',
    ],
    [after.rollback === 'standard' && before.rollback !== 'standard', 'rollbacks need nobody'],
    [
      !after.standard.every((pattern) => before.standard.some((other) => isDeepStrictEqual(pattern, other))),
      'another pattern needs nobody',
    ],
  ];
  return checks.flatMap(([is, what]) => (is ? [what] : []));
}

function asksForLess(before: Requirement, after: Requirement): boolean {
  return after.people < before.people || !before.groups.every((group) => after.groups.includes(group));
}

function isObject(document: JsonValue | null): document is JsonObject {
  return typeof document === 'object' && document !== null && !Array.isArray(document);
}

function member(document: JsonValue | null, name: string): JsonValue {
  return isObject(document) ? (document[name] ?? null) : null;
}

function names(document: JsonValue | null, field: string): readonly string[] {
  const value = member(document, field);
  return Array.isArray(value) ? value.filter((each: JsonValue) => typeof each === 'string') : [];
}

function isSameBut(field: string, before: JsonValue | null, after: JsonValue | null): boolean {
  return (
    isObject(before) && isObject(after) && isDeepStrictEqual({ ...before, [field]: null }, { ...after, [field]: null })
  );
}
