/** The whole way, with nothing stood in for: wire, path, log, database, real MCP servers. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { JsonObject } from '@hivekey/policy';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { startSecondNode, startWorkspace, type TestAgent, type Workspace } from '../actions/workspace.ts';
import { npmServer } from '../upstreams/connect.ts';
import { json, modernScript, type Running, startFixture, startScripted } from '../upstreams/http-upstream.ts';
import { bearer, eventsIn, initialize, legacy, modern, open, send } from './wire-client.ts';

let workspace: Workspace;
let port: number;
let files: string;
let fixture: Running;

async function register(body: object): Promise<JsonObject> {
  const answer = await workspace.call('POST', '/v1/mcp/servers', { body });
  if (answer.status !== 201) throw new Error(`${answer.status} ${JSON.stringify(answer.body)}`);
  return answer.body;
}

beforeAll(async () => {
  workspace = await startWorkspace();
  port = Number(new URL(workspace.server.url).port);
  files = join(workspace.server.config.data, 'files');
  await mkdir(files);
  await writeFile(join(files, 'a.txt'), 'contents of a');
  fixture = await startFixture();
  await Promise.all([
    register({ namespace: 'everything', command: npmServer('everything', 'stdio'), trust_annotations: true }),
    register({ namespace: 'files', command: npmServer('filesystem', files), trust_annotations: true }),
    register({ namespace: 'memory', command: npmServer('memory'), default_access: 'read-write' }),
    register({ namespace: 'fixture', endpoint: fixture.url, allow_private: true, default_access: 'read-write' }),
  ]);
});

afterAll(async () => {
  await workspace.close();
  await fixture[Symbol.asyncDispose]();
});

let agents = 0;

/** An agent with a role of its own that grants these. */
async function agentWith(
  ...allow: readonly string[]
): Promise<TestAgent & { grant(...more: readonly string[]): Promise<void> }> {
  agents += 1;
  const role = `role-${agents}`;
  await workspace.role(role, allow);
  const agent = await workspace.agent(`agent-${agents}`, role);
  return { ...agent, grant: (...more) => workspace.role(role, more) };
}

async function toolNames(agent: TestAgent, path = '/mcp'): Promise<readonly string[]> {
  const { json: answer } = await send(port, { ...modern(agent.token, 'tools/list'), path });
  const { tools } = answer.result as { tools: { name: string }[] };
  return tools.map(({ name }) => name);
}

function call(agent: TestAgent, name: string, args: JsonObject = {}, at = port) {
  return send(at, modern(agent.token, 'tools/call', { name, arguments: args }));
}

/** Its calls on the log, oldest first, once there are at least so many. */
function records(agent: TestAgent, atLeast = 1): Promise<readonly JsonObject[]> {
  return vi.waitFor(async () => {
    const query = `agent=${agent.id}&kind=tool.call&order=asc&limit=200`;
    const { body } = await workspace.call('GET', `/v1/audit/events?${query}`);
    expect(body.data.length).toBeGreaterThanOrEqual(atLeast);
    return body.data;
  }, 5_000);
}

async function definition(server: string, capability: string): Promise<JsonObject> {
  const { body } = await workspace.call('GET', `/v1/mcp/servers/${server}/definitions?limit=200`);
  return body.data.find((each: JsonObject) => each.capability === capability);
}

describe('what an agent sees and does', () => {
  it('nothing is granted by registering', async () => {
    const agent = await agentWith();
    expect(await toolNames(agent)).toEqual([]);
    expect((await call(agent, 'everything__echo', { message: 'x' })).json.error).toEqual({
      code: -32602,
      message: 'Unknown tool: everything__echo',
    });
  });

  it('the list is exactly the grants, on both routes, in both eras, and the calls run', async () => {
    const agent = await agentWith('everything.echo', 'files.read_text_file', 'memory.read_graph', 'files.write_file');
    // Writes are off until somebody approves them, whatever a role says.
    const granted = ['everything__echo', 'files__read_text_file', 'memory__read_graph'];
    expect(await toolNames(agent)).toEqual(granted);
    expect(await toolNames(agent, '/mcp/files')).toEqual(['read_text_file']);
    const { session } = await initialize(port, agent.token);
    const listed = await send(port, legacy(agent.token, session, { id: 1, method: 'tools/list' }));
    expect((listed.json.result as { tools: { name: string }[] }).tools.map(({ name }) => name)).toEqual(granted);

    expect((await call(agent, 'everything__echo', { message: 'hello' })).json.result).toMatchObject({
      content: [{ type: 'text', text: 'Echo: hello' }],
    });
    expect((await call(agent, 'files__read_text_file', { path: join(files, 'a.txt') })).json.result).toMatchObject({
      content: [{ text: 'contents of a' }],
    });
    expect((await call(agent, 'files__write_file', { path: join(files, 'b.txt'), content: 'x' })).json.error).toEqual({
      code: -32602,
      message: 'Unknown tool: files__write_file',
    });
    const { pin } = await definition('files', 'files.write_file');
    await workspace.call('POST', '/v1/mcp/servers/files/definitions/files.write_file/approve', { body: { pin } });
    expect(await toolNames(agent)).toContain('files__write_file');
    expect(
      (await call(agent, 'files__write_file', { path: join(files, 'b.txt'), content: 'x' })).json.result,
    ).toMatchObject({
      content: [{ type: 'text' }],
    });
    await vi.waitFor(async () => {
      expect((await records(agent)).map(({ action, verdict, outcome }) => [action, verdict, outcome])).toEqual([
        ['everything.echo', 'allow', 'success'],
        ['files.read_text_file', 'allow', 'success'],
        ['files__write_file', 'deny', 'not_attempted'],
        ['files.write_file', 'allow', 'success'],
      ]);
    });
  });

  it('what is hidden and what does not exist answer the same bytes, in every method and era', async () => {
    const agent = await agentWith('everything.echo');
    const same = async (ask: (name: string) => Parameters<typeof send>[1], hidden: string, absent: string) => {
      const [one, other] = [await send(port, ask(hidden)), await send(port, ask(absent))];
      const strip = ({ status, headers, text }: typeof one, name: string) => [
        status,
        Object.entries(headers).filter(([key]) => !['date', 'content-length'].includes(key)),
        text.replaceAll(name, 'NAME'),
      ];
      expect(strip(one, hidden)).toEqual(strip(other, absent));
      expect(one.text).toContain(hidden);
    };
    const { session } = await initialize(port, agent.token);
    const eras = [
      (method: string, params: JsonObject) => modern(agent.token, method, params),
      (method: string, params: JsonObject) => legacy(agent.token, session, { id: 1, method, params }),
    ];
    for (const ask of eras) {
      // Live but not granted; off; of another kind; each against a name that never was.
      for (const hidden of ['everything__get-sum', 'files__write_file', 'memory__create_entities'])
        await same((name) => ask('tools/call', { name, arguments: { a: 1 } }), hidden, 'everything__none');
      await same((name) => ask('prompts/get', { name }), 'everything__simple-prompt', 'everything__none');
      await same((uri) => ask('resources/read', { uri }), 'demo://resource/dynamic/text/1', 'demo://nowhere/1');
      const ref = (name: string) => ({ ref: { type: 'ref/prompt', name }, argument: { name: 'x', value: '' } });
      await same((name) => ask('completion/complete', ref(name)), 'everything__completable-prompt', 'everything__none');
    }
    const denials = await records(agent, 24);
    expect(new Set(denials.map(({ verdict }) => verdict))).toEqual(new Set(['deny']));
  });

  it('arguments are checked against the pinned schema before anything is sent', async () => {
    const agent = await agentWith('everything.echo');
    const { json: answer } = await call(agent, 'everything__echo', { message: 'x', extra: 1 });
    expect(answer.result).toMatchObject({ isError: true, content: [{ text: expect.stringContaining('extra') }] });
    expect((await records(agent)).map(({ verdict }) => verdict)).toEqual(['deny']);
  });

  it('resources, templates and prompts are granted one by one', async () => {
    const agent = await agentWith(
      'fixture.prompt.test_simple_prompt',
      'everything.template.demo-resource-dynamic-text-resourceId',
    );
    const catalogue = await workspace.call('GET', '/v1/mcp/servers/everything/definitions?limit=200');
    const template = catalogue.body.data.find(
      ({ kind, name }: JsonObject) => kind === 'template' && String(name).includes('text'),
    );
    await agent.grant('fixture.prompt.test_simple_prompt', template.capability);
    expect(
      (await send(port, modern(agent.token, 'prompts/get', { name: 'fixture__test_simple_prompt' }))).json.result,
    ).toMatchObject({ messages: expect.any(Array) });
    const read = (uri: string) => send(port, modern(agent.token, 'resources/read', { uri }));
    expect((await read('demo://resource/dynamic/text/3')).json.result).toMatchObject({ contents: expect.any(Array) });
    expect((await read('demo://resource/dynamic/blob/3')).json.error).toBeDefined();
    expect((await read('demo://resource/dynamic/text/../blob/3')).json.error).toBeDefined();
  });

  it('the official client works as it is', async () => {
    const agent = await agentWith('everything.echo', 'everything.get-sum');
    const client = new Client({ name: 'test', version: '1' }, { versionNegotiation: { mode: 'auto' } });
    const transport = new StreamableHTTPClientTransport(new URL(`${workspace.server.url}/mcp`), {
      requestInit: { headers: bearer(agent.token) },
    });
    await client.connect(transport);
    try {
      expect((await client.listTools()).tools.map(({ name }) => name)).toEqual([
        'everything__echo',
        'everything__get-sum',
      ]);
      const sum = await client.callTool({ name: 'everything__get-sum', arguments: { a: 2, b: 3 } });
      expect(JSON.stringify(sum.content)).toContain('5');
    } finally {
      await client.close();
    }
  });
});

/** Collects what comes on a stream until it is closed. */
function listening(sent: Parameters<typeof send>[1]): { readonly heard: JsonObject[]; close(): void } {
  const heard: JsonObject[] = [];
  const req = open(port, sent, (res) => {
    res.on('data', (chunk: Buffer) => heard.push(...eventsIn(chunk.toString())));
    res.on('error', () => undefined);
  });
  req.on('error', () => undefined);
  return { heard, close: () => req.destroy() };
}

function methods(heard: readonly JsonObject[]): readonly unknown[] {
  return heard.map(({ method }) => method);
}

describe('changes', () => {
  it('of grants and of definitions reach live sessions in both eras, and only those concerned', async () => {
    const agent = await agentWith('fixture.test_changing_tool');
    const other = await agentWith('everything.echo');
    const listen = (of: TestAgent) =>
      listening(modern(of.token, 'subscriptions/listen', { notifications: { toolsListChanged: true } }));
    const { session } = await initialize(port, agent.token);
    const streams = {
      modern: listen(agent),
      legacy: listening({
        method: 'GET',
        headers: { ...bearer(agent.token), accept: 'text/event-stream', 'mcp-session-id': session },
      }),
      unconcerned: listen(other),
    };
    try {
      const acknowledged = 'notifications/subscriptions/acknowledged';
      await vi.waitFor(() => {
        expect(methods(streams.modern.heard)).toEqual([acknowledged]);
        expect(methods(streams.unconcerned.heard)).toEqual([acknowledged]);
      });
      const changed = 'notifications/tools/list_changed';
      const told = (times: number) =>
        vi.waitFor(() => {
          for (const { heard } of [streams.modern, streams.legacy])
            expect(methods(heard).filter((method) => method === changed)).toHaveLength(times);
        }, 5_000);
      await agent.grant('fixture.test_changing_tool', 'fixture.test_trigger_tool_change');
      await told(1);
      // The upstream changes the definition itself, and says so.
      await call(agent, 'fixture__test_trigger_tool_change');
      await told(2);
      expect(await toolNames(agent)).toEqual(['fixture__test_trigger_tool_change']);
      expect((await call(agent, 'fixture__test_changing_tool')).json.error).toEqual({
        code: -32602,
        message: 'Unknown tool: fixture__test_changing_tool',
      });
      const { pin, status } = await definition('fixture', 'fixture.test_changing_tool');
      expect(status).toBe('changed');
      const approve = '/v1/mcp/servers/fixture/definitions/fixture.test_changing_tool/approve';
      expect((await workspace.call('POST', approve, { body: { pin } })).status).toBe(200);
      await told(3);
      expect((await call(agent, 'fixture__test_changing_tool')).json.result).toBeDefined();
      expect(methods(streams.unconcerned.heard)).toEqual([acknowledged]);
    } finally {
      for (const stream of Object.values(streams)) stream.close();
    }
  });

  it('of a definition between decisions: no call is decided under one and sent under another', async () => {
    let description = 'as approved';
    const calls: string[] = [];
    await using upstream = await startScripted(
      modernScript(
        ({ id }, res) => {
          calls.push(description);
          json(res, { jsonrpc: '2.0', id, result: { content: [] } });
        },
        { tools: () => [{ name: 'pay', description, inputSchema: { type: 'object' } }] },
      ),
    );
    await register({ namespace: 'bank', endpoint: upstream.url, allow_private: true, default_access: 'read-write' });
    const agent = await agentWith('bank.pay');
    const second = await startSecondNode(workspace);
    try {
      const ports = [port, Number(new URL(second.server.url).port)];
      let stop = false;
      const caller = async (at: number): Promise<void> => {
        while (!stop) await call(agent, 'bank__pay', {}, at);
      };
      const callers = ports.flatMap((at) => [caller(at), caller(at), caller(at)]);
      await vi.waitFor(() => expect(calls.length).toBeGreaterThan(30), 10_000);
      description = 'changed by the upstream';
      const refreshed = await workspace.call('POST', '/v1/mcp/servers/bank/refresh');
      expect(refreshed.body).toMatchObject({ changed: ['bank.pay'] });
      // From here on the change is committed: not one more call is begun on any node.
      const { policy_revision: suspended } = (await workspace.call('GET', '/v1/workspace')).body;
      for (let turn = 0; turn < 20; turn += 1)
        for (const at of ports) expect((await call(agent, 'bank__pay', {}, at)).json.error).toBeDefined();
      stop = true;
      await Promise.all(callers);
      const allowed = (await records(agent, 60)).filter(({ verdict }) => verdict === 'allow');
      expect(allowed.length).toBeGreaterThan(30);
      expect(Math.max(...allowed.map(({ policy_revision }) => Number(policy_revision)))).toBeLessThan(suspended);
    } finally {
      await second.close();
    }
  }, 30_000);

  it('disabling a server takes its tools away at once', async () => {
    const agent = await agentWith('memory.read_graph');
    expect(await toolNames(agent)).toEqual(['memory__read_graph']);
    await workspace.call('POST', '/v1/mcp/servers/memory/disable');
    expect(await toolNames(agent)).toEqual([]);
    expect((await call(agent, 'memory__read_graph')).json.error).toMatchObject({
      message: 'Unknown tool: memory__read_graph',
    });
    await workspace.call('POST', '/v1/mcp/servers/memory/enable');
    expect((await call(agent, 'memory__read_graph')).json.result).toBeDefined();
  });
});

describe('upstreams that fail', () => {
  it('a server that is down: listed from its pins, and calls say so without delay', async () => {
    const upstream = await startScripted(
      modernScript(({ id }, res) => json(res, { jsonrpc: '2.0', id, result: { content: [] } }), {
        tools: () => [{ name: 'get', inputSchema: { type: 'object' } }],
      }),
    );
    await register({ namespace: 'crm', endpoint: upstream.url, allow_private: true, default_access: 'read-write' });
    const agent = await agentWith('crm.get');
    expect((await call(agent, 'crm__get')).json.result).toBeDefined();
    await upstream[Symbol.asyncDispose]();
    expect(await toolNames(agent)).toEqual(['crm__get']);
    await call(agent, 'crm__get');
    const before = performance.now();
    const { json: answer } = await call(agent, 'crm__get');
    expect(performance.now() - before).toBeLessThan(500);
    expect(answer.result).toMatchObject({
      isError: true,
      content: [{ text: expect.stringContaining('crm unavailable') }],
    });
    await vi.waitFor(async () => {
      expect((await records(agent)).map(({ outcome }) => outcome)).toEqual([
        'success',
        expect.any(String),
        'not_attempted',
      ]);
    });
  });

  it('a credential is injected, and what the upstream repeats of it reaches nobody', async () => {
    const secret = 'sk-live-real-credential-42';
    const { call: api } = workspace;
    expect((await api('PUT', '/v1/secrets/crm-key', { body: { value: secret } })).status).toBeLessThan(300);
    await using upstream = await startScripted(
      modernScript(
        ({ id }, res, req) =>
          json(res, { jsonrpc: '2.0', id, result: { content: [{ type: 'text', text: JSON.stringify(req.headers) }] } }),
        { tools: () => [{ name: 'get', inputSchema: { type: 'object' } }] },
      ),
    );
    await register({
      namespace: 'erp',
      endpoint: upstream.url,
      allow_private: true,
      default_access: 'read-write',
      credential_ref: 'vault://crm-key',
    });
    const agent = await agentWith('erp.get');
    const { text } = await call(agent, 'erp__get');
    expect(upstream.received.at(-1)?.headers.authorization).toBe(`Bearer ${secret}`);
    expect(text).toContain('[secret]');
    expect(text).not.toContain(secret);
    // The agent's own credential stays here.
    expect(JSON.stringify(upstream.received)).not.toContain(agent.token);
  });
});
