/**
 * The same policy decided by the most direct interpreter: no index, no cache, no closures. It shares only the
 * model with the compiled one, and covers the fields and operators that the generator below makes.
 */
import { createHash } from 'node:crypto';
import type {
  Condition,
  DecisionRequest,
  Guard,
  JsonValue,
  PolicySet,
  Verdict,
  WindowCondition,
} from '../src/index.ts';

type Answer = boolean | 'unknown';
const RANK = { allow: 0, review: 1, deny: 2 } as const;

export type UsageOf = (key: string) => number;

export function naiveVerdict(set: PolicySet, request: DecisionRequest, usageOf: UsageOf): Verdict {
  const worn = set.roles.filter(({ name }) => request.roles.includes(name));
  if (!worn.some(({ allow }) => allow.includes(request.capability))) return 'deny';
  const applicable = [
    ...set.workspaceGuards.map((guard) => ({ guard, origin: 'workspace' })),
    ...worn.flatMap(({ name, guards }) => guards.map((guard) => ({ guard, origin: name }))),
  ].filter(({ guard }) => matches(guard.action, request.capability));
  const refused = impactIsRefused(
    set,
    request,
    applicable.map(({ guard }) => guard),
  );
  const verdicts: Verdict[] = refused ? ['deny'] : [];
  for (const { guard, origin } of applicable) verdicts.push(...guardVerdicts(set, guard, origin, request, usageOf));
  return verdicts.reduce((a, b) => (RANK[a] >= RANK[b] ? a : b), 'allow');
}

function matches(pattern: string, name: string): boolean {
  if (pattern === '*' || pattern === name) return true;
  return pattern.endsWith('.*') && `${name}.`.startsWith(pattern.slice(0, -1));
}

/** Minor units of `amount`, for USD; undefined is missing or of the wrong type, `bad` is no amount. */
function dollars(value: JsonValue | undefined): bigint | 'bad' | undefined {
  if (typeof value !== 'number') return undefined;
  if (value < 0) return 'bad';
  const [whole = '0', fraction = ''] = value.toFixed(10).split('.');
  if (/[1-9]/.test(fraction.slice(2)) || value.toString().includes('e')) return 'bad';
  const minor = BigInt(whole) * 100n + BigInt(fraction.slice(0, 2));
  return minor > BigInt(Number.MAX_SAFE_INTEGER) ? 'bad' : minor;
}

function declares(set: PolicySet, capability: string): boolean {
  return set.capabilities.some(({ name, impact }) => name === capability && impact.usd !== undefined);
}

/** An impossible amount is refused where it is declared, and where a guard that applies reads it. */
function impactIsRefused(set: PolicySet, request: DecisionRequest, applicable: readonly Guard[]): boolean {
  const { capability, arguments: args } = request;
  const isRead = applicable.some(({ when }) =>
    'kind' in when ? when.kind === 'sum' && spends(set, when, capability) : readsAmount(when),
  );
  return (declares(set, capability) || isRead) && dollars(args.amount) === 'bad';
}

function readsAmount(when: Condition): boolean {
  if ('field' in when) return when.field === 'amount';
  if ('not' in when) return readsAmount(when.not);
  return ('all' in when ? when.all : when.any).some(readsAmount);
}

/** Whether a call of the capability is taken to spend dollars in this window. */
function spends(set: PolicySet, { over }: WindowCondition, capability: string): boolean {
  if (declares(set, capability) || over.includes(capability)) return true;
  const isRead = set.capabilities.some(({ name, access }) => name === capability && access === 'read');
  return !isRead && over.some((pattern) => pattern !== '*' && matches(pattern, capability));
}

function guardVerdicts(
  set: PolicySet,
  guard: Guard,
  origin: string,
  request: DecisionRequest,
  usageOf: UsageOf,
): Verdict[] {
  const { when, effect, otherwise } = guard;
  const stricter = RANK[effect] > RANK[otherwise] ? effect : otherwise;
  if (!('kind' in when)) {
    const answer = answerOf(when, request);
    return [answer === 'unknown' ? stricter : answer ? effect : otherwise];
  }
  const amount = when.kind === 'count' ? 1n : spent(set, when, request);
  if (amount === undefined) return [stricter];
  if (amount === 0n) return [effect];
  const parts = partsOf(when.per, request);
  if (parts === undefined) return [stricter];
  const keys = keysOf(set, when, origin, request).flatMap((key) => parts.map((part) => `${key}${part}`));
  return keys.map((key) => (BigInt(usageOf(key)) + amount <= BigInt(when.limit) ? effect : otherwise));
}

function spent(set: PolicySet, when: WindowCondition, request: DecisionRequest): bigint | undefined {
  if (!spends(set, when, request.capability)) return 0n;
  const minor = dollars(request.arguments.amount);
  return typeof minor === 'bigint' ? minor : undefined;
}

function keysOf(set: PolicySet, when: WindowCondition, origin: string, request: DecisionRequest): string[] {
  const rest = `${when.kind === 'count' ? 'count' : when.unit}/${[...when.over].sort().join(',')}`;
  if (when.scope === 'agent') return [`agent/${request.agentId}/${rest}`];
  if (when.scope === 'owner') return [`owner/${request.ownerId}/${rest}`];
  if (when.scope === 'workspace') return [`workspace/${request.workspaceId}/${rest}`];
  if (origin !== 'workspace') return [`role/${origin}/${rest}`];
  return set.roles
    .filter(({ name, allow }) => request.roles.includes(name) && allow.includes(request.capability))
    .map(({ name }) => `role/${name}/${rest}`);
}

/** What the key ends with, for each value that counters are kept apart by. */
function partsOf(per: string | undefined, { workspaceId, capability, arguments: args }: DecisionRequest) {
  if (per === undefined) return [''];
  if (per === 'action') return [`/action:${capability}`];
  const value = args[per];
  const items: readonly JsonValue[] = Array.isArray(value) ? value : [value ?? null];
  const parts = items.map((item) => (typeof item === 'object' || item === '' ? undefined : String(item).toLowerCase()));
  if (parts.length === 0 || parts.includes(undefined)) return undefined;
  return [...new Set(parts)].map((part) => {
    const digest = createHash('sha256').update(`${workspaceId}\0${per}\0${part}`).digest('hex');
    return `/${per}:${digest.slice(0, 32)}`;
  });
}

function answerOf(condition: Condition, request: DecisionRequest): Answer {
  if ('not' in condition) {
    const answer = answerOf(condition.not, request);
    return answer === 'unknown' ? answer : !answer;
  }
  if ('all' in condition)
    return join(
      condition.all.map((part) => answerOf(part, request)),
      false,
    );
  if ('any' in condition)
    return join(
      condition.any.map((part) => answerOf(part, request)),
      true,
    );
  if (condition.field === 'amount') {
    const minor = dollars(request.arguments.amount);
    return typeof minor === 'bigint'
      ? minor > BigInt(Math.round(Number(`${condition.operand}`.slice(1)) * 100))
      : 'unknown';
  }
  const value = request.arguments[condition.field];
  if (value === undefined || value === null) return 'unknown';
  const items: readonly JsonValue[] = Array.isArray(value) ? value : [value];
  const answers = items.map((item) => test(condition.operator, item, condition.operand));
  const [first] = answers;
  return first !== undefined && answers.every((answer) => answer === first) ? first : 'unknown';
}

/** `decides` is the answer that no other can undo. */
function join(answers: readonly Answer[], decides: boolean): Answer {
  if (answers.includes(decides)) return decides;
  return answers.includes('unknown') ? 'unknown' : !decides;
}

function test(operator: string, value: JsonValue, operand: JsonValue): Answer {
  const items: readonly JsonValue[] = Array.isArray(operand) ? operand : [operand];
  if (typeof value !== typeof items[0]) return 'unknown';
  const inside = items.includes(value);
  const near = items.some((item) => `${item}`.toLowerCase() === `${value}`.toLowerCase());
  switch (operator) {
    case 'eq':
    case 'in':
      return inside || !near ? inside : 'unknown';
    case 'ne':
    case 'notIn':
      return inside || !near ? !inside : 'unknown';
    case 'lt':
      return value !== null && Number(value) < Number(operand);
    case 'gte':
      return value !== null && Number(value) >= Number(operand);
    case 'startsWith':
      return `${value}`.startsWith(`${operand}`);
    default:
      throw new TypeError(operator);
  }
}
