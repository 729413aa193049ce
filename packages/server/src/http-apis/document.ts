/**
 * An OpenAPI 3.0 or 3.1 document becomes operations. Nothing outside the document is read: references lead into it
 * or are refused, and its servers are not followed.
 */
import type { JsonObject, JsonValue } from '@hivekey/policy';
import { parseDocument } from 'yaml';
import { Failure } from '../errors.ts';
import { DEFAULT_JSON_LIMITS, parseStrictJson } from '../gateway/strict-json.ts';
import { isObject, pointerKey } from './json.ts';
import { METHODS, type Method, type OperationDefinition, type ParameterDefinition } from './operation.ts';

/** Of the text, bytes. */
export const MAX_DOCUMENT_BYTES = 8 * 1024 * 1024;
const MAX_OPERATIONS = 2_000;
/** References in a row that lead from one to the next. */
const MAX_HOPS = 16;
/** Schemas that one operation may reach through references. */
const MAX_SCHEMAS = 1_000;
/** One operation with all that it reaches, bytes of JSON, about. */
const MAX_OPERATION_BYTES = 256 * 1024;
/** All operations together, likewise: every one keeps a copy of what it reaches. */
const MAX_TOTAL_BYTES = 32 * 1024 * 1024;
const JSON_LIMITS = { ...DEFAULT_JSON_LIMITS, maxBytes: MAX_DOCUMENT_BYTES, maxDepth: 128, maxKeys: 500_000 };
const OPERATION_ID = /^[\x20-\x7e]{1,256}$/;
const MAX_TEXT = 4_000;

export interface FoundOperation {
  /** `operationId`, or made from method and path. */
  readonly name: string;
  readonly definition: OperationDefinition;
  /** Why it cannot be governed, in words. */
  readonly problem?: string;
}

export interface ReadDocument {
  readonly openapi: string;
  readonly title: string;
  readonly version: string;
  readonly operations: readonly FoundOperation[];
}

export function invalidDocument(why: string): Failure {
  return new Failure(
    400,
    'openapi_invalid',
    `The OpenAPI document cannot be used: ${why}.`,
    'Give an OpenAPI 3.0 or 3.1 document, JSON or YAML, in one piece: references to other documents are not followed.',
  );
}

/** `document`: text (JSON or YAML), or parsed. Throws `openapi_invalid`. */
export function readDocument(document: unknown): ReadDocument {
  const root = typeof document === 'string' ? parse(document) : document;
  if (!isObject(root)) throw invalidDocument('it is not an object');
  const { openapi, info, paths } = root;
  if (typeof openapi !== 'string' || !/^3\.[01]\.\d+/.test(openapi))
    throw invalidDocument(
      root.swagger === undefined
        ? 'it has no openapi: 3.0.x or 3.1.x'
        : 'it is of Swagger 2.0, which has to be converted',
    );
  if (!isObject(paths)) throw invalidDocument('it has no paths');
  const byName = new Map<string, FoundOperation>();
  let bytes = 0;
  for (const [path, item] of Object.entries(paths)) {
    for (const operation of operationsOf(root, openapi, path, item)) {
      const other = byName.get(operation.name);
      if (other !== undefined)
        throw invalidDocument(`${placeOf(other)} and ${placeOf(operation)} have the same name ${operation.name}`);
      byName.set(operation.name, operation);
      bytes += JSON.stringify(operation.definition).length;
      if (byName.size > MAX_OPERATIONS) throw invalidDocument(`it has more than ${MAX_OPERATIONS} operations`);
      if (bytes > MAX_TOTAL_BYTES) throw invalidDocument('its references multiply to too much');
    }
  }
  return {
    openapi,
    title: textOf(isObject(info) ? info.title : undefined).slice(0, 200),
    version: textOf(isObject(info) ? info.version : undefined).slice(0, 100),
    operations: [...byName.values()],
  };
}

function placeOf({ definition: { method, path } }: FoundOperation): string {
  return `${method} ${path}`;
}

function parse(text: string): unknown {
  if (Buffer.byteLength(text) > MAX_DOCUMENT_BYTES)
    throw invalidDocument(`it has more than ${MAX_DOCUMENT_BYTES} bytes`);
  if (text.trimStart().startsWith('{')) {
    const parsed = parseStrictJson(Buffer.from(text), JSON_LIMITS);
    if (!parsed.ok) throw invalidDocument(parsed.cause.replace(/\.$/, ''));
    return parsed.value;
  }
  try {
    const yaml = parseDocument(text, { version: '1.2', merge: false, uniqueKeys: true });
    const [error] = yaml.errors;
    if (error !== undefined) throw error;
    // Through JSON, within its limits: tags and keys that JSON does not have are not carried on.
    const parsed = parseStrictJson(Buffer.from(JSON.stringify(yaml.toJS({ maxAliasCount: 0 }))), JSON_LIMITS);
    if (!parsed.ok) throw new Error(parsed.cause);
    return parsed.value;
  } catch (error) {
    const why = error instanceof Error ? error.message.split('\n', 1)[0]?.slice(0, 200) : 'it is not YAML';
    throw invalidDocument(String(why).replace(/[.:]$/, ''));
  }
}

function operationsOf(root: JsonObject, openapi: string, path: string, item: JsonValue): readonly FoundOperation[] {
  // Extensions may stand among the paths.
  if (!path.startsWith('/')) return [];
  const resolved = isObject(item) ? follow(root, item) : 'it is not an object';
  if (typeof resolved === 'string') throw invalidDocument(`the path ${path.slice(0, 200)}: ${resolved}`);
  return METHODS.flatMap((method) => {
    const operation = resolved[method.toLowerCase()];
    return isObject(operation) ? [operationOf(root, openapi, path, method, resolved, operation)] : [];
  });
}

function operationOf(
  root: JsonObject,
  openapi: string,
  path: string,
  method: Method,
  item: JsonObject,
  operation: JsonObject,
): FoundOperation {
  const problems: string[] = [];
  const { operationId } = operation;
  const name = nameOf(method, path, operationId);
  const parameters = parametersOf(root, item, operation, problems);
  const body = operation.requestBody === undefined ? undefined : bodyOf(root, operation.requestBody, problems);
  const schemas = reachedBy(
    root,
    [...parameters.map(({ schema, content }) => schema ?? content ?? {}), body ?? {}],
    problems,
  );
  const impact = operation['x-hivekey-impact'];
  const definition: OperationDefinition = {
    openapi,
    operation: name,
    method,
    path,
    summary: textOf(operation.summary),
    description: textOf(operation.description),
    parameters,
    ...(body === undefined ? {} : { requestBody: body }),
    ...(impact === undefined ? {} : { impact }),
    components: { schemas },
  };
  if (JSON.stringify(definition).length > MAX_OPERATION_BYTES)
    return {
      name,
      definition: { ...definition, parameters: [], requestBody: {}, components: { schemas: {} } },
      problem: `it reaches more than ${MAX_OPERATION_BYTES} bytes of schemas`,
    };
  const [problem] = problems;
  return problem === undefined ? { name, definition } : { name, definition, problem };
}

function nameOf(method: Method, path: string, operationId: JsonValue | undefined): string {
  if (typeof operationId === 'string' && OPERATION_ID.test(operationId)) return slugOf(operationId);
  return slugOf(`${method.toLowerCase()}${path === '/' ? '-root' : path}`);
}

/** Capabilities have no other characters. */
function slugOf(text: string): string {
  return text.replaceAll(/[^A-Za-z0-9_]+/g, '-').replaceAll(/^-+|-+$/g, '') || 'operation';
}

function textOf(value: JsonValue | undefined): string {
  return typeof value === 'string' ? value.slice(0, MAX_TEXT).toWellFormed() : '';
}

/** The object itself, or what its reference leads to inside the document; in words, why that is nothing. */
function follow(root: JsonObject, start: JsonObject): JsonObject | string {
  let value = start;
  for (let hops = 0; hops < MAX_HOPS; hops += 1) {
    const { $ref } = value;
    if ($ref === undefined) return value;
    if (typeof $ref !== 'string' || !$ref.startsWith('#/')) return 'it refers to another document';
    const target = atPointer(root, $ref.slice(2));
    if (!isObject(target)) return 'a reference leads nowhere';
    value = target;
  }
  return 'its references lead in a circle';
}

function atPointer(root: JsonObject, pointer: string): JsonValue | undefined {
  let value: JsonValue | undefined = root;
  for (const part of pointer.split('/')) {
    const key = pointerKey(part);
    if (key === undefined || !isObject(value) || !Object.hasOwn(value, key)) return undefined;
    value = value[key];
  }
  return value;
}

function parametersOf(
  root: JsonObject,
  item: JsonObject,
  operation: JsonObject,
  problems: string[],
): readonly ParameterDefinition[] {
  const byPlace = new Map<string, ParameterDefinition>();
  // An operation's own come after those of its path, in whose place they step.
  for (const list of [item.parameters, operation.parameters]) {
    if (list === undefined) continue;
    if (!Array.isArray(list)) {
      problems.push('its parameters are no list');
      continue;
    }
    for (const each of list as readonly JsonValue[]) {
      const found = isObject(each) ? follow(root, each) : 'a parameter is not an object';
      const read = typeof found === 'string' ? found : parameterOf(found);
      if (typeof read === 'string') problems.push(read);
      else byPlace.set(`${read.in} ${read.name}`, read);
    }
  }
  return [...byPlace.values()];
}

function parameterOf({ name, in: place, required, style, explode, schema, content }: JsonObject) {
  if (typeof name !== 'string' || name === '' || name.length > 256) return 'a parameter has no name';
  if (place !== 'path' && place !== 'query' && place !== 'header' && place !== 'cookie')
    return `the parameter ${name} is in no place that is known`;
  const parameter: ParameterDefinition = {
    name,
    in: place,
    required: required === true,
    ...(typeof style === 'string' ? { style } : {}),
    ...(typeof explode === 'boolean' ? { explode } : {}),
    ...(isObject(schema) ? { schema } : {}),
    ...(isObject(content) ? { content } : {}),
  };
  return parameter;
}

function bodyOf(root: JsonObject, given: JsonValue, problems: string[]): JsonObject | undefined {
  const body = isObject(given) ? follow(root, given) : 'its body is not an object';
  if (typeof body === 'string') {
    problems.push(body);
    return undefined;
  }
  const { content, required } = body;
  return { required: required === true, content: isObject(content) ? content : {} };
}

const SCHEMA_REF = /^#\/components\/schemas\/([^/]+)$/;

/** Every schema that the parts refer to, directly or through others. */
function reachedBy(root: JsonObject, parts: readonly JsonValue[], problems: string[]): JsonObject {
  const reached = new Map<string, JsonValue>();
  const pending: JsonValue[] = [...parts];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (typeof next !== 'object' || next === null) continue;
    for (const [key, value] of Object.entries(next)) {
      pending.push(value);
      if (key !== '$ref' || typeof value !== 'string') continue;
      const name = SCHEMA_REF.exec(value)?.[1];
      const known = name === undefined ? undefined : pointerKey(name);
      const target = name === undefined ? undefined : atPointer(root, `components/schemas/${name}`);
      if (known === undefined || target === undefined) {
        problems.push(
          value.startsWith('#')
            ? `the reference ${value.slice(0, 100)} leads to no named schema`
            : 'it refers to another document',
        );
        continue;
      }
      if (reached.has(known)) continue;
      if (reached.size >= MAX_SCHEMAS) {
        problems.push(`it reaches more than ${MAX_SCHEMAS} schemas`);
        return {};
      }
      reached.set(known, target);
      pending.push(target);
    }
  }
  return Object.fromEntries([...reached].sort(([a], [b]) => (a < b ? -1 : 1)));
}
