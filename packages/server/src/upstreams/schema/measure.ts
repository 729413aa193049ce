/**
 * What validating against a schema may cost. A schema comes from an upstream, so it is refused when a small
 * document could keep the validator busy for long, and its recursion is bounded by what it multiplies.
 */
import type { JsonObject } from '@hivekey/policy';
import { createResolver, isSchemaObject, partsOf, REFERENCES, referredBy } from './walk.ts';

const MAX_BYTES = 256 * 1024;
const MAX_NESTING = 64;
const MAX_SCHEMAS = 5_000;
const MAX_PATTERN = 1_000;
/** Schemas that validating one value may visit when every reference is written out once. */
const MAX_EXPANDED = 20_000;
/** Visits that recursion may cause for one value. */
const MAX_RECURSIVE_VISITS = 100_000;

export type Measured =
  | { readonly ok: true; readonly maxDepth?: number }
  /** In words. */
  | { readonly ok: false; readonly problem: string };

function refused(problem: string): Measured {
  return { ok: false, problem };
}

/** `maxDepth`: the deepest value that may be checked; absent when any depth is fine. */
export function measureSchema(root: JsonObject): Measured {
  if (JSON.stringify(root).length > MAX_BYTES) return refused(`it has more than ${MAX_BYTES} bytes`);
  const form = formProblem(root);
  if (form !== undefined) return refused(form);
  const graph = new Graph(root);
  const expanded = graph.expanded(root);
  if (expanded === undefined) return refused('it refers to itself without going deeper');
  if (expanded > MAX_EXPANDED) return refused('its references multiply to too many schemas');
  const fanOut = graph.recursiveFanOut();
  if (fanOut < 2) return { ok: true };
  return { ok: true, maxDepth: Math.floor(Math.log(MAX_RECURSIVE_VISITS) / Math.log(fanOut)) };
}

/** Size, nesting, references and patterns, in one walk. */
function formProblem(root: JsonObject): string | undefined {
  const resolve = createResolver(root);
  const pending: { readonly schema: JsonObject; readonly nesting: number }[] = [{ schema: root, nesting: 1 }];
  let count = 0;
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { schema, nesting } = next;
    count += 1;
    if (count > MAX_SCHEMAS) return `it has more than ${MAX_SCHEMAS} parts`;
    if (nesting > MAX_NESTING) return `it is nested deeper than ${MAX_NESTING} levels`;
    if (schema !== root && schema.$id !== undefined) return 'a part of it has an $id of its own';
    for (const keyword of REFERENCES) {
      const reference = schema[keyword];
      if (reference === undefined) continue;
      if (typeof reference !== 'string' || !reference.startsWith('#'))
        return `${keyword} leads out of the document, and that is not followed`;
      if (resolve(reference) === undefined) return `${keyword} leads nowhere`;
    }
    const patterns = typeof schema.pattern === 'string' ? [schema.pattern] : [];
    if (isSchemaObject(schema.patternProperties)) patterns.push(...Object.keys(schema.patternProperties));
    if (patterns.some((pattern) => pattern.length > MAX_PATTERN)) return 'a pattern is too long';
    for (const part of partsOf(schema)) pending.push({ schema: part.schema, nesting: nesting + 1 });
  }
  return undefined;
}

interface Child {
  readonly selector: string;
  readonly schema: JsonObject;
}

class Graph {
  readonly #resolve: (reference: string) => JsonObject | undefined;
  readonly #sizes = new Map<JsonObject, number | 'open'>();
  readonly #atSameValue = new Map<JsonObject, readonly JsonObject[]>();

  constructor(root: JsonObject) {
    this.#resolve = createResolver(root);
  }

  /** Schemas applied to the same value as `schema` by itself, references included. */
  #same(schema: JsonObject): readonly JsonObject[] {
    const parts = partsOf(schema).flatMap((part) => (part.relation.kind === 'same' ? [part.schema] : []));
    return [...parts, ...referredBy(schema, this.#resolve).filter((each) => each !== undefined)];
  }

  #children(schema: JsonObject): readonly Child[] {
    return partsOf(schema).flatMap(({ relation, schema: part }) =>
      relation.kind === 'child' ? [{ selector: relation.selector, schema: part }] : [],
    );
  }

  /** Visits for one value, recursion counted once; undefined when the schema never gets past its own reference. */
  expanded(schema: JsonObject): number | undefined {
    const known = this.#sizes.get(schema);
    if (known !== undefined) return known === 'open' ? 1 : known;
    if (this.#closure(schema, new Set()) === undefined) return undefined;
    this.#sizes.set(schema, 'open');
    let size = 1;
    for (const each of [...this.#same(schema), ...this.#children(schema).map((child) => child.schema)]) {
      const inner = this.expanded(each);
      if (inner === undefined) return undefined;
      size = Math.min(size + inner, MAX_EXPANDED + 1);
    }
    this.#sizes.set(schema, size);
    return size;
  }

  /** Every schema applied to the same value, as often as it is applied. Undefined when that never ends. */
  #closure(schema: JsonObject, open: Set<JsonObject>): readonly JsonObject[] | undefined {
    const known = this.#atSameValue.get(schema);
    if (known !== undefined) return known;
    if (open.has(schema)) return undefined;
    open.add(schema);
    const all: JsonObject[] = [schema];
    for (const each of this.#same(schema)) {
      const inner = this.#closure(each, open);
      if (inner === undefined) return undefined;
      // Long before this is reached the schema is refused for its size.
      if (all.length <= MAX_EXPANDED) all.push(...inner);
    }
    open.delete(schema);
    this.#atSameValue.set(schema, all);
    return all;
  }

  /** The most schemas with recursion behind them that may apply to one and the same member or item. */
  recursiveFanOut(): number {
    const recursive = this.#leadingToCycles();
    let most = 0;
    for (const all of this.#atSameValue.values()) {
      const bySelector = new Map<string, number>();
      for (const { selector, schema } of all.flatMap((each) => this.#children(each)))
        if (recursive.has(schema)) bySelector.set(selector, (bySelector.get(selector) ?? 0) + 1);
      // A keyword for any member meets each keyword for one member.
      const anyMember = bySelector.get('member') ?? 0;
      for (const [selector, count] of bySelector)
        most = Math.max(most, selector.startsWith('member ') ? count + anyMember : count);
    }
    return most;
  }

  /** What is left when schemas from which nothing is left to reach are taken away again and again. */
  #leadingToCycles(): ReadonlySet<JsonObject> {
    const left = new Map<JsonObject, number>();
    const above = new Map<JsonObject, JsonObject[]>();
    for (const schema of this.#atSameValue.keys()) {
      const below = [...this.#same(schema), ...this.#children(schema).map((child) => child.schema)];
      left.set(schema, below.length);
      for (const each of below) above.set(each, [...(above.get(each) ?? []), schema]);
    }
    const done = [...left].flatMap(([schema, count]) => (count === 0 ? [schema] : []));
    for (let schema = done.pop(); schema !== undefined; schema = done.pop()) {
      left.delete(schema);
      for (const each of above.get(schema) ?? []) {
        const count = (left.get(each) ?? 0) - 1;
        left.set(each, count);
        if (count === 0) done.push(each);
      }
    }
    return new Set(left.keys());
  }
}
