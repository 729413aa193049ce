/** What an operation is, apart from who may call it: its pin, its plan, and whether it can be governed at all. */
import { NotCanonical } from '@hivekey/action-log';
import { checkCapability, type ImpactRule, type JsonObject } from '@hivekey/policy';
import { compileArguments, pinOf, sensitivePathsOf } from '../upstreams/index.ts';
import type { FoundOperation } from './document.ts';
import type { Method, OperationDefinition } from './operation.ts';
import { type Plan, planOf } from './plan.ts';

const MAX_DESCRIPTION = 1_000;

/** Compiled at its first use: an API has many operations, and an agent few. */
export interface Prepared {
  readonly plan: Plan;
  readonly sensitivePaths: readonly string[];
  /** Problems in words; empty when the arguments fit. */
  validate(args: JsonObject): readonly string[];
}

/** GET and HEAD read; everything else is taken to write. */
export function accessOf(method: Method): 'read' | 'write' {
  return method === 'GET' || method === 'HEAD' ? 'read' : 'write';
}

export function descriptionOf({ summary, description, method, path }: OperationDefinition): string {
  const text = summary || description || `${method} ${path}`;
  return text
    .replaceAll(/[\p{C}\s]+/gu, ' ')
    .trim()
    .slice(0, MAX_DESCRIPTION)
    .toWellFormed();
}

/** Of `x-hivekey-impact`; in words, when that is none. */
export function impactOf({ impact }: OperationDefinition): Readonly<Record<string, ImpactRule>> | string {
  if (impact === undefined) return {};
  const checked = checkCapability({ name: 'x', access: 'write', impact });
  return checked.ok
    ? checked.value.impact
    : `its x-hivekey-impact: ${checked.problems[0]?.message ?? 'is not understood'}`;
}

/** The pin of a definition; undefined when it has no canonical form. */
export function pinOfOperation(definition: OperationDefinition): string | undefined {
  try {
    return pinOf(jsonOf(definition));
  } catch (error) {
    if (error instanceof NotCanonical) return undefined;
    throw error;
  }
}

/** The definition as it is stored. */
export function jsonOf(definition: OperationDefinition): JsonObject {
  return JSON.parse(JSON.stringify(definition));
}

/** Why it cannot be governed whatever anybody approves; undefined when it can. */
export function problemOf({ definition, problem }: FoundOperation): string | undefined {
  if (problem !== undefined) return problem;
  const plan = planOf(definition);
  if (typeof plan === 'string') return plan;
  const compiled = compileArguments(plan.inputSchema);
  if (!compiled.ok) return `its schema is refused: ${compiled.problem}`;
  const impact = impactOf(definition);
  return typeof impact === 'string' ? impact : undefined;
}

const MAX_PREPARED = 4_000;
/** By pin; the oldest make room. */
const prepared = new Map<string, Prepared>();

/** Of an operation without a problem. */
export function prepare(definition: OperationDefinition, pin: string): Prepared {
  const known = prepared.get(pin);
  if (known !== undefined) return known;
  const plan = planOf(definition);
  if (typeof plan === 'string') throw new Error(`the stored operation ${definition.operation} cannot be read: ${plan}`);
  let compiled: ReturnType<typeof compileArguments> | undefined;
  let sensitivePaths: readonly string[] | undefined;
  const made: Prepared = {
    plan,
    get sensitivePaths() {
      sensitivePaths ??= sensitivePathsOf(plan.inputSchema);
      return sensitivePaths;
    },
    validate: (args) => {
      compiled ??= compileArguments(plan.inputSchema);
      // Nothing fits a schema that cannot be used.
      return compiled.ok ? compiled.validate(args) : [`the schema cannot be used: ${compiled.problem}`];
    },
  };
  if (prepared.size >= MAX_PREPARED) {
    const [oldest] = prepared.keys();
    if (oldest !== undefined) prepared.delete(oldest);
  }
  prepared.set(pin, made);
  return made;
}
