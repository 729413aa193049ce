/** MCP servers and secrets over HTTP, against a real MCP server. What upstreams do is tested in test/upstreams. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../../../../test/setup/server.ts';
import { startWaitingUpstream, type WaitingUpstream } from '../start/waiting-upstream.ts';
import { type Client, clientOf } from './client.ts';

let server: TestServer;
let upstream: WaitingUpstream;
let call: Client;
beforeAll(async () => {
  upstream = await startWaitingUpstream();
  server = await startTestServer({ upstream_allow: ['127.0.0.1'] });
  call = clientOf(server);
});
afterAll(async () => {
  await server.close();
  upstream.close();
});

describe('MCP servers', () => {
  it('are registered with what they offer switched off, found by id and namespace, and changed', async () => {
    const registration = { namespace: 'crm', endpoint: upstream.url, default_access: 'read-only' };
    const { status, body: registered } = await call('POST', '/v1/mcp/servers', { body: registration });
    expect(status).toBe(201);
    expect(registered).toMatchObject({
      id: expect.stringMatching(/^mcp_/),
      object: 'mcp_server',
      ...registration,
      transport: 'http',
      status: 'active',
      discovered: 1,
      last_error: null,
      definitions: { live: 0 },
      created_by: 'key:first',
    });
    expect((await call('GET', `/v1/mcp/servers/${registered.id}`)).body).toEqual(registered);
    expect((await call('GET', '/v1/mcp/servers/crm')).body).toEqual(registered);
    expect((await call('GET', '/v1/mcp/servers')).body).toEqual({
      object: 'list',
      data: [registered],
      has_more: false,
      next_cursor: null,
    });
    const { body: changed } = await call('PATCH', '/v1/mcp/servers/crm', { body: { trust_annotations: true } });
    expect(changed.trust_annotations).toBe(true);
    expect((await call('POST', '/v1/mcp/servers/crm/disable')).body.status).toBe('disabled');
    expect((await call('POST', '/v1/mcp/servers/crm/enable')).body.status).toBe('active');
    expect((await call('POST', '/v1/mcp/servers/crm/refresh')).body).toEqual({
      object: 'mcp_refresh',
      discovered: 1,
      added: [],
      changed: [],
      gone: [],
    });
  });

  it('are refused with the reason', async () => {
    const again = await call('POST', '/v1/mcp/servers', { body: { namespace: 'crm', endpoint: upstream.url } });
    expect(again.status).toBe(409);
    for (const body of [{ namespace: 'crm2' }, { namespace: 'C R M', endpoint: upstream.url }])
      expect((await call('POST', '/v1/mcp/servers', { body })).body.error.code).toBe('server_invalid');
    expect((await call('GET', '/v1/mcp/servers/none')).body.error.code).toBe('server_not_found');
    const extra = { namespace: 'x', endpoint: upstream.url, password: 'hunter2' };
    expect((await call('POST', '/v1/mcp/servers', { body: extra })).body.error.code).toBe('request_invalid');
  });

  it('offer definitions, which a person approves by their pin and switches off', async () => {
    const { body } = await call('GET', '/v1/mcp/servers/crm/definitions');
    const [definition] = body.data;
    expect(definition).toMatchObject({ object: 'mcp_definition', capability: 'crm.wait', kind: 'tool' });
    const path = '/v1/mcp/servers/crm/definitions/crm.wait';
    const wrong = `sha256:${'0'.repeat(64)}`;
    const mismatch = await call('POST', `${path}/approve`, { body: { pin: wrong } });
    expect([mismatch.status, mismatch.body.error.code]).toEqual([409, 'pin_mismatch']);
    const { pin } = definition;
    expect((await call('POST', `${path}/approve`, { body: { pin, access: 'read' } })).body).toMatchObject({
      status: 'live',
      access: 'read',
      approved_pin: pin,
    });
    expect((await call('POST', `${path}/off`)).body.status).toBe('off');
    expect((await call('POST', '/v1/mcp/servers/crm/definitions/crm.none/off')).status).toBe(404);
  });

  it('take their map as JSON or YAML and give it back', async () => {
    const yaml = 'namespace: crm\ndefault_access: read-only\ntools:\n  crm.read: { maps: wait, access: read }\n';
    const headers = { 'content-type': 'application/yaml' };
    expect((await call('PUT', '/v1/mcp/servers/crm/map', { body: yaml, headers })).status).toBe(200);
    const map = (await call('GET', '/v1/mcp/servers/crm/map')).body;
    expect(map).toEqual({
      namespace: 'crm',
      default_access: 'read-only',
      tools: { 'crm.read': { maps: 'wait', access: 'read' } },
    });
    expect((await call('PUT', '/v1/mcp/servers/crm/map', { body: map })).status).toBe(200);
    const wrong = await call('PUT', '/v1/mcp/servers/crm/map', { body: 'namespace: crm\ntools: 7\n', headers });
    expect([wrong.status, wrong.body.error.code]).toEqual([400, 'server_map_invalid']);
    expect(wrong.body.error.problems).toContainEqual(
      expect.objectContaining({ path: 'tools', line: 2, column: expect.any(Number) }),
    );
  });
});

describe('secrets', () => {
  it('are stored by version and never shown', async () => {
    const value = 'sk-upstream-0123456789';
    const { status, body } = await call('PUT', '/v1/secrets/crm-key', { body: { value } });
    expect(status).toBe(200);
    expect(body).toMatchObject({
      object: 'secret',
      name: 'crm-key',
      version: 1,
      last4: '6789',
      created: expect.any(Number),
      created_by: 'key:first',
    });
    expect((await call('PUT', '/v1/secrets/crm-key', { body: { value: `${value}!` } })).body.version).toBe(2);
    const { body: list } = await call('GET', '/v1/secrets');
    expect(list.data).toEqual([expect.objectContaining({ name: 'crm-key', version: 2 })]);
    expect(JSON.stringify(list)).not.toContain(value);
  });

  it('are refused with a name or value that cannot be used', async () => {
    expect((await call('PUT', '/v1/secrets/a%20b', { body: { value: 'long-enough-value' } })).body.error.code).toBe(
      'secret_name_invalid',
    );
    const short = await call('PUT', '/v1/secrets/short', { body: { value: 'x' } });
    expect([short.status, short.body.error.code]).toEqual([400, 'secret_invalid']);
  });
});
