/** Bulk (RFC 7644 section 3.7): operations one after the other, each by itself, those that need another one behind it. */
import { type BulkOperation, readBulk, referencesIn, resolved } from './bulk-request.ts';
import { errorBody, ScimFailure } from './failure.ts';
import type { Answer, ScimRequest } from './serve.ts';

const URN = 'urn:ietf:params:scim:api:messages:2.0:BulkResponse';

interface Done {
  readonly method: string;
  readonly bulkId?: string;
  readonly version?: string;
  readonly location?: string;
  readonly status: string;
  readonly response?: unknown;
}

/**
 * `perform` serves one operation, and answers for what it refuses too. Of operations that wait for each other, and of those
 * that wait for one that failed, nothing is done (409).
 */
export async function serveBulk(
  base: string,
  body: ScimRequest['body'],
  count: (operations: number) => void,
  perform: (request: ScimRequest) => Promise<Answer>,
): Promise<Answer> {
  const { failOnErrors = Number.POSITIVE_INFINITY, operations } = readBulk(body);
  count(operations.length);
  const ids = new Map<string, string>();
  const promised = new Set(
    operations.flatMap(({ method, bulkId }) => (method === 'POST' && bulkId !== undefined ? [bulkId] : [])),
  );
  const done: (Done | undefined)[] = operations.map(() => undefined);
  let errors = 0;
  const finish = (at: number, operation: BulkOperation, answer: Answer): void => {
    done[at] = doneOf(base, operation, answer);
    if (answer.status >= 400) errors += 1;
    if (operation.bulkId === undefined) return;
    if (answer.status < 400 && answer.id !== undefined) ids.set(operation.bulkId, answer.id);
    promised.delete(operation.bulkId);
  };
  for (let isMoving = true; isMoving; ) {
    isMoving = false;
    for (const [at, operation] of operations.entries()) {
      if (errors >= failOnErrors) break;
      if (done[at] !== undefined) continue;
      const missing = [...referencesIn(operation)].filter((id) => !ids.has(id));
      if (missing.some((id) => promised.has(id))) continue;
      const answer =
        missing.length === 0
          ? await perform(requestOf(resolved(operation, ids)))
          : refused(new ScimFailure(409, undefined, `Nothing was made for bulkId ${missing.join(', ')}.`));
      finish(at, operation, answer);
      isMoving = true;
    }
  }
  for (const [at, operation] of operations.entries())
    if (done[at] === undefined && errors < failOnErrors)
      finish(at, operation, refused(new ScimFailure(409, undefined, 'It needs an operation that needs it.')));
  return {
    status: 200,
    headers: {},
    body: { schemas: [URN], Operations: done.filter((each) => each !== undefined) },
  };
}

function requestOf({ method, path, version, data }: BulkOperation): ScimRequest {
  const [empty, ...segments] = path.split('/');
  return {
    method,
    // What does not begin with a slash names nothing.
    path: empty === '' ? segments : [],
    query: new Map(),
    body: data,
    ifMatch: version,
    ifNoneMatch: undefined,
  };
}

export function refused({ status, message, scimType }: ScimFailure): Answer {
  return { status, headers: {}, body: errorBody(status, message, scimType) };
}

function doneOf(base: string, { method, path, bulkId }: BulkOperation, answer: Answer): Done {
  const { etag, location = answer.headers['content-location'] } = answer.headers;
  const failed = answer.status >= 400;
  return {
    method,
    ...(bulkId === undefined ? {} : { bulkId }),
    ...(etag === undefined ? {} : { version: etag }),
    // RFC 7644 section 3.7.3: always, except where nothing was made.
    ...(location !== undefined ? { location } : method === 'POST' ? {} : { location: `${base}${path}` }),
    status: String(answer.status),
    ...(failed ? { response: answer.body } : {}),
  };
}
