/** A bulk request as it is read (RFC 7644 section 3.7). Pure. */
import type { JsonValue } from '@hivekey/policy';
import { invalidValue, ScimFailure } from './failure.ts';
import { isList, isObject, membersOf } from './values.ts';

const URN = 'urn:ietf:params:scim:api:messages:2.0:bulkrequest';
/** Members of ServiceProviderConfig. Each operation counts as a request. */
export const BULK_LIMITS = { maxOperations: 100, maxPayloadSize: 1_048_576 } as const;

const METHODS = ['POST', 'PUT', 'PATCH', 'DELETE'] as const;
type Method = (typeof METHODS)[number];
const BULK_ID = /^[A-Za-z0-9._-]{1,64}$/;
const REFERENCE = /^bulkId:(.+)$/;
const MAX_DEPTH = 64;

export interface BulkOperation {
  readonly method: Method;
  /** `/Users`, or `/Users/<id>`. */
  readonly path: string;
  readonly bulkId: string | undefined;
  readonly version: string | undefined;
  readonly data: JsonValue | undefined;
}

export interface BulkRequest {
  /** Errors after which nothing more is tried; undefined: whatever happens. */
  readonly failOnErrors: number | undefined;
  readonly operations: readonly BulkOperation[];
}

export function readBulk(body: JsonValue | undefined): BulkRequest {
  if (!isObject(body)) throw new ScimFailure(400, 'invalidSyntax', 'The body is no JSON object.');
  const members = membersOf(body);
  const schemas = members.get('schemas');
  if (!isList(schemas) || !schemas.some((urn) => typeof urn === 'string' && urn.toLowerCase() === URN))
    throw new ScimFailure(400, 'invalidSyntax', 'schemas does not name the BulkRequest message.');
  const operations = members.get('operations');
  if (!isList(operations)) throw new ScimFailure(400, 'invalidSyntax', 'Operations is no list.');
  if (operations.length > BULK_LIMITS.maxOperations)
    throw new ScimFailure(
      413,
      undefined,
      `There are more operations than maxOperations, ${BULK_LIMITS.maxOperations}.`,
    );
  const failOnErrors = members.get('failonerrors') ?? undefined;
  if (
    failOnErrors !== undefined &&
    !(typeof failOnErrors === 'number' && Number.isInteger(failOnErrors) && failOnErrors > 0)
  )
    throw invalidValue('failOnErrors is no whole number above zero.');
  const read = operations.map(readOperation);
  const ids = read.flatMap(({ bulkId }) => bulkId ?? []);
  if (new Set(ids).size < ids.length) throw invalidValue('A bulkId is used twice.');
  return { failOnErrors, operations: read };
}

function readOperation(given: JsonValue): BulkOperation {
  if (!isObject(given)) throw new ScimFailure(400, 'invalidSyntax', 'An operation is no object.');
  const members = membersOf(given);
  const text = (name: string): string | undefined => {
    const value = members.get(name);
    if (value === undefined || value === null) return undefined;
    if (typeof value !== 'string') throw invalidValue(`${name} is no string.`);
    return value;
  };
  const name = text('method')?.toUpperCase();
  const method = METHODS.find((each) => each === name);
  if (method === undefined) throw invalidValue('method is none of POST, PUT, PATCH and DELETE.');
  const bulkId = text('bulkid');
  if (bulkId !== undefined && !BULK_ID.test(bulkId))
    throw invalidValue('A bulkId is not 1 to 64 letters, digits, . _ -.');
  if (bulkId === undefined && method === 'POST') throw invalidValue('A POST has no bulkId.');
  return { method, path: text('path') ?? '', bulkId, version: text('version'), data: members.get('data') };
}

/** The bulkIds that an operation needs the ids of. */
export function referencesIn({ path, data }: BulkOperation): ReadonlySet<string> {
  const found = new Set<string>();
  const note = (text: string): string => {
    const id = REFERENCE.exec(text)?.[1];
    if (id !== undefined) found.add(id);
    return text;
  };
  path.split('/').forEach(note);
  if (data !== undefined) mapped(data, note);
  return found;
}

/** With the ids of what was created in place of its bulkIds. */
export function resolved(operation: BulkOperation, ids: ReadonlyMap<string, string>): BulkOperation {
  const replace = (text: string): string => ids.get(REFERENCE.exec(text)?.[1] ?? '') ?? text;
  return {
    ...operation,
    path: operation.path.split('/').map(replace).join('/'),
    data: operation.data === undefined ? undefined : mapped(operation.data, replace),
  };
}

/** Every string of the value mapped; the boundary parser has limited how deep it is. */
function mapped(value: JsonValue, map: (text: string) => string, depth = 0): JsonValue {
  if (typeof value === 'string') return map(value);
  if (depth > MAX_DEPTH || typeof value !== 'object' || value === null) return value;
  if (isList(value)) return value.map((each) => mapped(each, map, depth + 1));
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, mapped(each, map, depth + 1)]));
}
