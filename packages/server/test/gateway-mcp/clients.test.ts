/** The official clients, unmodified: 1.x (sessions only), 2.x in either era. */
import {
  Client as ModernSdkClient,
  StreamableHTTPClientTransport as ModernSdkTransport,
} from '@modelcontextprotocol/client';
import { Client as LegacySdkClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as LegacySdkTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { ElicitRequestSchema, ToolListChangedNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { UpstreamRequest } from '../../src/upstreams/types.ts';
import { decisionOf, PathDouble, principalOf, resultOf, serverDouble, UpstreamsDouble } from './doubles.ts';
import { bearer, type Running, run } from './wire-client.ts';

const FORM = { message: 'Name?', requestedSchema: { type: 'object', properties: { name: { type: 'string' } } } };

let path: PathDouble;
let upstreams: UpstreamsDouble;
let running: Running;

beforeEach(async () => {
  path = new PathDouble();
  path.tokens.set('tok-a', principalOf('alpha', 'a'));
  path.granting = new Set(['crm.read', 'crm.crm://a', 'crm.greet', 'crm.elicitation']);
  upstreams = new UpstreamsDouble(
    [serverDouble('crm', 'modern')],
    [
      { kind: 'tool', namespace: 'crm', name: 'read' },
      { kind: 'tool', namespace: 'crm', name: 'new' },
      { kind: 'resource', namespace: 'crm', name: 'crm://a' },
      { kind: 'prompt', namespace: 'crm', name: 'greet' },
    ],
  );
  running = await run(path, upstreams);
});
afterEach(() => running.close());

/** Reports progress, asks for a name and answers with it. */
function asking({ params, onNotification }: UpstreamRequest) {
  const token = (params._meta as { progressToken?: string } | undefined)?.progressToken;
  if (token !== undefined)
    onNotification?.({ method: 'notifications/progress', params: { progressToken: token, progress: 1, total: 2 } });
  if (params.inputResponses === undefined)
    return resultOf({
      resultType: 'input_required',
      inputRequests: { who: { method: 'elicitation/create', params: FORM } },
    });
  return resultOf({ resultType: 'complete', content: [{ type: 'text', text: JSON.stringify(params.inputResponses) }] });
}

describe('client 1.x', () => {
  async function connect(token = 'tok-a') {
    const client = new LegacySdkClient({ name: 'test', version: '1' }, { capabilities: { elicitation: {} } });
    const transport = new LegacySdkTransport(new URL(running.url), { requestInit: { headers: bearer(token) } });
    await client.connect(transport);
    return { client, transport };
  }

  it('lists, calls, reads, asks, hears of progress and of changes, and leaves', async () => {
    const { client, transport } = await connect();
    client.setRequestHandler(ElicitRequestSchema, async () => ({ action: 'accept', content: { name: 'Dana' } }));
    const changed = vi.fn();
    client.setNotificationHandler(ToolListChangedNotificationSchema, changed);
    expect((await client.listTools()).tools.map(({ name }) => name)).toEqual(['crm__read']);
    expect((await client.listPrompts()).prompts.map(({ name }) => name)).toEqual(['crm__greet']);
    upstreams.handler = asking;
    const progress = vi.fn();
    const called = await client.callTool({ name: 'crm__read', arguments: {} }, undefined, { onprogress: progress });
    expect(called.content).toEqual([{ type: 'text', text: '{"who":{"action":"accept","content":{"name":"Dana"}}}' }]);
    expect(progress).toHaveBeenCalledWith({ progress: 1, total: 2 });
    upstreams.handler = () => resultOf({ contents: [{ uri: 'crm://a', text: 'A' }] });
    expect((await client.readResource({ uri: 'crm://a' })).contents).toHaveLength(1);
    path.granting = new Set([...path.granting, 'crm.new']);
    path.invalidate();
    await vi.waitFor(() => expect(changed).toHaveBeenCalled());
    expect((await client.listTools()).tools.map(({ name }) => name)).toEqual(['crm__new', 'crm__read']);
    await transport.terminateSession();
    await client.close();
    expect(running.entrance.stats().sessions).toBe(0);
  });

  it('hands the model the reason of a refusal, and an unknown tool as an error', async () => {
    const { client } = await connect();
    path.judge = () => decisionOf('deny', { rule: 'R2 · cap' });
    const refused = await client.callTool({ name: 'crm__read', arguments: {} });
    expect(refused.isError).toBe(true);
    expect(JSON.stringify(refused.content)).toContain('amount 540 is over 500');
    await expect(client.callTool({ name: 'crm__new', arguments: {} })).rejects.toThrow('Unknown tool: crm__new');
    await client.close();
  });

  it('cancels', async () => {
    const { client } = await connect();
    upstreams.handler = ({ signal }) =>
      new Promise((resolve) =>
        signal.addEventListener('abort', () => resolve({ kind: 'failed', code: 'aborted', began: true })),
      );
    const controller = new AbortController();
    const call = client.callTool({ name: 'crm__read', arguments: {} }, undefined, { signal: controller.signal });
    await vi.waitFor(() => expect(upstreams.requests).toHaveLength(1));
    controller.abort();
    await expect(call).rejects.toThrow();
    await vi.waitFor(() => expect(path.outcomes).toMatchObject([{ outcome: { result: 'unknown' } }]));
    await client.close();
  });

  it('fails with 401 for a wrong token', async () => {
    await expect(connect('tok-x')).rejects.toThrow(/401|token/i);
  });
});

describe.each([
  ['modern', 'auto', '2026-07-28'],
  ['legacy', 'legacy', '2025-11-25'],
] as const)('client 2.x, %s', (era, mode, version) => {
  async function connect() {
    const changed = vi.fn();
    const client = new ModernSdkClient(
      { name: 'test', version: '1' },
      {
        capabilities: { elicitation: {} },
        versionNegotiation: { mode },
        listChanged: { tools: { autoRefresh: true, debounceMs: 1, onChanged: changed } },
      },
    );
    client.setRequestHandler('elicitation/create', async () => ({ action: 'accept', content: { name: 'Dana' } }));
    const transport = new ModernSdkTransport(new URL(running.url), { requestInit: { headers: bearer('tok-a') } });
    await client.connect(transport);
    return { client, changed };
  }

  it('negotiates, lists, calls, asks, hears of progress and of changes', async () => {
    const { client, changed } = await connect();
    expect(client.getNegotiatedProtocolVersion()).toBe(version);
    expect((await client.listTools()).tools.map(({ name }) => name)).toEqual(['crm__read']);
    upstreams.handler = asking;
    const progress = vi.fn();
    const called = await client.callTool({ name: 'crm__read', arguments: {} }, { onprogress: progress });
    expect(called.content).toEqual([{ type: 'text', text: '{"who":{"action":"accept","content":{"name":"Dana"}}}' }]);
    expect(progress).toHaveBeenCalledWith({ progress: 1, total: 2 });
    const capabilities = path.records.map(({ action }) => action.capability);
    // A modern retry is a request of its own, decided and recorded like the first.
    expect(capabilities).toEqual(
      era === 'modern' ? ['crm.read', 'crm.elicitation', 'crm.read'] : ['crm.read', 'crm.elicitation'],
    );
    path.granting = new Set([...path.granting, 'crm.new']);
    path.invalidate();
    await vi.waitFor(() => expect(changed).toHaveBeenCalled());
    expect((await client.listTools()).tools.map(({ name }) => name)).toEqual(['crm__new', 'crm__read']);
    await client.close();
    expect(path.open).toBe(0);
  });

  it('hands the model the reason of a refusal', async () => {
    const { client } = await connect();
    path.judge = () => decisionOf('review');
    const held = await client.callTool({ name: 'crm__read', arguments: {} });
    expect(held.isError).toBe(true);
    expect(JSON.stringify(held.content)).toContain('NOT executed');
    await expect(client.callTool({ name: 'crm__new', arguments: {} })).rejects.toThrow('Unknown tool: crm__new');
    await client.close();
  });
});
