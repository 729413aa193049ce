/** The document, the pages and the probes: what is served without a credential. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../../../../test/setup/server.ts';
import { type Client, clientOf } from './client.ts';

interface Operation {
  readonly summary?: string;
  readonly tags?: readonly string[];
  readonly security?: readonly Record<string, unknown>[];
  readonly requestBody?: unknown;
  readonly responses: Record<string, { content?: Record<string, { schema?: unknown }> }>;
}

let server: TestServer;
let call: Client;
let operations: readonly (readonly [name: string, operation: Operation])[];
// biome-ignore lint/suspicious/noExplicitAny: a document of many shapes
let document: any;
beforeAll(async () => {
  server = await startTestServer();
  call = clientOf(server);
  document = (await call('GET', '/openapi.json', { key: null })).body;
  operations = Object.entries<Record<string, Operation>>(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => [`${method.toUpperCase()} ${path}`, operation] as const),
  );
});
afterAll(() => server.close());

/** Routes of docs/reference/api.md, as the document writes them. */
const DOCUMENTED = `
POST /v1/session, GET /v1/session, DELETE /v1/session, GET /v1/workspace, PATCH /v1/workspace, GET /v1/system,
GET /v1/people, POST /v1/people, GET /v1/people/{person}, PATCH /v1/people/{person},
GET /v1/groups, GET /v1/groups/{group}/members, GET /v1/scim-connections, POST /v1/scim-connections,
GET /v1/scim-connections/{connection}, PATCH /v1/scim-connections/{connection},
POST /v1/scim-connections/{connection}/rotate, POST /v1/scim-connections/{connection}/revoke,
GET /scim/v2/Users, POST /scim/v2/Users, GET /scim/v2/Users/{id}, PUT /scim/v2/Users/{id}, PATCH /scim/v2/Users/{id},
DELETE /scim/v2/Users/{id}, GET /scim/v2/Groups, POST /scim/v2/Bulk, GET /scim/v2/ServiceProviderConfig,
GET /v1/agents, POST /v1/agents, GET /v1/agents/{agent}, PATCH /v1/agents/{agent}, GET /v1/agents/{agent}/tools,
POST /v1/agents/{agent}/revoke, POST /v1/agents/{agent}/suspend, POST /v1/agents/{agent}/restore,
GET /v1/tokens, POST /v1/tokens, POST /v1/tokens/{id}/rotate, POST /v1/tokens/{id}/revoke,
GET /v1/keys, POST /v1/keys, POST /v1/keys/{id}/rotate, POST /v1/keys/{id}/revoke,
GET /v1/roles, POST /v1/roles, GET /v1/roles/{name}, PUT /v1/roles/{name}, PATCH /v1/roles/{name},
GET /v1/roles/{name}/revisions, POST /v1/roles/{name}/preview, GET /v1/matrix,
GET /v1/roles/{name}/candidate, PUT /v1/roles/{name}/candidate, DELETE /v1/roles/{name}/candidate,
GET /v1/workspace/guards, PUT /v1/workspace/guards,
GET /v1/capabilities, GET /v1/capabilities/{name}, PUT /v1/capabilities/{name},
POST /v1/policies/evaluate, POST /v1/policies/check, GET /v1/policies/{revision},
GET /v1/policies/schemas/{name},
GET /v1/mcp/servers, POST /v1/mcp/servers, GET /v1/mcp/servers/{server}, PATCH /v1/mcp/servers/{server},
POST /v1/mcp/servers/{server}/enable, POST /v1/mcp/servers/{server}/disable, POST /v1/mcp/servers/{server}/refresh,
GET /v1/mcp/servers/{server}/map, PUT /v1/mcp/servers/{server}/map, GET /v1/mcp/servers/{server}/definitions,
POST /v1/mcp/servers/{server}/definitions/{capability}/approve,
POST /v1/mcp/servers/{server}/definitions/{capability}/off, POST /v1/mcp/servers/{server}/instructions/approve,
GET /v1/http/apis, POST /v1/http/apis, GET /v1/http/apis/{api}, PATCH /v1/http/apis/{api}, DELETE /v1/http/apis/{api},
POST /v1/http/apis/{api}/enable, POST /v1/http/apis/{api}/disable, PUT /v1/http/apis/{api}/document,
GET /v1/http/apis/{api}/operations, POST /v1/http/apis/{api}/operations/{capability}/approve,
POST /v1/http/apis/{api}/operations/{capability}/off,
PUT /v1/secrets/{name}, GET /v1/secrets, GET /v1/secrets/{name}, DELETE /v1/secrets/{name},
POST /v1/secrets/{name}/versions/{version}/promote, POST /v1/secrets/{name}/versions/{version}/retire,
POST /v1/secrets/{name}/test, GET /v1/secrets/keys, POST /v1/secrets/rewrap,
POST /v1/containments, GET /v1/containments, GET /v1/containments/{id}, POST /v1/containments/{id}/lift,
GET /v1/containments/{id}/receipt, GET /v1/containment-settings, PUT /v1/containment-settings,
GET /v1/containment-proposals, GET /v1/containment-proposals/{id}, POST /v1/containment-proposals/{id}/confirm,
POST /v1/containment-proposals/{id}/withdraw, POST /v1/containments/rehearsals, GET /v1/containments/rehearsals,
GET /v1/containments/rehearsals/{id}, GET /v1/drills, GET /v1/drills/{name}, PUT /v1/drills/{name},
DELETE /v1/drills/{name}, POST /v1/drills/{name}/run,
GET /v1/audit/events, GET /v1/audit/events/{id}, GET /v1/audit/events/{id}/proof, GET /v1/audit/stream,
GET /v1/audit/export, GET /v1/audit/key, GET /v1/audit/checkpoint,
GET /v1/webhooks, POST /v1/webhooks, DELETE /v1/webhooks/{id}, POST /v1/webhooks/{id}/enable,
GET /v1/channels, PUT /v1/channels/slack, PUT /v1/channels/email, DELETE /v1/channels/{channel},
POST /v1/channels/{channel}/test, GET /v1/channel-messages, POST /v1/channel-messages/{id}/retry,
POST /v1/slack/interactions,
GET /v1/freezes, GET /v1/freezes/{name}, PUT /v1/freezes/{name}, DELETE /v1/freezes/{name},
GET /v1/freezes/{name}/overrides, POST /v1/freezes/{name}/overrides, POST /v1/freezes/{name}/overrides/{id}/approve,
POST /v1/freezes/{name}/overrides/{id}/end, GET /v1/workspace/sources, PUT /v1/workspace/sources,
POST /v1/risks, GET /v1/risks, GET /v1/risks/{id}, POST /v1/risks/{id}/clear,
GET /v1/risk-transmitters, PUT /v1/risk-transmitters/{name}, DELETE /v1/risk-transmitters/{name}, POST /v1/security-events,
POST /v1/actions, POST /v1/actions/{permit}/outcome, GET /v1/actions/capabilities,
POST /access/v1/evaluation, POST /access/v1/evaluations, GET /.well-known/authzen-configuration,
GET /healthz, GET /readyz, GET /metrics`
  .split(',')
  .map((route) => route.trim());

const OPEN = [
  'POST /v1/session',
  // the token that is its body carries the signature
  'POST /v1/security-events',
  // the signature is in its headers
  'POST /v1/slack/interactions',
  'GET /healthz',
  'GET /readyz',
  'GET /metrics',
  'GET /.well-known/authzen-configuration',
  // the body of the request proves who it is from
  'POST /oauth/token',
  'POST /oauth/revoke',
  'GET /.well-known/oauth-protected-resource',
  'GET /.well-known/oauth-protected-resource/mcp',
  'GET /.well-known/oauth-protected-resource/http',
  'GET /.well-known/oauth-protected-resource/v1',
  'GET /.well-known/oauth-protected-resource/mcp/{namespace}',
  'GET /.well-known/oauth-authorization-server',
];

describe('/openapi.json', () => {
  it('is OpenAPI 3.1 and has every route', () => {
    expect(document.openapi).toBe('3.1.0');
    const names = operations.map(([name]) => name);
    expect(DOCUMENTED.filter((name) => !names.includes(name))).toEqual([]);
  });

  it('says of each what it is, what it answers, how it fails and who may call it', () => {
    const incomplete = operations.flatMap(([name, { summary, tags, security, responses }]) => {
      const answers = Object.entries(responses).filter(([status]) => /^[23]/.test(status));
      const missing = [
        ...(summary === undefined ? ['summary'] : []),
        ...(tags === undefined ? ['tags'] : []),
        ...(answers.length === 0 ? ['answer'] : []),
        ...(responses.default === undefined ? ['failure'] : []),
        ...(security === undefined && !OPEN.includes(name) ? ['security'] : []),
        ...(security !== undefined && OPEN.includes(name) ? ['no security'] : []),
      ];
      return missing.length === 0 ? [] : [`${name}: ${missing.join(', ')}`];
    });
    expect(incomplete).toEqual([]);
  });

  it('has a schema for each body that is sent and each answer that has one', () => {
    const incomplete = operations.flatMap(([name, { requestBody, responses }]) => {
      const missing = [
        ...(/^(POST|PUT|PATCH)/.test(name) && requestBody === undefined ? ['request'] : []),
        ...Object.entries(responses)
          .filter(([status, { content }]) => status !== '204' && content === undefined)
          .map(([status]) => status),
      ];
      return missing.length === 0 ? [] : [`${name}: ${missing.join(', ')}`];
    });
    expect(incomplete).toEqual([]);
  });

  it('resolves each reference', () => {
    const refs = [...JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)];
    expect(refs.length).toBeGreaterThan(0);
    expect(refs.filter(([, name = '']) => !(decodeURIComponent(name) in document.components.schemas))).toEqual([]);
  });
});

describe('probes', () => {
  it('answer without a credential, under any host, and say nothing of the workspace', async () => {
    expect((await call('GET', '/healthz', { key: null })).body).toEqual({ ok: true });
    expect((await call('GET', '/readyz', { key: null })).body).toEqual({ ready: true, problems: [] });
    const { status, body, headers } = await call('GET', '/metrics', { key: null });
    expect(status).toBe(200);
    expect(headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
    for (const series of [
      'hivekey_decisions_total',
      'hivekey_log_records_total',
      'hivekey_mcp_sessions',
      'hivekey_http_seconds',
    ])
      expect(body).toContain(series);
  });
});

describe('/docs', () => {
  it('serves the page and its script from here, and forbids everything else', async () => {
    const page = await call('GET', '/docs', { key: null });
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(page.headers.get('content-security-policy')).toMatch(/^default-src 'none'; script-src 'self';/);
    expect(page.body).not.toMatch(/https?:|<script>/);
    const script = await call('GET', '/docs/scalar.js', { key: null });
    expect([script.status, script.headers.get('content-type')]).toEqual([200, 'text/javascript; charset=utf-8']);
    expect(script.body.length).toBeGreaterThan(1_000_000);
  });
});

describe('GET /v1/system', () => {
  it('shows versions, database, log, upstreams and the gateway', async () => {
    await expect.poll(async () => (await call('GET', '/v1/system')).body.log.copies.length).toBe(1);
    const { body } = await call('GET', '/v1/system');
    expect(body).toMatchObject({
      object: 'system',
      node: expect.stringMatching(/^node_/),
      ready: true,
      problems: [],
      database: { ok: true, kind: 'external', version: expect.stringMatching(/^1[6-9]|^[2-9]\d/) },
      log: { writable: true, copies: [{ destination: expect.stringMatching(/^file\/node_/), last_error: null }] },
      upstreams: [],
      gateway: { sessions: 0, streams: 0, in_flight: 0 },
      nodes_heard: true,
    });
    expect((await call('GET', '/v1/system', { key: null })).status).toBe(401);
  });
});
