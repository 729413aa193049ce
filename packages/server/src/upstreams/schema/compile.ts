/** From a pinned schema to a function that says, in words, how a value does not fit it. */

import { canonicalJson } from '@hivekey/action-log';
import type { JsonObject, JsonValue } from '@hivekey/policy';
import type { ErrorObject, ValidateFunction } from 'ajv';
import { Ajv2019 } from 'ajv/dist/2019.js';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { RegExpEngine } from 'ajv/dist/types/index.js';
import { linearRegExp } from '../linear-regexp.ts';
import { closeSchema } from './close.ts';
import { measureSchema } from './measure.ts';

export type Validate = (value: JsonValue) => readonly string[];

export type Compiled =
  | { readonly ok: true; readonly validate: Validate }
  /** In words. */
  | { readonly ok: false; readonly problem: string };

/** Ajv follows a reference to the whole document only where that has an address. */
const ADDRESS = 'urn:hivekey:pinned';
/** Problems named for one value. */
const MAX_PROBLEMS = 16;

const linearTime: RegExpEngine = Object.assign((pattern: string) => linearRegExp(pattern), { code: 're2' });

type Validator = Ajv2019 | Ajv2020;

function configured(create: typeof Ajv2019 | typeof Ajv2020): Validator {
  const ajv = new create({
    strict: false,
    allErrors: true,
    ownProperties: true,
    inlineRefs: false,
    addUsedSchema: false,
    // An annotation in these dialects. What must hold of an argument is a guard's business.
    validateFormats: false,
    logger: false,
    code: { regExp: linearTime },
  });
  // Ajv compares each pair of items.
  ajv.removeKeyword('uniqueItems');
  ajv.addKeyword({
    keyword: 'uniqueItems',
    type: 'array',
    schemaType: 'boolean',
    errors: false,
    error: { message: 'must not have the same item twice' },
    validate: (unique: boolean, items: readonly JsonValue[]) =>
      !unique || new Set(items.map((item) => canonicalJson(item))).size === items.length,
  });
  return ajv;
}

let ajv2020: Validator | undefined;
let ajv2019: Validator | undefined;

/** Draft 7 and 6 are read by the 2019-09 rules, which contain theirs and can close composed schemas. */
const DIALECT = /^https?:\/\/json-schema\.org\/(draft\/2020-12|draft\/2019-09|draft-07|draft-06)\/schema#?$/;

function validatorFor(dialect: JsonValue | undefined): Validator | undefined {
  const name = dialect === undefined ? 'draft/2020-12' : DIALECT.exec(String(dialect))?.[1];
  if (name === undefined) return undefined;
  if (name === 'draft/2020-12') {
    ajv2020 ??= configured(Ajv2020);
    return ajv2020;
  }
  ajv2019 ??= configured(Ajv2019);
  return ajv2019;
}

/** Compiles a tool's input schema, closed. */
export function compileArguments(schema: JsonObject): Compiled {
  return compile(schema, closeSchema);
}

/** Compiles a tool's output schema as it is. */
export function compileOutput(schema: JsonObject): Compiled {
  return compile(schema, (same) => same);
}

function compile(schema: JsonObject, prepare: (schema: JsonObject) => JsonObject): Compiled {
  const measured = measureSchema(schema);
  if (!measured.ok) return measured;
  const ajv = validatorFor(schema.$schema);
  if (ajv === undefined) return { ok: false, problem: 'its dialect is not supported' };
  // With its own address and dialect, two tools that have the same one would meet in the validator.
  const { $id: _id, $schema: _dialect, ...bare } = schema;
  const prepared = { ...prepare(bare), $id: ADDRESS };
  let check: ValidateFunction;
  try {
    check = ajv.compile(prepared);
  } catch (error) {
    const why = error instanceof Error ? error.message.split('\n')[0]?.slice(0, 200) : 'unknown reason';
    return { ok: false, problem: `it is not a valid schema: ${why}` };
  } finally {
    ajv.removeSchema(prepared);
  }
  const { maxDepth } = measured;
  return {
    ok: true,
    validate: (value) => {
      if (maxDepth !== undefined && deeperThan(value, maxDepth))
        return [`is nested deeper than the ${maxDepth} levels that this recursive schema allows`];
      if (check(value)) return [];
      return (check.errors ?? []).slice(0, MAX_PROBLEMS).map(inWords);
    },
  };
}

function deeperThan(value: JsonValue, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (levels === 0) return true;
  return Object.values(value).some((item) => deeperThan(item, levels - 1));
}

/** Names the place and the rule. Values are left out: they may be sensitive. */
function inWords({ instancePath, keyword, message, params }: ErrorObject): string {
  const place = instancePath === '' ? 'arguments' : instancePath.slice(1).replaceAll('/', '.');
  if (keyword === 'additionalProperties' || keyword === 'unevaluatedProperties') {
    const name: unknown = params.additionalProperty ?? params.unevaluatedProperty;
    return `${place} must not have ${JSON.stringify(name)}`;
  }
  if (keyword === 'enum' || keyword === 'const') {
    const allowed: unknown = keyword === 'enum' ? params.allowedValues : params.allowedValue;
    return `${place} must be ${keyword === 'enum' ? 'one of ' : ''}${JSON.stringify(allowed)?.slice(0, 200)}`;
  }
  return `${place} ${message ?? 'does not fit'}`;
}
