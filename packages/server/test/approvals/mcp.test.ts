/** Held calls on the MCP wire, with real upstreams and clients of both generations: nothing is lost, nothing runs twice. */
import type { IncomingMessage } from 'node:http';
import type { JsonObject } from '@hivekey/policy';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { Client as OldClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as OldTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startUpstream, type Upstream } from '../../../../test/faults/upstream.ts';
import { eventually, startSecondNode, type TestAgent } from '../actions/workspace.ts';
import { initialize, legacy, modern, open, send } from '../gateway-mcp/wire-client.ts';
import { type Decider, type Office, openOffice } from './office.ts';

let office: Office;
let upstream: Upstream;
let bot: TestAgent;
let erin: Decider;
let port: number;
let admin: pg.Client;
let calls = 0;

beforeAll(async () => {
  upstream = await startUpstream();
  office = await openOffice({ hold_seconds: 0.3 });
  admin = new pg.Client({ connectionString: office.server.ownerUrl });
  await admin.connect();
  port = Number(new URL(office.server.url).port);
  await office.done('POST', '/v1/mcp/servers', {
    namespace: 'work',
    endpoint: upstream.url,
    allow_private: true,
    default_access: 'read-write',
  });
  await approveTool();
  await office.role(
    'worker',
    ['work.act'],
    [{ id: 'ask', action: 'work.act', when: { field: 'id', exists: true }, effect: 'review' }],
  );
  bot = await office.agent('worker-bot', 'worker');
  erin = await office.person('erin');
});
afterAll(async () => {
  await admin.end();
  await office.close();
  await upstream.close();
});

async function approveTool(): Promise<void> {
  const { body } = await office.call('GET', '/v1/mcp/servers/work/definitions');
  for (const { capability, pin } of body.data)
    await office.done('POST', `/v1/mcp/servers/work/definitions/${capability}/approve`, { pin, access: 'write' });
}

/** Arguments that no other call has. */
function newCall(more: JsonObject = {}): { readonly id: string } & JsonObject {
  calls += 1;
  return { id: `call-${calls}`, ...more };
}

/** How often the upstream was called with these arguments. */
function arrivals({ id }: { readonly id: string }): number {
  return upstream.tally.filter((each) => each.id === id).length;
}

/** The approval of a call, once it is held. */
function approvalOf({ id }: { readonly id: string }): Promise<string> {
  return eventually(async () => {
    const { body } = await office.call('GET', '/v1/approvals?limit=200');
    for (const { id: approval } of body.data) {
      const { body: whole } = await office.call('GET', `/v1/approvals/${approval}`);
      if (whole.view.arguments.id === id) return approval;
    }
    return undefined;
  });
}

async function statusOf(approval: string): Promise<string> {
  return (await office.call('GET', `/v1/approvals/${approval}`)).body.status;
}

function ask(args: JsonObject, more: JsonObject = {}, options: { token?: string; meta?: JsonObject } = {}) {
  const params = { name: 'work__act', arguments: args, ...more };
  return modern(
    options.token ?? bot.token,
    'tools/call',
    params,
    options.meta === undefined ? {} : { meta: options.meta },
  );
}

/** The result of an answer, however it came. */
function resultOf({ json, events }: { json: JsonObject; events: readonly JsonObject[] }): JsonObject {
  const message = events.find((event) => event.result !== undefined || event.error !== undefined) ?? json;
  return (message.result ?? message.error) as JsonObject;
}

function textOf(result: JsonObject): string {
  return ((result.content as JsonObject[])[0] as JsonObject).text as string;
}

describe('a client of 2026-07-28', () => {
  it('sees at once that the call is held, is asked to come back, and gets the result when it was approved', async () => {
    const args = newCall();
    const leg = await send(port, ask(args));
    expect(leg.headers['content-type']).toContain('text/event-stream');
    expect(leg.text.startsWith(': held\n\n')).toBe(true);
    const result = resultOf(leg);
    const approval = await approvalOf(args);
    expect(result).toMatchObject({
      resultType: 'input_required',
      requestState: expect.any(String),
      _meta: { 'hivekey/approval': approval, 'hivekey/approval_status': 'pending' },
    });
    expect(result).not.toHaveProperty('inputRequests');
    expect(arrivals(args)).toBe(0);
    await erin.approve(approval);
    const done = await send(port, ask(args, { requestState: result.requestState as string }));
    expect(resultOf(done)).toMatchObject({ resultType: 'complete', content: [{ text: `done ${args.id}` }] });
    // its result is collected by every repeat, and nothing runs again
    await eventually(async () => ((await statusOf(approval)) === 'finished' ? true : undefined));
    expect(textOf(resultOf(await send(port, ask(args))))).toBe(`done ${args.id}`);
    expect(arrivals(args)).toBe(1);
  });

  it('after ten rounds gets a result that says to repeat the call', async () => {
    const args = newCall();
    const state = async () => resultOf(await send(port, ask(args))).requestState as string;
    let requestState = await state();
    for (let round = 2; round <= 10; round += 1) {
      const { resultType, requestState: next } = resultOf(await send(port, ask(args, { requestState })));
      expect([round, resultType]).toEqual([round, 'input_required']);
      requestState = next as string;
    }
    const last = resultOf(await send(port, ask(args, { requestState })));
    expect(last).toMatchObject({ resultType: 'complete', isError: true });
    expect(textOf(last)).toContain('Call this tool again with exactly the same arguments');
    // the legs are one call on the log
    const { rows } = await admin.query('SELECT count(*) FROM approvals WHERE id = $1', [await approvalOf(args)]);
    expect(Number(rows[0].count)).toBe(1);
  });

  it('with a state of another call, agent or making gets nothing', async () => {
    const args = newCall();
    const { requestState } = resultOf(await send(port, ask(args)));
    const state = requestState as string;
    await erin.approve(await approvalOf(args));
    const changed = resultOf(await send(port, ask({ ...args, hold: true }, { requestState: state })));
    expect(changed).toMatchObject({ code: -32602, data: { reason: 'invalid_request_state' } });
    const other = await office.agent(`other-${calls}`, 'worker');
    const theirs = resultOf(await send(port, ask(args, { requestState: state }, { token: other.token })));
    expect(theirs).toMatchObject({ code: -32602 });
    const flipped = `${state.slice(0, 10)}${state[10] === 'A' ? 'B' : 'A'}${state.slice(11)}`;
    expect(resultOf(await send(port, ask(args, { requestState: flipped })))).toMatchObject({ code: -32602 });
    expect(arrivals(args)).toBe(0);
  });

  it('is told why when it was denied', async () => {
    const args = newCall();
    const waiting = send(port, ask(args));
    await erin.deny(await approvalOf(args), 'not today');
    const first = resultOf(await waiting);
    // On a busy machine the wait is over before the denial: it is told when the client comes back.
    const result =
      first.resultType === 'input_required'
        ? resultOf(await send(port, ask(args, { requestState: first.requestState as string })))
        : first;
    expect(result).toMatchObject({
      isError: true,
      _meta: { 'hivekey/verdict': 'deny', 'hivekey/approval_status': 'denied' },
    });
    expect(textOf(result)).toContain('Denied by erin@acme.example and not executed');
    expect(textOf(result)).toContain('not today');
    expect(arrivals(args)).toBe(0);
  });

  it('of the official SDK comes back by itself', async () => {
    const client = new Client({ name: 'test', version: '1' }, { versionNegotiation: { mode: 'auto' } });
    const headers = { authorization: `Bearer ${bot.token}` };
    await client.connect(
      new StreamableHTTPClientTransport(new URL(`${office.server.url}/mcp`), { requestInit: { headers } }),
    );
    const args = newCall();
    const answer = client.callTool({ name: 'work__act', arguments: args });
    const approval = await approvalOf(args);
    // more than one leg
    await new Promise((resolve) => setTimeout(resolve, 500));
    await erin.approve(approval);
    expect((await answer).content).toEqual([{ type: 'text', text: `done ${args.id}` }]);
    await client.close();
    expect(arrivals(args)).toBe(1);
  });
});

describe('a client of an earlier revision', () => {
  async function call(args: JsonObject, session: string, meta: JsonObject = {}) {
    calls += 1;
    const params = { name: 'work__act', arguments: args, _meta: meta };
    return send(port, legacy(bot.token, session, { id: calls, method: 'tools/call', params }));
  }

  it('without progress is told to repeat the call, and the repeat collects', async () => {
    const { session } = await initialize(port, bot.token);
    const args = newCall();
    const first = resultOf(await call(args, session));
    const approval = await approvalOf(args);
    expect(first.isError).toBe(true);
    expect(textOf(first)).toMatch(
      new RegExp(
        `^Pending human approval ${approval} \\(expires .*Z\\)\\. People decide at \\S+/approvals/${approval}\\. NOT executed yet\\. Call this tool again with exactly the same arguments`,
      ),
    );
    await erin.approve(approval);
    expect(textOf(resultOf(await call(args, session)))).toBe(`done ${args.id}`);
    await eventually(async () => ((await statusOf(approval)) === 'finished' ? true : undefined));
    // from another session of the agent as well
    const { session: another } = await initialize(port, bot.token);
    expect(textOf(resultOf(await call(args, another)))).toBe(`done ${args.id}`);
    expect(arrivals(args)).toBe(1);
  });

  it('with progress is kept waiting by it', async () => {
    const { session } = await initialize(port, bot.token);
    const args = newCall();
    const waiting = call(args, session, { progressToken: 'p1' });
    const approval = await approvalOf(args);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    await erin.approve(approval);
    const answer = await waiting;
    const progress = answer.events.filter(({ method }) => method === 'notifications/progress');
    expect(progress.length).toBeGreaterThan(3);
    expect(progress[0]).toMatchObject({ params: { progressToken: 'p1', message: `waiting for approval ${approval}` } });
    const values = progress.map(({ params }) => (params as JsonObject).progress as number);
    expect(values).toEqual([...values].sort((a, b) => a - b));
    expect(textOf(resultOf(answer))).toBe(`done ${args.id}`);
  });

  it('that hangs up loses nothing: while it waits, and while the call runs', async () => {
    const { session } = await initialize(port, bot.token);
    const args = newCall({ hold: true });
    const begin = (): Promise<IncomingMessage> =>
      new Promise((resolve, reject) => {
        calls += 1;
        const params = { name: 'work__act', arguments: args, _meta: { progressToken: 'p' } };
        open(port, legacy(bot.token, session, { id: calls, method: 'tools/call', params }), resolve).on(
          'error',
          reject,
        );
      });
    const first = await begin();
    const approval = await approvalOf(args);
    first.destroy();
    await erin.approve(approval);
    expect(await statusOf(approval)).toBe('approved');
    const second = await begin();
    await eventually(async () => (arrivals(args) === 1 ? true : undefined));
    second.destroy();
    expect(await statusOf(approval)).toBe('released');
    const collecting = call(args, session);
    upstream.release();
    expect(textOf(resultOf(await collecting))).toBe(`done ${args.id}`);
    expect(arrivals(args)).toBe(1);
    expect(upstream.tally.find(({ id }) => id === args.id)?.abandoned).toBe(false);
  });

  it('of the official SDK 1.x gives up, and its repeat collects', async () => {
    const client = new OldClient({ name: 'test', version: '1' });
    const headers = { authorization: `Bearer ${bot.token}` };
    // Its types and ours disagree about optional members.
    const transport = new OldTransport(new URL(`${office.server.url}/mcp`), { requestInit: { headers } });
    await client.connect(transport as Parameters<typeof client.connect>[0]);
    const args = newCall();
    await expect(
      client.callTool({ name: 'work__act', arguments: args }, undefined, { timeout: 300, onprogress: () => undefined }),
    ).rejects.toThrow();
    const approval = await approvalOf(args);
    // It sent a cancellation, which does not call off what people are asked.
    expect(await statusOf(approval)).toBe('pending');
    await erin.approve(approval);
    const result = await client.callTool({ name: 'work__act', arguments: args });
    expect(result.content).toEqual([{ type: 'text', text: `done ${args.id}` }]);
    await client.close();
    expect(arrivals(args)).toBe(1);
  });
});

describe('attacks', () => {
  it('a tool whose definition changed while the call was held does not run', async () => {
    const args = newCall();
    // With progress it waits longer than any leg, so that it is there when it is approved.
    const { session } = await initialize(port, bot.token);
    const params = { name: 'work__act', arguments: args, _meta: { progressToken: 'p' } };
    const waiting = send(port, legacy(bot.token, session, { id: 1, method: 'tools/call', params }));
    const approval = await approvalOf(args);
    // The upstream offers something else now, seen before the decision.
    await admin.query("UPDATE mcp_definitions SET status = 'changed' WHERE capability = 'work.act'");
    await admin.query('UPDATE mcp_catalogues SET version = version + 1');
    await admin.query('UPDATE workspace_state SET policy_revision = policy_revision + 1');
    await admin.query(
      `INSERT INTO policy_revisions (workspace_id, revision, policy_hash, document, actor)
       SELECT s.workspace_id, s.policy_revision, p.policy_hash, p.document, p.actor
         FROM workspace_state s JOIN policy_revisions p ON p.workspace_id = s.workspace_id AND p.revision = s.policy_revision - 1`,
    );
    await erin.approve(approval);
    await waiting;
    await send(port, ask(args));
    expect(arrivals(args)).toBe(0);
    expect((await office.call('GET', `/v1/approvals/${approval}`)).body).toMatchObject({
      status: 'stopped',
      stop_code: 'definition_changed',
    });
    await approveTool();
    await admin.query("UPDATE mcp_definitions SET status = 'live' WHERE capability = 'work.act'");
    await admin.query('UPDATE mcp_catalogues SET version = version + 1');
    await admin.query('UPDATE workspace_state SET policy_revision = policy_revision + 1');
    await admin.query(
      `INSERT INTO policy_revisions (workspace_id, revision, policy_hash, document, actor)
       SELECT s.workspace_id, s.policy_revision, p.policy_hash, p.document, p.actor
         FROM workspace_state s JOIN policy_revisions p ON p.workspace_id = s.workspace_id AND p.revision = s.policy_revision - 1`,
    );
    await office.done('POST', '/v1/drift/check', {});
  });

  it('a server that is another by the time of the release is not called', async () => {
    const args = newCall();
    const waiting = send(port, ask(args));
    const approval = await approvalOf(args);
    await office.done('PUT', '/v1/secrets/other', { value: 'a-credential-of-some-length' });
    await office.done('PATCH', '/v1/mcp/servers/work', { credential_ref: 'vault://other' });
    await erin.approve(approval);
    const result = resultOf(await waiting);
    expect(result.isError === true || result.resultType === 'input_required').toBe(true);
    await send(port, ask(args));
    expect(arrivals(args)).toBe(0);
    expect((await office.call('GET', `/v1/approvals/${approval}`)).body).toMatchObject({
      status: 'stopped',
      stop_code: 'target_changed',
    });
  });

  it('a revoked agent gets nothing of what was approved', async () => {
    const doomed = await office.agent('doomed', 'worker');
    const args = newCall();
    const waiting = send(port, ask(args, {}, { token: doomed.token })).catch(() => undefined);
    const approval = await approvalOf(args);
    await erin.approve(approval);
    await waiting;
    const late = newCall();
    // With progress it waits longer than any leg.
    const { session } = await initialize(port, doomed.token);
    const params = { name: 'work__act', arguments: late, _meta: { progressToken: 'p' } };
    const held = send(port, legacy(doomed.token, session, { id: 1, method: 'tools/call', params })).catch(
      (): 'cut' => 'cut',
    );
    const second = await approvalOf(late);
    await office.done('POST', '/v1/agents/doomed/revoke', { reason: 'odd' });
    // Its connection is cut, unless it was told of the cancellation just before.
    const told = await held;
    expect(told === 'cut' || told.text.includes('was cancelled and the call not executed')).toBe(true);
    expect(await statusOf(second)).toBe('cancelled');
    expect((await send(port, ask(late, {}, { token: doomed.token }))).status).toBe(401);
    expect(arrivals(late)).toBe(0);
  });

  it('many repeats on two nodes run it once', async () => {
    const second = await startSecondNode(office);
    try {
      const ports = [port, Number(new URL(second.server.url).port)];
      const args = newCall();
      /** Asks again for as long as it is told to come back. */
      const collected = (at: number): Promise<string> =>
        eventually(async () => {
          const result = resultOf(await send(at, ask(args)));
          return result.resultType === 'complete' ? textOf(result) : undefined;
        });
      const waiting = Array.from({ length: 12 }, (_, i) => collected(ports[i % 2] ?? port));
      await erin.approve(await approvalOf(args));
      expect(await Promise.all(waiting)).toEqual(waiting.map(() => `done ${args.id}`));
      expect(arrivals(args)).toBe(1);
    } finally {
      await second.close();
    }
  });
});
