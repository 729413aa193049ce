/** What claims of a workload's token must be, exactly. Pure. */
import type { JsonObject, JsonValue } from '@hivekey/policy';

export type IssuerKind = 'github' | 'kubernetes' | 'spiffe' | 'oidc';

const MAX_DEPTH = 4;
const MAX_CONDITIONS = 20;
const MAX_TEXT = 512;
const NUMBER = /^[0-9]{1,20}$/;

/** Every member of the conditions is there, and the same; what else the claims say does not matter. */
export function claimsMatch(conditions: JsonObject, claims: JsonObject): boolean {
  return Object.entries(conditions).every(([name, wanted]) => {
    const found = Object.hasOwn(claims, name) ? claims[name] : undefined;
    return isObject(wanted) ? isObject(found) && claimsMatch(wanted, found) : found === wanted;
  });
}

/** Why these conditions do not tell one workload from others; undefined when they do. */
export function conditionsProblem(kind: IssuerKind, issuer: string, conditions: JsonObject): string | undefined {
  return shapeProblem(conditions) ?? KINDS[kind](conditions, issuer);
}

function shapeProblem(conditions: JsonObject, depth = 1): string | undefined {
  const entries = Object.entries(conditions);
  if (entries.length === 0) return 'there is no condition';
  if (entries.length > MAX_CONDITIONS || depth > MAX_DEPTH) return 'there are too many conditions';
  for (const [name, value] of entries) {
    if (name.length > MAX_TEXT) return 'a name is too long';
    if (isObject(value)) {
      const problem = shapeProblem(value, depth + 1);
      if (problem !== undefined) return problem;
    } else if (typeof value === 'string') {
      if (value === '' || value.length > MAX_TEXT) return `${name} is empty or too long`;
      if (/[*?]/.test(value)) return `${name} looks like a pattern; values are compared exactly`;
    } else if (typeof value !== 'number' && typeof value !== 'boolean') return `${name} is no text, number or boolean`;
  }
  return undefined;
}

type Check = (conditions: JsonObject, issuer: string) => string | undefined;

const KINDS: Readonly<Record<IssuerKind, Check>> = {
  // Names can be registered again by somebody else; numbers cannot.
  github: (conditions) => {
    for (const name of ['repository_id', 'repository_owner_id'])
      if (!isNumeric(conditions[name])) return `${name} (the number) is missing`;
    return isText(conditions.environment) || isText(conditions.ref) ? undefined : 'environment or ref is missing';
  },
  // A service account of the same name can be made again; its uid cannot.
  kubernetes: (conditions) => {
    const own = conditions['kubernetes.io'];
    const account = isObject(own) ? own.serviceaccount : undefined;
    if (!isObject(own) || !isText(own.namespace)) return '"kubernetes.io".namespace is missing';
    return isObject(account) && isText(account.uid) ? undefined : '"kubernetes.io".serviceaccount.uid is missing';
  },
  spiffe: ({ sub }, issuer) =>
    isText(sub) && sub.startsWith(`${issuer}/`) && sub.length > issuer.length + 1
      ? undefined
      : `sub is not a whole SPIFFE ID of ${issuer}`,
  oidc: ({ sub }) => (isText(sub) ? undefined : 'sub is missing'),
};

function isText(value: JsonValue | undefined): value is string {
  return typeof value === 'string' && value !== '';
}

function isNumeric(value: JsonValue | undefined): boolean {
  return typeof value === 'string' && NUMBER.test(value);
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
