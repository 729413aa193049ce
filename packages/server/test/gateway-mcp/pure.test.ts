/** The pure parts: sealed state, header values, elicitation rules, host lists, what is accepted. */
import { createSecretKey } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { JsonObject } from '@hivekey/policy';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HostGuard } from '../../src/gateway/host-guard.ts';
import { acceptedTypes, isJsonContentType } from '../../src/gateway/mcp/body.ts';
import { presentedCapabilities } from '../../src/gateway/mcp/capabilities.ts';
import { elicitationProblem } from '../../src/gateway/mcp/elicitation.ts';
import { readMessage } from '../../src/gateway/mcp/message.ts';
import { decodeHeaderValue } from '../../src/gateway/mcp/param-headers.ts';
import { Allowance } from '../../src/gateway/mcp/relay.ts';
import { type Binding, Sealer } from '../../src/gateway/mcp/sealed.ts';

describe('sealed state', () => {
  const key = createSecretKey(Buffer.alloc(32, 1));
  const binding = fc.record<Binding>({
    purpose: fc.constantFrom('cursor', 'request-state'),
    workspaceId: fc.string(),
    agentId: fc.string(),
  });

  it('opens for whom it was sealed, until it expires', () => {
    fc.assert(
      fc.property(binding, fc.string(), fc.integer({ min: 1, max: 1e9 }), (bound, state, ttl) => {
        let now = 1000;
        const sealer = new Sealer(key, () => now);
        const sealed = sealer.seal(bound, { state }, ttl);
        now += ttl - 1;
        expect(sealer.open(bound, sealed)).toEqual({ state });
        now += 1;
        expect(sealer.open(bound, sealed)).toBeUndefined();
      }),
    );
  });

  it('opens for nobody else', () => {
    fc.assert(
      fc.property(binding, binding, (bound, other) => {
        fc.pre(JSON.stringify(bound) !== JSON.stringify(other));
        const sealer = new Sealer(key, () => 0);
        expect(sealer.open(other, sealer.seal(bound, { a: 1 }, 1000))).toBeUndefined();
      }),
    );
  });

  it('opens only as it was: any other text is refused, and never throws', () => {
    const bound: Binding = { purpose: 'cursor', workspaceId: 'w', agentId: 'a' };
    const sealer = new Sealer(key, () => 0);
    const sealed = sealer.seal(bound, { a: 1 }, 1000);
    const altered = fc
      .tuple(fc.nat(sealed.length - 1), fc.string({ maxLength: 3 }))
      .map(([at, text]) => sealed.slice(0, at) + text + sealed.slice(at + 1));
    fc.assert(
      fc.property(fc.oneof(altered, fc.string()), (text) => {
        fc.pre(text !== sealed);
        expect(sealer.open(bound, text)).toBeUndefined();
      }),
    );
  });
});

describe('header values', () => {
  it('come back from Base64', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(decodeHeaderValue(`=?base64?${Buffer.from(text).toString('base64')}?=`)).toBe(
          Buffer.from(text).toString(),
        );
      }),
    );
  });
  it.each(['=?base64?SGVsbG8?=', '=?base64?SGVs!!!bG8=?=', '=?base64?/w==?='])('%s is refused', (value) => {
    expect(decodeHeaderValue(value)).toBeUndefined();
  });
  it.each(['SGVsbG8=', '=?base64?SGVsbG8=', 'SGVsbG8=?='])('%s is meant literally', (value) => {
    expect(decodeHeaderValue(value)).toBe(value);
  });
});

describe('elicitation', () => {
  const form = (properties: JsonObject): JsonObject => ({
    message: 'x',
    requestedSchema: { type: 'object', properties },
  });
  it.each([
    form({ name: { type: 'string' }, age: { type: 'integer' } }),
    form({ monkey: { type: 'string' }, keyboard: { type: 'string' }, passenger: { type: 'string' } }),
    { mode: 'form', message: 'x', requestedSchema: { type: 'object' } },
    { mode: 'url', message: 'x', url: 'https://login.acme.example/start' },
  ])('passes %j', (params) => {
    expect(elicitationProblem(params, ['login.acme.example'])).toBeUndefined();
  });
  it.each([
    form({ password: { type: 'string' } }),
    form({ apiKey: { type: 'string' } }),
    form({ api_key: { type: 'string' } }),
    form({ a: { type: 'string', title: 'Your API key' } }),
    form({ a: { type: 'string', description: 'the one-time code' } }),
    form({ accessToken: { type: 'string' } }),
    { mode: 'url', message: 'x', url: 'https://evil.example/login.acme.example' },
    { mode: 'url', message: 'x', url: 'http://login.acme.example/' },
    { mode: 'url', message: 'x', url: 'https://login.acme.example@evil.example/' },
    { mode: 'url', message: 'x', url: 'javascript:alert(1)' },
    { mode: 'url', message: 'x' },
    { mode: 'other', message: 'x' },
  ])('refuses %j', (params) => {
    expect(elicitationProblem(params, ['login.acme.example'])).toEqual(expect.any(String));
  });
});

describe('client capabilities', () => {
  const all = new Set(['crm.sampling', 'crm.elicitation', 'crm.roots']);
  const declared: JsonObject = {
    sampling: { tools: {}, other: {} },
    elicitation: { form: {}, url: {} },
    roots: { listChanged: true },
    experimental: { x: {} },
    tasks: {},
  };
  it('are presented as far as they are granted for that upstream', () => {
    expect(presentedCapabilities(declared, all, 'crm', true)).toEqual({
      sampling: { tools: {} },
      elicitation: { form: {}, url: {} },
      roots: { listChanged: true },
    });
    expect(presentedCapabilities(declared, all, 'ops', true)).toEqual({});
    expect(presentedCapabilities(declared, new Set(['crm.roots']), 'crm', true)).toEqual({
      roots: { listChanged: true },
    });
    expect(presentedCapabilities({}, all, 'crm', true)).toEqual({});
  });
  it('links only where hosts are allowed, and a client of links alone is not shown forms', () => {
    expect(presentedCapabilities(declared, all, 'crm', false).elicitation).toEqual({ form: {} });
    expect(presentedCapabilities({ elicitation: { url: {} } }, all, 'crm', false)).toEqual({});
    expect(presentedCapabilities({ elicitation: {} }, all, 'crm', false)).toEqual({ elicitation: {} });
  });
});

describe('hosts and origins', () => {
  const guard = new HostGuard(['Gateway.acme.example', 'other.acme.example:8443']);
  const allows = (host: string | undefined, origin?: string) =>
    guard.allows({ headers: { host, origin } } as IncomingMessage);
  it.each([
    'localhost',
    'LOCALHOST:80',
    '127.0.0.1:7420',
    '[::1]:7420',
    'gateway.acme.example:1',
    'other.acme.example:8443',
  ])('serves %s', (host) => {
    expect(allows(host)).toBe(true);
    expect(allows('localhost', `http://${host}`)).toBe(true);
  });
  it.each([
    undefined,
    '',
    'evil.example',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    'other.acme.example',
    '127.0.0.2',
    '::1',
  ])('refuses %s', (host) => {
    expect(allows(host)).toBe(false);
  });
  it.each([
    'null',
    'http://evil.example',
    'file://localhost',
    'http://localhost/path',
    'http://a@localhost',
    'localhost',
  ])('refuses the origin %s', (origin) => {
    expect(allows('localhost', origin)).toBe(false);
  });
  it('judges any value without throwing, and the same twice', () => {
    fc.assert(
      fc.property(fc.string(), (host) => {
        expect(allows(host)).toBe(allows(host));
      }),
    );
  });
});

describe('types', () => {
  it.each(['application/json', 'application/json; charset=utf-8', 'Application/JSON;charset="UTF-8"'])(
    '%s is JSON',
    (value) => {
      expect(isJsonContentType(value)).toBe(true);
    },
  );
  it.each([
    undefined,
    '',
    'text/json',
    'application/jsonl',
    'application/json-rpc',
    'application/json; charset=latin1',
  ])('%s is not', (value) => {
    expect(isJsonContentType(value)).toBe(false);
  });
  it.each([
    [undefined, true, true, false],
    ['*/*', true, true, false],
    ['application/json, text/event-stream', true, true, false],
    ['text/event-stream, application/json', true, true, true],
    ['application/json', true, false, false],
    ['text/event-stream;q=0.9', false, true, false],
    ['text/html', false, false, false],
  ])('Accept: %s', (header, json, eventStream, streamFirst) => {
    expect(acceptedTypes(header)).toEqual({ json, eventStream, streamFirst });
  });
});

describe('messages', () => {
  it('any JSON value is a message or refused, never both and never a throw', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const message = readMessage(JSON.parse(JSON.stringify(value)));
        expect(message.kind).toBe('invalid');
      }),
    );
  });
  it('keeps id and parameters as they are', () => {
    const id = fc.oneof(fc.string(), fc.maxSafeInteger());
    fc.assert(
      fc.property(
        id,
        fc.string({ minLength: 1 }),
        fc.dictionary(fc.string(), fc.jsonValue()),
        (given, method, params) => {
          const body = JSON.parse(JSON.stringify({ jsonrpc: '2.0', id: given, method, params }));
          expect(readMessage(body)).toEqual({ kind: 'request', id: body.id, method, params: body.params });
        },
      ),
    );
  });
});

describe('the allowance of notifications', () => {
  it('never lets more than burst and rate through', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(200), { maxLength: 500 }), (pauses) => {
        let now = 0;
        const allowance = new Allowance(() => now);
        let taken = 0;
        for (const pause of pauses) {
          now += pause;
          if (allowance.take()) taken += 1;
          expect(taken).toBeLessThanOrEqual(200 + (now / 1000) * 100 + 1e-6);
        }
      }),
    );
  });
});
