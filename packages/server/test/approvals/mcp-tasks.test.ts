/** Held calls as tasks of the extension `io.modelcontextprotocol/tasks`: bound to their agent, run once, never unknown to whom they belong. */
import type { JsonObject } from '@hivekey/policy';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, startSecondNode } from '../actions/workspace.ts';
import { modern, send } from '../gateway-mcp/wire-client.ts';
import { type HeldTools, openHeldTools, resultOf, textOf } from './held-tools.ts';

const TASKS = { extensions: { 'io.modelcontextprotocol/tasks': {} } };
const META = { 'io.modelcontextprotocol/clientCapabilities': TASKS };

let tools: HeldTools;
beforeAll(async () => {
  tools = await openHeldTools({ hold_seconds: 1, approval_pointers: true });
});
afterAll(() => tools.close());

/** Calls the tool, and is given a task. */
async function begin(args: JsonObject, token?: string): Promise<string> {
  const result = resultOf(
    await send(tools.port, tools.ask(args, {}, { meta: META, ...(token === undefined ? {} : { token }) })),
  );
  expect(result).toMatchObject({ resultType: 'task', status: 'working', taskId: expect.stringMatching(/^apr_/) });
  return String(result.taskId);
}

function about(method: string, taskId: string, token = tools.bot.token, port = tools.port) {
  const params = method === 'tasks/update' ? { taskId, inputResponses: {} } : { taskId };
  return send(port, modern(token, method, params, { meta: META }));
}

async function look(taskId: string, token?: string): Promise<JsonObject> {
  return resultOf(await about('tasks/get', taskId, token));
}

describe('a task', () => {
  it('is the answer at once, waits, is carried out by the poll after the approval, and stays complete', async () => {
    const args = tools.newCall();
    const answer = await send(tools.port, tools.ask(args, {}, { meta: META }));
    const approval = await tools.approvalOf(args);
    expect(answer.headers['content-type']).toContain('application/json');
    expect(resultOf(answer)).toMatchObject({
      resultType: 'task',
      taskId: approval,
      status: 'working',
      statusMessage: expect.stringContaining(`Pending human approval ${approval}`),
      ttlMs: 3_600_000,
      pollIntervalMs: 100,
    });
    expect(await look(approval)).toMatchObject({ resultType: 'complete', status: 'working', taskId: approval });
    await tools.erin.approve(approval);
    expect(tools.arrivals(args)).toBe(0);
    const done = await look(approval);
    expect(done).toMatchObject({ resultType: 'complete', status: 'completed', taskId: approval });
    expect(textOf(done.result as JsonObject)).toBe(`done ${args.id}`);
    const again = await look(approval);
    expect(again).toEqual(done);
    expect(tools.arrivals(args)).toBe(1);
    expect(await tools.statusOf(approval)).toBe('finished');
    // the call itself repeated gives its result, not another task
    expect(textOf(resultOf(await send(tools.port, tools.ask(args, {}, { meta: META }))))).toBe(`done ${args.id}`);
  });

  it('says that it is working while the call takes long, and the call outlives the polls', async () => {
    const args = tools.newCall({ hold: true });
    const task = await begin(args);
    await tools.erin.approve(task);
    const first = look(task);
    await eventually(async () => (tools.arrivals(args) === 1 ? true : undefined));
    expect(await look(task)).toMatchObject({
      status: 'working',
      statusMessage: expect.stringContaining('being carried'),
    });
    expect(await first).toMatchObject({ status: 'working' });
    tools.upstream.release();
    const done = await eventually(async () => {
      const state = await look(task);
      return state.status === 'working' ? undefined : state;
    });
    expect(textOf(done.result as JsonObject)).toBe(`done ${args.id}`);
    expect(tools.arrivals(args)).toBe(1);
  });

  it('that was denied is complete with the refusal that the call would have got', async () => {
    const args = tools.newCall();
    const task = await begin(args);
    await tools.erin.deny(task, 'not today');
    const state = await look(task);
    expect(state).toMatchObject({ status: 'completed', result: { isError: true } });
    expect(textOf(state.result as JsonObject)).toContain('Denied by erin@acme.example and not executed');
    expect(tools.arrivals(args)).toBe(0);
  });

  it('is cancelled by its agent: nothing is left to approve, and it is on the log', async () => {
    const args = tools.newCall();
    const task = await begin(args);
    expect(resultOf(await about('tasks/cancel', task))).toMatchObject({ resultType: 'complete' });
    expect(await look(task)).toMatchObject({
      status: 'cancelled',
      statusMessage: expect.stringContaining('cancelled'),
    });
    expect((await tools.erin.approve(task)).status).toBe(409);
    const record = await eventually(async () => {
      const { body } = await tools.office.call('GET', '/v1/audit/events?kind=approval.cancelled&limit=20');
      return body.data.find((each: { approval_id?: string }) => each.approval_id === task);
    });
    expect(record).toMatchObject({ actor: 'agent:worker-bot', reason: 'the agent withdrew the call' });
    // once more is acknowledged, and changes nothing
    expect(resultOf(await about('tasks/cancel', task))).toMatchObject({ resultType: 'complete' });
    expect(tools.arrivals(args)).toBe(0);
    // the same call asks anew
    expect(await begin(args)).not.toBe(task);
  });

  it('that runs is not called back by a cancellation', async () => {
    const args = tools.newCall({ hold: true });
    const task = await begin(args);
    await tools.erin.approve(task);
    await look(task);
    expect(resultOf(await about('tasks/cancel', task))).toMatchObject({ resultType: 'complete' });
    expect(await look(task)).toMatchObject({ status: 'working' });
    tools.upstream.release();
    const done = await eventually(async () => ((await look(task)).status === 'completed' ? true : undefined));
    expect(done).toBe(true);
    expect(tools.upstream.tally.find(({ id }) => id === args.id)?.abandoned).toBe(false);
  });

  it('asks nothing, so that an update is acknowledged and ignored', async () => {
    const task = await begin(tools.newCall());
    expect(resultOf(await about('tasks/update', task))).toMatchObject({ resultType: 'complete' });
    expect(await look(task)).toMatchObject({ status: 'working' });
  });
});

describe('without the extension', () => {
  it('there are no tasks, and asking for one is answered with what is missing', async () => {
    const task = await begin(tools.newCall());
    for (const method of ['tasks/get', 'tasks/update', 'tasks/cancel']) {
      const answer = await send(tools.port, modern(tools.bot.token, method, { taskId: task, inputResponses: {} }));
      expect([method, answer.status, resultOf(answer)]).toMatchObject([
        method,
        400,
        { code: -32021, data: { requiredCapabilities: TASKS } },
      ]);
    }
    const listen = { notifications: { taskIds: [task] } };
    const answer = await send(tools.port, modern(tools.bot.token, 'subscriptions/listen', listen));
    expect(resultOf(answer)).toMatchObject({ code: -32021 });
    expect(await look(task)).toMatchObject({ status: 'working' });
    expect(resultOf(await send(tools.port, tools.ask(tools.newCall())))).toMatchObject({
      resultType: 'input_required',
    });
  });

  it('is declared by the gateway, and its other generation is not', async () => {
    const discovered = resultOf(await send(tools.port, modern(tools.bot.token, 'server/discover')));
    expect(discovered.capabilities).toMatchObject(TASKS);
    for (const method of ['tasks/result', 'tasks/list']) {
      const { status, json } = await about(method, 'apr_000000000000');
      expect([status, json]).toMatchObject([404, { error: { code: -32601 } }]);
    }
  });

  it('a routing header that names another task is refused', async () => {
    const task = await begin(tools.newCall());
    const request = modern(
      tools.bot.token,
      'tasks/get',
      { taskId: task },
      { meta: META, headers: { 'mcp-name': 'x' } },
    );
    expect(await send(tools.port, request)).toMatchObject({ status: 400, json: { error: { code: -32020 } } });
  });
});

describe('a client that opens links', () => {
  const links = { 'io.modelcontextprotocol/clientCapabilities': { elicitation: { form: {}, url: {} } } };

  it('is shown where people decide once, and its answer decides nothing', async () => {
    const args = tools.newCall();
    const first = resultOf(await send(tools.port, tools.ask(args, {}, { meta: links })));
    const approval = await tools.approvalOf(args);
    expect(first).toMatchObject({
      resultType: 'input_required',
      inputRequests: {
        approval: {
          method: 'elicitation/create',
          params: { mode: 'url', url: `${tools.office.server.url}/approvals/${approval}` },
        },
      },
    });
    const inputResponses = { approval: { action: 'accept' } };
    const { requestState } = first as { requestState: string };
    const second = resultOf(await send(tools.port, tools.ask(args, { requestState, inputResponses }, { meta: links })));
    expect(second).toMatchObject({ resultType: 'input_required' });
    expect(second).not.toHaveProperty('inputRequests');
    expect([await tools.statusOf(approval), tools.arrivals(args)]).toEqual(['pending', 0]);
    const declined = {
      requestState: second.requestState as string,
      inputResponses: { approval: { action: 'decline' } },
    };
    const waiting = send(tools.port, tools.ask(args, declined, { meta: links }));
    await tools.erin.approve(approval);
    expect(textOf(resultOf(await waiting))).toBe(`done ${args.id}`);
    expect(tools.arrivals(args)).toBe(1);
  });
});

describe('attacks', () => {
  it('a task of another agent, of another entrance, forgotten, of a tool no longer granted, or guessed: the same bytes', async () => {
    const { office, port, erin } = tools;
    const task = await begin(tools.newCall());
    const other = await office.agent('task-thief', 'worker');
    await office.role(
      'teller',
      ['till.pay'],
      [{ id: 'ask', action: 'till.pay', when: { field: 'amount', gt: 1 }, effect: 'review' }],
    );
    await office.capability('till.pay', {
      input_schema: { type: 'object', properties: { amount: { type: 'number' } }, required: ['amount'] },
    });
    const teller = await office.agent('teller', 'teller', 'worker');
    const held = await office.act(teller.token, 'till.pay', { amount: 5 }, { prefer: 'respond-async' });
    await office.role('bystander', []);
    const loser = await office.agent('loser', 'worker');
    const lost = await begin(tools.newCall(), loser.token);
    await office.done('PATCH', '/v1/agents/loser', { roles: ['bystander'] });
    const answers: string[] = [];
    for (const method of ['tasks/get', 'tasks/update', 'tasks/cancel'])
      for (const [id, token] of [
        [task, other.token],
        [held.body.approval.id, teller.token],
        [lost, loser.token],
        ['apr_000000000000', other.token],
        ['', other.token],
        ['../approvals', other.token],
      ] as const)
        answers.push((await about(method, id, token, port)).text);
    expect(new Set(answers)).toEqual(
      new Set(['{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"Failed to retrieve task: Task not found"}}']),
    );
    // and nothing has happened to any of them
    expect(await tools.statusOf(task)).toBe('pending');
    expect(await tools.statusOf(lost)).toBe('pending');
    await erin.deny(task);
  });

  it('polls on two nodes at once run it once, and all of them see it complete', async () => {
    const second = await startSecondNode(tools.office);
    try {
      const ports = [tools.port, Number(new URL(second.server.url).port)];
      const args = tools.newCall();
      const task = await begin(args);
      await tools.erin.approve(task);
      const polls = Array.from({ length: 16 }, (_, i) =>
        eventually(async () => {
          const state = resultOf(await about('tasks/get', task, tools.bot.token, ports[i % 2]));
          return state.status === 'working' ? undefined : state;
        }),
      );
      const states = await Promise.all(polls);
      expect(states.map(({ result }) => textOf(result as JsonObject))).toEqual(polls.map(() => `done ${args.id}`));
      expect(tools.arrivals(args)).toBe(1);
    } finally {
      await second.close();
    }
  });

  it('a node that was taken away between approval and poll leaves the task to the others', async () => {
    const second = await startSecondNode(tools.office);
    const port = Number(new URL(second.server.url).port);
    const args = tools.newCall();
    const begun = resultOf(await send(port, tools.ask(args, {}, { meta: META })));
    const task = String(begun.taskId);
    await tools.erin.approve(task);
    await second.close();
    expect(await look(task)).toMatchObject({ status: 'completed' });
    expect(tools.arrivals(args)).toBe(1);
  });

  it('a client that asks without end is refused when a thousand calls wait', async () => {
    const greedy = await tools.office.agent('greedy', 'worker');
    const first = await begin(tools.newCall(), greedy.token);
    const admin = new pg.Client({ connectionString: tools.office.server.ownerUrl });
    await admin.connect();
    await admin.query(
      `INSERT INTO approvals SELECT (jsonb_populate_record(a, jsonb_build_object('id', 'apr_' || n, 'call_digest', n))).*
         FROM approvals a, generate_series(1, 999) n WHERE a.id = $1`,
      [first],
    );
    const refused = resultOf(
      await send(tools.port, tools.ask(tools.newCall(), {}, { meta: META, token: greedy.token })),
    );
    expect(refused).toMatchObject({ isError: true, _meta: { 'hivekey/verdict': 'deny', 'hivekey/rule': 'approval' } });
    // what waits is still found, and one less makes room
    expect(await look(first, greedy.token)).toMatchObject({ status: 'working' });
    await admin.query("UPDATE approvals SET status = 'cancelled', ended_at = now() WHERE id = 'apr_7'");
    await begin(tools.newCall(), greedy.token);
    await admin.query(
      "UPDATE approvals SET status = 'cancelled', ended_at = now() WHERE agent = 'greedy' AND status = 'pending'",
    );
    await admin.end();
  });

  it('a revoked agent is told nothing, and what was approved does not run', async () => {
    const doomed = await tools.office.agent('doomed-tasks', 'worker');
    const args = tools.newCall();
    const task = await begin(args, doomed.token);
    await tools.erin.approve(task);
    await tools.office.done('POST', '/v1/agents/doomed-tasks/revoke', { reason: 'odd' });
    expect((await about('tasks/get', task, doomed.token)).status).toBe(401);
    expect(await tools.statusOf(task)).toBe('cancelled');
    expect(tools.arrivals(args)).toBe(0);
  });
});
