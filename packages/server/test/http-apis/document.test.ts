/** Documents that are read, and those that are not. */
import type { JsonObject } from '@hivekey/policy';
import { describe, expect, it } from 'vitest';
import { readDocument } from '../../src/http-apis/document.ts';
import type { RequestParts } from '../../src/http-apis/plan.ts';
import { planOf } from '../../src/http-apis/plan.ts';
import { prepare, problemOf } from '../../src/http-apis/prepared.ts';
import { SHOP_DOCUMENT } from './shop.ts';

function documentOf(paths: object, components: object = {}, openapi = '3.1.0'): JsonObject {
  return JSON.parse(JSON.stringify({ openapi, info: { title: 't', version: '1' }, paths, components }));
}

function one(operation: object, path = '/x', method = 'post', components: object = {}, openapi = '3.1.0') {
  const [found] = readDocument(
    documentOf({ [path]: { [method]: { operationId: 'op', ...operation } } }, components, openapi),
  ).operations;
  if (found === undefined) throw new Error('no operation');
  return found;
}

function jsonBody(schema: object, required = true): object {
  return { requestBody: { required, content: { 'application/json': { schema } } } };
}

const REQUEST: RequestParts = {
  pathValues: [],
  query: undefined,
  header: () => [],
  contentType: 'application/json',
  body: Buffer.alloc(0),
};

function argumentsOf(found: ReturnType<typeof one>, parts: Partial<RequestParts>) {
  const plan = planOf(found.definition);
  if (typeof plan === 'string') throw new Error(plan);
  return plan.read({ ...REQUEST, ...parts });
}

describe('a document', () => {
  it('of 50 operations is read from YAML', () => {
    const { operations, title } = readDocument(SHOP_DOCUMENT);
    expect(title).toBe('Shop back office');
    expect(operations).toHaveLength(50);
    expect(operations.filter((each) => problemOf(each) !== undefined)).toEqual([]);
  });

  it.each([
    ['no object', '[]', 'not an object'],
    ['Swagger 2.0', '{"swagger":"2.0"}', 'Swagger 2.0'],
    ['no paths', '{"openapi":"3.0.0"}', 'no paths'],
    ['a key twice', '{"openapi":"3.0.0","openapi":"3.1.0"}', 'repeats a key'],
    ['a key twice in YAML', 'openapi: 3.0.0\nopenapi: 3.1.0', 'unique'],
    [
      'aliases that multiply',
      `a: &a [x,x,x,x,x,x,x,x,x]\n${'bcdefgh'
        .split('')
        .map((name, index) => `${name}: &${name} [${`*${'abcdefgh'[index]},`.repeat(9).slice(0, -1)}]`)
        .join('\n')}`,
      'Alias',
    ],
    [
      'a name twice',
      JSON.stringify(documentOf({ '/a': { get: { operationId: 'x' }, put: { operationId: 'x' } } })),
      'same name',
    ],
    [
      'a path elsewhere',
      JSON.stringify(documentOf({ '/a': { $ref: 'http://evil.example/a.json' } })),
      'another document',
    ],
    [
      'a path in a circle',
      JSON.stringify(documentOf({ '/a': { $ref: '#/paths/~1b' }, '/b': { $ref: '#/paths/~1a' } })),
      'circle',
    ],
  ])('with %s is refused', (_what, text, why) => {
    expect(() => readDocument(text)).toThrow(why);
  });

  it('names what has no operationId by method and path', () => {
    const { operations } = readDocument(documentOf({ '/pets/{id}': { get: {} }, '/': { get: {} } }));
    expect(operations.map(({ name }) => name)).toEqual(['get-pets-id', 'get-root']);
  });
});

describe('an operation that cannot be governed says why', () => {
  const pets = { schemas: { Pet: { type: 'object', properties: { parent: { $ref: '#/components/schemas/Pet' } } } } };

  it.each([
    ['a remote schema', one(jsonBody({ $ref: 'http://evil.example/s.json' })), 'another document'],
    ['a file', one(jsonBody({ properties: { a: { $ref: '../secrets.yaml#/x' } } })), 'another document'],
    ['a schema that is not there', one(jsonBody({ $ref: '#/components/schemas/Nothing' })), 'no named schema'],
    ['a schema elsewhere in the document', one(jsonBody({ $ref: '#/paths' })), 'no named schema'],
    ['a required cookie', one({ parameters: [{ name: 's', in: 'cookie', required: true }] }), 'cookie'],
    [
      'a required header of the connection',
      one({ parameters: [{ name: 'X-Forwarded-For', in: 'header', required: true, schema: {} }] }),
      'not passed on',
    ],
    ['a path parameter without description', one({}, '/x/{id}'), 'not described'],
    ['two parameters in one segment', one({}, '/x/{a}-{b}'), 'more than one parameter'],
    [
      'a form without members',
      one({ requestBody: { content: { 'application/x-www-form-urlencoded': { schema: {} } } } }),
      'member by member',
    ],
    [
      'a schema in a circle',
      one(jsonBody({ $ref: '#/components/schemas/A' }), '/x', 'post', {
        schemas: { A: { $ref: '#/components/schemas/A' } },
      }),
      'schema',
    ],
    ['impact that is none', one({ 'x-hivekey-impact': { usd: { nothing: 1 } } }), 'x-hivekey-impact'],
  ])('%s', (_what, found, why) => {
    expect(problemOf(found)).toContain(why);
  });

  it('recursion that goes deeper is fine', () => {
    expect(problemOf(one(jsonBody({ $ref: '#/components/schemas/Pet' }), '/x', 'post', pets))).toBeUndefined();
  });
});

describe('arguments', () => {
  it('of path, query and body that have the same name get their place in front', () => {
    const parameters = [
      { name: 'id', in: 'path', required: true, schema: { type: 'integer' } },
      { name: 'id', in: 'query', schema: { type: 'string' } },
      { name: 'q', in: 'query', schema: { type: 'string' } },
    ];
    const found = one(
      { parameters, ...jsonBody({ type: 'object', properties: { id: { type: 'string' }, to: { type: 'string' } } }) },
      '/x/{id}',
    );
    const read = argumentsOf(found, { pathValues: ['7'], query: 'id=a&q=b', body: Buffer.from('{"id":"c","to":"d"}') });
    expect(read).toMatchObject({
      ok: true,
      arguments: { path_id: 7, query_id: 'a', q: 'b', body_id: 'c', to: 'd' },
      target: '/x/7?id=a&q=b',
    });
  });

  it('of a body of another shape are one', () => {
    const found = one(jsonBody({ type: 'array', items: { type: 'string' } }));
    expect(argumentsOf(found, { body: Buffer.from('["a"]') })).toMatchObject({ ok: true, arguments: { body: ['a'] } });
  });

  it('may be described by schemas that are called like keywords', () => {
    const schemas = { example: { type: 'integer' }, minimum: { $ref: '#/components/schemas/example' } };
    const body = { type: 'object', properties: { example: { $ref: '#/components/schemas/minimum' } } };
    const found = one(jsonBody(body), '/x', 'post', { schemas }, '3.0.3');
    const { validate } = prepare(found.definition, 'named like keywords');
    expect(validate({ example: 1 })).toEqual([]);
    expect(validate({ example: 'one' })).not.toEqual([]);
  });

  it('of OpenAPI 3.0 may be null where it says so', () => {
    const found = one(
      jsonBody({ type: 'object', properties: { a: { type: 'string', nullable: true } } }),
      '/x',
      'post',
      {},
      '3.0.3',
    );
    const plan = planOf(found.definition);
    expect(typeof plan === 'string' ? plan : plan.inputSchema.properties).toEqual({ a: { type: ['string', 'null'] } });
  });

  it.each([
    [{ schema: { type: 'array', items: { type: 'integer' } } }, 'q=1&q=2', [1, 2], 'q=1&q=2'],
    [{ explode: false, schema: { type: 'array', items: { type: 'integer' } } }, 'q=1,2', [1, 2], 'q=1,2'],
    [{ style: 'pipeDelimited', explode: false, schema: { type: 'array', items: {} } }, 'q=a|b', ['a', 'b'], 'q=a%7Cb'],
    [{ style: 'spaceDelimited', explode: false, schema: { type: 'array', items: {} } }, 'q=a+b', ['a', 'b'], 'q=a%20b'],
    [
      { style: 'deepObject', schema: { type: 'object', properties: { a: { type: 'integer' }, b: {} } } },
      'q[a]=1&q%5Bb%5D=x',
      { a: 1, b: 'x' },
      'q%5Ba%5D=1&q%5Bb%5D=x',
    ],
    [{ content: { 'application/json': { schema: { type: 'object' } } } }, 'q={"a":1}', { a: 1 }, 'q=%7B%22a%22%3A1%7D'],
    [{ schema: { type: 'boolean' } }, 'q=true', true, 'q=true'],
    [{ schema: { type: 'number' } }, 'q=1.50', 1.5, 'q=1.5'],
  ])('of the query in the form %j', (parameter, query, value, written) => {
    const found = one({ parameters: [{ name: 'q', in: 'query', ...parameter }] }, '/x', 'get');
    expect(argumentsOf(found, { query })).toMatchObject({ ok: true, arguments: { q: value }, target: `/x?${written}` });
  });

  it.each([
    [
      { schema: { type: 'integer' } },
      ['q=01', 'q=+1', 'q=', 'q', 'q=1e400', 'q=9007199254740993', 'q=0x10', 'q=1&q=1', 'q[]=1', '=1', 'q=1&', '&q=1'],
    ],
    [{ explode: false, schema: { type: 'array', items: {} } }, ['q=a%2Cb', 'q=a&q=b', 'q[]=a']],
    [
      { style: 'deepObject', schema: { type: 'object', properties: { a: {} } } },
      ['q[b]=1', 'q[a]=1&q[a]=2', 'q=1', 'q[a][b]=1', 'q[__proto__]=1'],
    ],
    [{ schema: { type: 'boolean' } }, ['q=1', 'q=TRUE', 'q=yes']],
    [{ content: { 'application/json': {} } }, ['q={"a":1,"a":2}', 'q=x']],
  ])('of the query in the form %j are refused when they can be read in more than one way', (parameter, queries) => {
    const found = one({ parameters: [{ name: 'q', in: 'query', ...parameter }] }, '/x', 'get');
    for (const query of queries) expect([query, argumentsOf(found, { query }).ok]).toEqual([query, false]);
  });
});
