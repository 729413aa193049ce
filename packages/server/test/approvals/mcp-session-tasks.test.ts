/** Tasks of 2025-11-25, with the official client of that time and on the wire: any call may be one, a held one waits as long as its session. */
import type { JsonObject } from '@hivekey/policy';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { CallToolResultSchema } from '@modelcontextprotocol/sdk/types.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../actions/workspace.ts';
import { initialize, legacy, send } from '../gateway-mcp/wire-client.ts';
import { type HeldTools, openHeldTools, resultOf, textOf } from './held-tools.ts';

let tools: HeldTools;
let session: string;
let ids = 0;
beforeAll(async () => {
  tools = await openHeldTools({ hold_seconds: 1 });
  ({ session } = await initialize(tools.port, tools.bot.token));
});
afterAll(() => tools.close());

async function request(method: string, params: JsonObject, on = session, token = tools.bot.token) {
  ids += 1;
  return send(tools.port, legacy(token, on, { id: ids, method, params }));
}

async function result(method: string, params: JsonObject, on = session, token = tools.bot.token): Promise<JsonObject> {
  return resultOf(await request(method, params, on, token));
}

/** Calls a tool as a task; its id. */
async function begin(args: JsonObject, { on = session, name = 'work__act', token = tools.bot.token } = {}) {
  const { task } = await result('tools/call', { name, arguments: args, task: {} }, on, token);
  expect(task).toMatchObject({ status: 'working', taskId: expect.stringMatching(/^tsk_/), ttl: 3_600_000 });
  return String((task as JsonObject).taskId);
}

function over(taskId: string): Promise<JsonObject> {
  return eventually(async () => {
    const task = await result('tasks/get', { taskId });
    return task.status === 'working' ? undefined : task;
  });
}

describe('a task', () => {
  it('is offered with this revision and no other', async () => {
    for (const [version, offered] of [
      ['2025-11-25', true],
      ['2025-06-18', false],
    ] as const) {
      const opened = await initialize(tools.port, tools.bot.token, { version });
      const { capabilities } = opened.result as { capabilities: JsonObject };
      expect([version, capabilities.tasks !== undefined]).toEqual([version, offered]);
      const list = (await result('tools/list', {}, opened.session)).tools as JsonObject[];
      expect(list.map(({ execution }) => execution)).toEqual(
        list.map(() => (offered ? { taskSupport: 'optional' } : undefined)),
      );
      const unknown = await result('tasks/get', { taskId: 'tsk_000000000000' }, opened.session);
      expect(unknown).toMatchObject({ code: offered ? -32602 : -32601 });
    }
  });

  it('of a call that nobody holds runs through, and its result is kept', async () => {
    const args = { ...tools.newCall(), amount: 5 };
    const taskId = await begin(args, { name: 'work__pay' });
    expect(await over(taskId)).toMatchObject({ status: 'completed' });
    for (let again = 0; again < 2; again += 1)
      expect(await result('tasks/result', { taskId })).toMatchObject({
        content: [{ text: `paid ${args.id}` }],
        _meta: { 'io.modelcontextprotocol/related-task': { taskId } },
      });
    expect(tools.arrivals(args)).toBe(1);
    expect(await result('tasks/cancel', { taskId })).toMatchObject({ code: -32602 });
  });

  it('of a held call waits past any hold, and runs once when it was approved', async () => {
    const args = tools.newCall();
    const taskId = await begin(args);
    const approval = await tools.approvalOf(args);
    const waiting = result('tasks/result', { taskId });
    const state = await result('tasks/get', { taskId });
    expect(state).toMatchObject({ status: 'working', statusMessage: expect.stringContaining(approval) });
    await tools.erin.approve(approval);
    expect(textOf(await waiting)).toBe(`done ${args.id}`);
    expect(await over(taskId)).toMatchObject({ status: 'completed' });
    // a plain repeat of the call collects as well
    expect(textOf(await result('tools/call', { name: 'work__act', arguments: args }))).toBe(`done ${args.id}`);
    expect(tools.arrivals(args)).toBe(1);
  });

  it('that was denied, or refused as unknown, failed, and says why', async () => {
    const args = tools.newCall();
    const taskId = await begin(args);
    await tools.erin.deny(await tools.approvalOf(args), 'not today');
    expect(await over(taskId)).toMatchObject({ status: 'failed', statusMessage: expect.stringContaining('not today') });
    expect(await result('tasks/result', { taskId })).toMatchObject({ isError: true });
    for (const name of ['work__hidden', 'work__absent']) {
      const unknown = await begin({}, { name });
      await over(unknown);
      expect(await result('tasks/result', { taskId: unknown })).toEqual({
        code: -32602,
        message: `Unknown tool: ${name}`,
      });
    }
    expect(tools.arrivals(args)).toBe(0);
  });

  it('is cancelled: what people are asked is withdrawn, what runs is aborted', async () => {
    const held = tools.newCall();
    const taskId = await begin(held);
    const approval = await tools.approvalOf(held);
    const waiting = result('tasks/result', { taskId });
    expect(await result('tasks/cancel', { taskId })).toMatchObject({ taskId, status: 'cancelled' });
    expect(await waiting).toMatchObject({ message: 'The task was cancelled.' });
    expect(await tools.statusOf(approval)).toBe('cancelled');
    expect(await result('tasks/get', { taskId })).toMatchObject({ status: 'cancelled' });
    expect(await result('tasks/cancel', { taskId })).toMatchObject({ code: -32602 });
    expect(tools.arrivals(held)).toBe(0);
  });

  it('ends with its session; the approval stays, and the repeat attaches', async () => {
    const args = tools.newCall();
    const { session: brief } = await initialize(tools.port, tools.bot.token);
    const taskId = await begin(args, { on: brief });
    const approval = await tools.approvalOf(args);
    await send(tools.port, { ...legacy(tools.bot.token, brief, {}), method: 'DELETE' });
    await tools.erin.approve(approval);
    expect(await tools.statusOf(approval)).toBe('approved');
    expect(await result('tasks/get', { taskId })).toMatchObject({ code: -32602 });
    expect(textOf(await result('tools/call', { name: 'work__act', arguments: args }))).toBe(`done ${args.id}`);
    expect(tools.arrivals(args)).toBe(1);
  });
});

describe('attacks', () => {
  it('a task of another session or agent and one that never was: the same bytes', async () => {
    const taskId = await begin(tools.newCall());
    const thief = await tools.office.agent('session-thief', 'worker');
    const { session: theirs } = await initialize(tools.port, thief.token);
    const { session: own } = await initialize(tools.port, tools.bot.token);
    const answers = new Set<string>();
    for (const method of ['tasks/get', 'tasks/result', 'tasks/cancel'])
      for (const [id, on, token] of [
        [taskId, theirs, thief.token],
        [taskId, own, tools.bot.token],
        ['tsk_000000000000', theirs, thief.token],
      ] as const)
        answers.add((await request(method, { taskId: id }, on, token)).text.replace(/"id":\d+/, '"id":0'));
    expect([...answers]).toEqual([
      '{"jsonrpc":"2.0","id":0,"error":{"code":-32602,"message":"Failed to retrieve task: Task not found"}}',
    ]);
    expect(await result('tasks/list', {}, theirs, thief.token)).toEqual({ tasks: [] });
    expect(await result('tasks/get', { taskId })).toMatchObject({ status: 'working' });
  });

  it('more tasks at once than a client may have are not forwarded, and one that is over makes room', async () => {
    const greedy = await tools.office.agent('greedy', 'worker');
    const { session: on } = await initialize(tools.port, greedy.token);
    const token = greedy.token;
    const running: string[] = [];
    for (let i = 0; i < 64; i += 1) running.push(await begin(tools.newCall(), { on, token }));
    const refused = tools.newCall();
    const params = { name: 'work__act', arguments: refused, task: {} };
    expect(await result('tools/call', params, on, token)).toMatchObject({ code: 1006 });
    expect(await result('tasks/cancel', { taskId: running[0] ?? '' }, on, token)).toMatchObject({
      status: 'cancelled',
    });
    await begin(tools.newCall(), { on, token });
    const { tasks } = await result('tasks/list', {}, on, token);
    expect((tasks as JsonObject[]).map(({ status }) => status)).toEqual([
      'cancelled',
      ...Array.from({ length: 64 }, () => 'working'),
    ]);
    expect(tools.arrivals(refused)).toBe(0);
  });

  it('a revoked agent has no tasks any more, and what was approved does not run', async () => {
    const doomed = await tools.office.agent('doomed-session', 'worker');
    const { session: on } = await initialize(tools.port, doomed.token);
    const args = tools.newCall();
    const taskId = await begin(args, { on, token: doomed.token });
    const approval = await tools.approvalOf(args);
    await tools.office.done('POST', '/v1/agents/doomed-session/revoke', { reason: 'odd' });
    expect((await request('tasks/result', { taskId }, on, doomed.token)).status).toBe(401);
    expect(await tools.statusOf(approval)).toBe('cancelled');
    expect(tools.arrivals(args)).toBe(0);
  });
});

describe('the official client', () => {
  it('streams a held call to its result', async () => {
    const client = new Client({ name: 'test', version: '1' });
    const headers = { authorization: `Bearer ${tools.bot.token}` };
    // Its types and ours disagree about optional members.
    const transport = new StreamableHTTPClientTransport(new URL(`${tools.office.server.url}/mcp`), {
      requestInit: { headers },
    });
    await client.connect(transport as Parameters<typeof client.connect>[0]);
    await client.listTools();
    const args = tools.newCall();
    const seen: string[] = [];
    const stream = client.experimental.tasks.callToolStream(
      { name: 'work__act', arguments: args },
      CallToolResultSchema,
    );
    for await (const message of stream) {
      seen.push(message.type);
      if (message.type === 'taskCreated') await tools.erin.approve(await tools.approvalOf(args));
      if (message.type === 'result')
        expect(message.result).toMatchObject({ content: [{ type: 'text', text: `done ${args.id}` }] });
    }
    expect([seen[0], seen.at(-1)]).toEqual(['taskCreated', 'result']);
    // a call without a task is one as ever
    const paid = await client.callTool({ name: 'work__pay', arguments: { ...tools.newCall(), amount: 1 } });
    expect(paid.isError).not.toBe(true);
    await client.close();
    expect(tools.arrivals(args)).toBe(1);
  });
});
