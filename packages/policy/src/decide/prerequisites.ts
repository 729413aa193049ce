/** "Y before X": the key under which Y is found again by X, made of who did it and of the arguments that are bound. */
import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';
import type {
  Condition,
  DecisionRequest,
  JsonObject,
  JsonValue,
  MetPrerequisite,
  PrerequisiteScope,
} from '../model.ts';
import { isObject, member } from '../values/json.ts';

const DIGEST_CHARACTERS = 32;

/** What stands beside `done(…)` or `approved(…)` in the model. */
interface PrerequisiteOperand {
  readonly seconds: number;
  readonly scope: PrerequisiteScope;
  /** Argument of the prerequisite → argument of the call that needs it. */
  readonly bind: Readonly<Record<string, string>>;
}

const FIELD = /^(done|approved)\(([^)]+)\)$/;

/** Undefined for a field of another kind. */
export function prerequisiteField(
  field: string,
): { readonly by: 'done' | 'approved'; readonly capability: string } | undefined {
  const [, by, capability = ''] = FIELD.exec(field) ?? [];
  return by === 'done' || by === 'approved' ? { by, capability } : undefined;
}

/** Of the call that needs it. */
export class Prerequisite {
  readonly withinMs: number;
  readonly #by: 'done' | 'approved';
  readonly #capability: string;
  readonly #scope: PrerequisiteScope;
  readonly #bind: readonly (readonly [string, string])[];

  constructor(field: string, operand: JsonValue) {
    const named = prerequisiteField(field);
    if (named === undefined) throw new TypeError(`the field ${field} was not checked`);
    const { seconds, scope, bind } = operandOf(operand);
    this.#by = named.by;
    this.#capability = named.capability;
    this.withinMs = seconds * 1_000;
    this.#scope = scope;
    this.#bind = Object.entries(bind);
  }

  keyOf(request: DecisionRequest): string | undefined {
    return keyOf(this.#scope, this.#capability, this.#bind, request);
  }

  metMs({ doneAtMs, approvedAtMs }: MetPrerequisite): number | undefined {
    return this.#by === 'done' ? doneAtMs : approvedAtMs;
  }
}

/** Of the call that meets it: the key under which it can be found again. */
export type StepKey = (request: DecisionRequest) => string | undefined;

/** One for each way in which the guards look for calls of the capability. */
export function stepKeysOf(conditions: readonly TestCondition[]): readonly StepKey[] {
  const found = new Map<string, StepKey>();
  for (const { field, operand } of conditions) {
    const capability = prerequisiteField(field)?.capability ?? '';
    const { scope, bind } = operandOf(operand);
    const names = Object.keys(bind).map((name) => [name, name] as const);
    const id = `${scope} ${capability} ${JSON.stringify(names)}`;
    found.set(id, (request) => keyOf(scope, capability, names, request));
  }
  return [...found.values()];
}

export type TestCondition = Extract<Condition, { readonly field: string }>;

/** Every prerequisite in the condition. */
export function prerequisitesIn(condition: Condition): readonly TestCondition[] {
  if ('field' in condition) return prerequisiteField(condition.field) === undefined ? [] : [condition];
  if ('not' in condition) return prerequisitesIn(condition.not);
  return ('all' in condition ? condition.all : condition.any).flatMap(prerequisitesIn);
}

function operandOf(operand: JsonValue): PrerequisiteOperand {
  const { seconds, scope, bind } = isObject(operand) ? operand : {};
  if (typeof seconds !== 'number' || !isScope(scope) || !isObject(bind))
    throw new TypeError('a prerequisite was not checked');
  return { seconds, scope, bind: Object.fromEntries(Object.entries(bind).map(([to, from]) => [to, String(from)])) };
}

function isScope(value: JsonValue | undefined): value is PrerequisiteScope {
  return value === 'session' || value === 'agent' || value === 'owner' || value === 'workspace';
}

/**
 * `<scope>/<scope id>/<capability>/<digest of the bound arguments>`; `bind` in the order of the names. Undefined when
 * the call does not say what it is about: no session, or a bound argument that is absent or is not one plain value.
 */
function keyOf(
  scope: PrerequisiteScope,
  capability: string,
  bind: readonly (readonly [string, string])[],
  request: DecisionRequest,
): string | undefined {
  const owner = ownerOf(scope, request);
  if (owner === undefined) return undefined;
  const values: Record<string, JsonValue> = {};
  for (const [name, argument] of bind) {
    const value = argumentAt(request.arguments, argument);
    if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') return undefined;
    values[name] = value;
  }
  const bound = createHash('sha256')
    .update(`${request.workspaceId}\0${canonicalize(values) ?? ''}`)
    .digest('hex');
  return `${scope}/${owner}/${capability}/${bound.slice(0, DIGEST_CHARACTERS)}`;
}

function ownerOf(scope: PrerequisiteScope, request: DecisionRequest): string | undefined {
  switch (scope) {
    case 'session': {
      const { agentId, sessionId } = request;
      return sessionId === undefined ? undefined : `${agentId}/${sessionId}`;
    }
    case 'agent':
      return request.agentId;
    case 'owner':
      return request.ownerId;
    case 'workspace':
      return request.workspaceId;
  }
}

function argumentAt(args: JsonObject, path: string): JsonValue | undefined {
  let value: JsonValue | undefined = args;
  for (const name of path.split('.')) {
    if (!isObject(value)) return undefined;
    value = member(value, name);
  }
  return value;
}
