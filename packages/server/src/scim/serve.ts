/** From a method and a path to an answer: for requests, and for the operations of a bulk request. */
import type { JsonValue } from '@hivekey/policy';
import { resourceTypeBody, schemaBody, serviceProviderConfig } from './discovery.ts';
import type { Endpoint } from './endpoint.ts';
import { MethodRefused, ScimFailure } from './failure.ts';
import type { Lane } from './lane.ts';
import type { Projection } from './projection.ts';
import type { Provisioner } from './provisioner.ts';
import { type Query, readProjection, readQuery, readSearch } from './query.ts';
import { bodyOf, locationOf, type Resource, type ResourceBody } from './resource.ts';
import { namesVersion, tagOf } from './version.ts';

const LIST_URN = 'urn:ietf:params:scim:api:messages:2.0:ListResponse';

export interface ScimRequest {
  readonly method: string;
  /** Below the base, decoded, by its slashes: `['Users', 'per_…']`. */
  readonly path: readonly string[];
  /** By names in lower case. */
  readonly query: ReadonlyMap<string, JsonValue>;
  readonly body: JsonValue | undefined;
  readonly ifMatch: string | undefined;
  readonly ifNoneMatch: string | undefined;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
  /** Of what was created. */
  readonly id?: string;
}

export interface Service {
  readonly base: string;
  readonly documentation: string;
  readonly endpoints: readonly Endpoint[];
  readonly lane: Lane;
}

type Handler = () => Promise<Answer>;
type Methods = Readonly<Record<string, Handler>>;

/** Throws ScimFailure, and Failures of what is below. */
export function serve(service: Service, who: Provisioner, request: ScimRequest): Promise<Answer> {
  const methods = methodsAt(service, who, request);
  const handler = methods[request.method];
  if (handler !== undefined) return handler();
  throw new MethodRefused(Object.keys(methods));
}

function methodsAt(service: Service, who: Provisioner, request: ScimRequest): Methods {
  const [place = '', id, ...rest] = request.path;
  const endpoint = service.endpoints.find(({ type }) => type.endpoint === `/${place}`);
  if (endpoint !== undefined && rest.length === 0) {
    if (!who.scopes.includes(endpoint.scope))
      throw new ScimFailure(403, undefined, `This connection may not provision ${endpoint.scope}.`);
    if (id === undefined) return collection(service, endpoint, who, request);
    if (id === '.search') return { POST: () => list(service, endpoint, who, readSearch(request.body)) };
    return one(service, endpoint, who, id, request);
  }
  if (rest.length === 0) {
    const found = discovery(service, who, place, id);
    if (found !== undefined) return { GET: async () => answer(200, found) };
  }
  if (place === '.search' && id === undefined) return { POST: () => searchAll(service, who, readSearch(request.body)) };
  // RFC 7644 section 3.11: a connection stands for nobody.
  if (place === 'Me') throw new ScimFailure(501, undefined, 'There is no /Me here.');
  throw new ScimFailure(404, undefined, `There is no /${request.path.join('/')}.`);
}

function answer(status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): Answer {
  return { status, headers, body };
}

function shown(
  { base }: Service,
  { type }: Endpoint,
  resource: Resource,
  projection: Projection,
  status = 200,
): Answer {
  const location = locationOf(base, type, resource.id);
  return {
    ...answer(status, bodyOf(base, type, resource, projection), {
      etag: tagOf(resource.version),
      ...(status === 201 ? { location } : { 'content-location': location }),
    }),
    id: resource.id,
  };
}

function collection(service: Service, endpoint: Endpoint, who: Provisioner, { query, body }: ScimRequest): Methods {
  return {
    GET: () => list(service, endpoint, who, query),
    POST: async () => {
      const projection = readProjection(endpoint.type, query);
      const resource = await service.lane.run(who.workspaceId, () => endpoint.create(who, body));
      return shown(service, endpoint, resource, projection, 201);
    },
  };
}

async function list(
  { base }: Service,
  endpoint: Endpoint,
  who: Provisioner,
  given: ScimRequest['query'],
): Promise<Answer> {
  const query = readQuery(endpoint.type, given);
  const { total, resources } = await endpoint.list(who, query);
  const bodies = resources.map((resource) => bodyOf(base, endpoint.type, resource, query.projection));
  return answer(200, listResponse(bodies, total, query.startIndex));
}

/** Over all resource types (RFC 7644 section 3.4.2.1), one type behind the other. */
async function searchAll(service: Service, who: Provisioner, given: ScimRequest['query']): Promise<Answer> {
  const endpoints = service.endpoints.filter(({ scope }) => who.scopes.includes(scope));
  const asked = endpoints.map((endpoint) => ({ endpoint, query: askedOf(endpoint, given) }));
  const [refusal] = asked.flatMap(({ query }) => (query instanceof ScimFailure ? [query] : []));
  const possible = asked.flatMap(({ endpoint, query }) => (query instanceof ScimFailure ? [] : [{ endpoint, query }]));
  const [first] = possible;
  if (first === undefined) throw refusal ?? new ScimFailure(403, undefined, 'This connection may provision nothing.');
  const { startIndex, count } = first.query;
  const bodies: ResourceBody[] = [];
  let total = 0;
  for (const { endpoint, query } of possible) {
    // What lies before this type in the whole list is not skipped in it.
    const from = Math.max(1, startIndex - total);
    const page = await endpoint.list(who, { ...query, startIndex: from, count: count - bodies.length });
    bodies.push(...page.resources.map((resource) => bodyOf(service.base, endpoint.type, resource, query.projection)));
    total += page.total;
  }
  return answer(200, listResponse(bodies, total, startIndex));
}

/** A filter that a type has no attributes for finds nothing of it. */
function askedOf({ type }: Endpoint, given: ScimRequest['query']): Query | ScimFailure {
  try {
    return readQuery(type, given);
  } catch (thrown) {
    if (thrown instanceof ScimFailure) return thrown;
    throw thrown;
  }
}

function listResponse(resources: readonly object[], total: number, startIndex: number): object {
  return {
    schemas: [LIST_URN],
    totalResults: total,
    startIndex,
    itemsPerPage: resources.length,
    Resources: resources,
  };
}

function one(service: Service, endpoint: Endpoint, who: Provisioner, id: string, request: ScimRequest): Methods {
  const { body, query, ifMatch, ifNoneMatch } = request;
  const precondition = { ifMatch };
  const change = <T>(run: () => Promise<T>): Promise<T> => service.lane.run(who.workspaceId, run);
  return {
    GET: async () => {
      const projection = readProjection(endpoint.type, query);
      const resource = await endpoint.read(who, id, projection);
      if (ifNoneMatch !== undefined && namesVersion(ifNoneMatch, resource.version))
        return answer(304, undefined, { etag: tagOf(resource.version) });
      return shown(service, endpoint, resource, projection);
    },
    PUT: async () => {
      const projection = readProjection(endpoint.type, query);
      const resource = await change(() => endpoint.replace(who, id, body, precondition));
      return shown(service, endpoint, resource, projection);
    },
    PATCH: async () => {
      const projection = readProjection(endpoint.type, query);
      const resource = await change(() => endpoint.patch(who, id, body, precondition));
      if (resource !== undefined) return shown(service, endpoint, resource, projection);
      // RFC 7644 section 3.5.2: what was asked for by name is answered.
      if (!query.has('attributes')) return answer(204, undefined);
      return shown(service, endpoint, await endpoint.read(who, id, projection), projection);
    },
    DELETE: async () => {
      await change(() => endpoint.remove(who, id, precondition));
      return answer(204, undefined);
    },
  };
}

function discovery(service: Service, who: Provisioner, place: string, id: string | undefined): object | undefined {
  const { base } = service;
  const types = service.endpoints.filter(({ scope }) => who.scopes.includes(scope)).map(({ type }) => type);
  if (place === 'ServiceProviderConfig')
    return id === undefined ? serviceProviderConfig(base, service.documentation) : undefined;
  if (place === 'ResourceTypes') {
    if (id === undefined) return allOf(types.map((type) => resourceTypeBody(base, type)));
    const type = types.find(({ name }) => name === id);
    return type && resourceTypeBody(base, type);
  }
  if (place !== 'Schemas') return undefined;
  const schemas = types.flatMap(({ schema, extensions }) => [schema, ...extensions]);
  if (id === undefined) return allOf(schemas.map((schema) => schemaBody(base, schema)));
  const schema = schemas.find((each) => each.id.toLowerCase() === id.toLowerCase());
  return schema && schemaBody(base, schema);
}

function allOf(resources: readonly object[]): object {
  return listResponse(resources, resources.length, 1);
}
