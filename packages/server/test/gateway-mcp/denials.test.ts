/**
 * What each entrance tells an agent whose call was not allowed: a stable code, the rule, and what would make it pass.
 * One table for all of them, so that none says less than another.
 */
import type { JsonObject } from '@hivekey/policy';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startUpstream, type Upstream } from '../../../../test/faults/upstream.ts';
import type { TestAgent } from '../actions/workspace.ts';
import { type Decider, type Office, openOffice } from '../approvals/office.ts';
import { modern, send } from './wire-client.ts';

let office: Office;
let upstream: Upstream;
let erin: Decider;
let port: number;
let agents = 0;
let calls = 0;

beforeAll(async () => {
  upstream = await startUpstream();
  office = await openOffice({ hold_seconds: 1 });
  port = Number(new URL(office.server.url).port);
  await office.done('POST', '/v1/mcp/servers', {
    namespace: 'work',
    endpoint: upstream.url,
    allow_private: true,
    default_access: 'read-write',
  });
  const { body } = await office.call('GET', '/v1/mcp/servers/work/definitions');
  for (const { capability, pin } of body.data)
    await office.done('POST', `/v1/mcp/servers/work/definitions/${capability}/approve`, { pin, access: 'write' });
  const properties = { id: { type: 'string' }, amount: { type: 'number' } };
  const input_schema = { type: 'object', properties, required: ['id', 'amount'] };
  await office.capability('own.pay', { impact: { usd: { field: 'amount', currency: 'USD' } }, input_schema });
  erin = await office.person('erin');
});
afterAll(async () => {
  await office.close();
  await upstream.close();
});

/** What an entrance told, under the names of `/v1/actions`. */
interface Told {
  readonly code: unknown;
  readonly reasonClass?: unknown;
  readonly rule?: unknown;
  readonly remaining?: unknown;
  readonly remainingUnit?: unknown;
  readonly retryAfterSeconds?: unknown;
  readonly approvalUrl?: unknown;
  readonly eventId?: unknown;
  /** All of it, to be searched. */
  readonly text: string;
}

type Ask = (agent: TestAgent, args: JsonObject) => Promise<Told>;

const ENTRANCES: Readonly<Record<string, Ask>> = {
  'POST /v1/actions': async ({ token }, args) => {
    const answer = await office.act(token, 'own.pay', args, { prefer: 'respond-async' });
    const { body } = answer;
    const { decision } = body;
    const retry = answer.headers.get('retry-after');
    if (decision?.verdict === 'deny' && decision.retry_after_seconds !== null)
      expect(Number(retry)).toBe(decision.retry_after_seconds);
    return {
      code: body.error?.code ?? (answer.status === 202 ? 'approval_required' : undefined),
      reasonClass: decision?.reason_class,
      rule: decision?.rule,
      remaining: decision?.remaining ?? undefined,
      remainingUnit: decision?.remaining_unit ?? undefined,
      retryAfterSeconds: decision?.retry_after_seconds ?? undefined,
      approvalUrl: body.approval?.console_url,
      eventId: body.id,
      text: JSON.stringify(body),
    };
  },
  'MCP tools/call': async ({ token }, args) => {
    const answer = await send(port, modern(token, 'tools/call', { name: 'work__pay', arguments: args }));
    const message = answer.events.find(({ result, error }) => (result ?? error) !== undefined) ?? answer.json;
    const meta = ((message.result as JsonObject | undefined)?._meta ?? {}) as JsonObject;
    return {
      code: meta['hivekey/code'] ?? (message.error as JsonObject | undefined)?.message,
      reasonClass: meta['hivekey/reason_class'],
      rule: meta['hivekey/rule'],
      remaining: meta['hivekey/remaining'],
      remainingUnit: meta['hivekey/remaining_unit'],
      retryAfterSeconds: meta['hivekey/retry_after_seconds'],
      approvalUrl: meta['hivekey/approval_url'],
      eventId: meta['hivekey/event_id'],
      text: answer.text,
    };
  },
  AuthZEN: async ({ token, name }, properties) => {
    const { body } = await office.call('POST', '/access/v1/evaluation', {
      key: token,
      headers: { 'content-type': 'application/json' },
      body: {
        subject: { type: 'agent', id: name },
        action: { name: 'work.pay', properties },
        resource: { type: 'invoice', id: '1' },
      },
    });
    const { context } = body;
    return {
      code: context?.code,
      reasonClass: context?.reason_class,
      rule: context?.rule,
      remaining: context?.remaining,
      remainingUnit: context?.remaining_unit,
      retryAfterSeconds: context?.retry_after_seconds,
      approvalUrl: context?.approval?.console_url,
      eventId: context?.event_id,
      text: JSON.stringify(body),
    };
  },
};

const PAY = ['own.pay', 'work.pay'];

/** An agent of its own, with these guards on both tools. */
async function agentUnder(...guards: readonly JsonObject[]): Promise<TestAgent> {
  agents += 1;
  const documents = PAY.flatMap((action) =>
    guards.map(({ id, ...guard }) => ({ id: `${String(id)}${action === 'own.pay' ? '' : '-mcp'}`, action, ...guard })),
  );
  await office.role(`payer-${agents}`, PAY, documents);
  return office.agent(`payer-${agents}`, `payer-${agents}`);
}

function payment(amount = 4): JsonObject {
  calls += 1;
  // of the upstream's payments, those are charged as they were asked
  return { id: `call-${calls}-1`, amount };
}

const LONG = { field: 'id', startsWith: 'call' };

interface Case {
  readonly name: string;
  readonly guards: readonly JsonObject[];
  /** Calls that are allowed before. */
  readonly before?: number;
  readonly expected: Partial<Told>;
  /** What of it an agent needs, in words. */
  readonly says: RegExp;
  /** Beside this, one that is allowed. */
  readonly passes?: JsonObject;
}

const CASES: readonly Case[] = [
  {
    name: 'a condition',
    guards: [{ id: 'never', when: { field: 'amount', gte: 10 }, effect: 'deny' }],
    expected: { code: 'action_denied', reasonClass: 'cap', rule: 'never' },
    says: /amount is at least|amount is 10|at least/,
  },
  {
    name: 'a list',
    guards: [{ id: 'listed', when: { field: 'id', in: ['a', 'b'] }, effect: 'allow' }],
    expected: { code: 'action_denied', reasonClass: 'guard', rule: 'listed' },
    says: /id is not one of a or b/,
  },
  {
    name: 'a cap that is used up in part',
    guards: [{ id: 'cap', when: { field: 'sum(usd, 24h)', lte: 15 }, effect: 'allow' }],
    before: 2,
    expected: {
      code: 'action_denied',
      reasonClass: 'cap',
      rule: 'cap',
      remaining: 700,
      remainingUnit: 'usd',
      retryAfterSeconds: expect.closeTo(86_400, -2),
    },
    says: /\$8\.00 used \+ \$10\.00/,
  },
  {
    name: 'a rate',
    guards: [{ id: 'pace', when: { field: 'rate.per_hour', lte: 2 }, effect: 'allow' }],
    before: 2,
    expected: {
      code: 'action_denied',
      reasonClass: 'rate',
      rule: 'pace',
      remaining: 0,
      retryAfterSeconds: expect.closeTo(3_600, -2),
    },
    says: /2 calls used \+ 1 call/,
  },
  {
    name: 'a counter of others, of which nothing is told but the time',
    guards: [{ id: 'shared', when: { field: 'rate.per_hour', lte: 2, scope: 'role' }, effect: 'allow' }],
    before: 2,
    expected: {
      code: 'action_denied',
      reasonClass: 'rate',
      rule: 'shared',
      remaining: undefined,
      retryAfterSeconds: expect.closeTo(3_600, -2),
    },
    says: /does not fit into what is left/,
  },
  {
    name: 'a first use',
    guards: [{ id: 'new', when: { field: 'first_use(id)', within: '90d' }, effect: 'deny' }],
    expected: { code: 'action_denied', reasonClass: 'guard', rule: 'new' },
    says: /id was not used in the last 90 days/,
  },
  {
    name: 'a step that did not come before',
    guards: [{ id: 'tested', when: { field: 'done(tests.run)', within: '4h', scope: 'agent' }, effect: 'allow' }],
    expected: { code: 'action_denied', reasonClass: 'guard', rule: 'tested' },
    says: /did not come in the last 4 hours/,
  },
  {
    name: 'a review',
    guards: [{ id: 'ask', when: LONG, effect: 'review' }],
    expected: {
      code: 'approval_required',
      approvalUrl: expect.stringMatching(/^http:\/\/127\.0\.0\.1:[0-9]+\/approvals\/apr_/),
    },
    says: /apr_/,
  },
];

describe.each(Object.entries(ENTRANCES))('%s', (entrance, ask) => {
  const isMcp = entrance.startsWith('MCP');
  /** The rule of this entrance's tool. */
  const ruleHere = (rule: unknown) => (rule === undefined || entrance === 'POST /v1/actions' ? rule : `${rule}-mcp`);

  it.each(CASES.map((each) => [each.name, each] as const))(
    'tells of %s',
    async (_, { guards, before = 0, expected, says }) => {
      const agent = await agentUnder(...guards);
      for (let i = 0; i < before; i += 1) expect((await ask(agent, payment())).code).toBeUndefined();
      const told = await ask(agent, payment(10));
      // while a call waits on MCP, the rule is with the approval
      const { rule, ...rest } = expected;
      expect(told).toMatchObject(rest);
      if (rule !== undefined) expect(told.rule).toBe(ruleHere(rule));
      for (const name of ['remaining', 'approvalUrl'] as const)
        if (!(name in expected)) expect(told[name]).toBeUndefined();
      expect(told.text).toMatch(says);
      if (told.code === 'action_denied') expect(told.eventId).toMatch(/^evt_/);
    },
  );

  it('tells of a change freeze until when it lasts', async () => {
    const agent = await agentUnder();
    const name = `freeze-${agents}`;
    const wall = (ms: number) => new Date(ms).toISOString().slice(0, 16);
    const freeze = {
      ...{ apiVersion: 'policy.hivekey.ai/v1', kind: 'Freeze', metadata: { name }, time_zone: 'Etc/UTC' },
      ...{ starts: wall(Date.now() - 3_600_000), ends: wall(Date.now() + 3_600_000) },
      scope: { roles: [agent.name] },
    };
    await office.done('PUT', `/v1/freezes/${name}`, freeze);
    const told = await ask(agent, payment());
    expect(told).toMatchObject({ code: 'action_denied', reasonClass: 'freeze', rule: `freeze ${name}` });
    expect(told.retryAfterSeconds).toBeGreaterThan(3_400);
    expect(told.retryAfterSeconds).toBeLessThanOrEqual(3_600);
  });

  it('tells of arguments that do not fit which they are', async () => {
    const told = await ask(await agentUnder(), { id: 7, amount: 1 });
    expect(told).toMatchObject({ code: 'action_denied', reasonClass: 'guard', rule: 'input schema' });
    expect(told.text).toMatch(/id/);
  });

  it('tells of what is not granted no more than of what does not exist', async () => {
    agents += 1;
    await office.role(`nothing-${agents}`, ['own.other']);
    const agent = await office.agent(`nothing-${agents}`, `nothing-${agents}`);
    const told = await ask(agent, payment());
    expect(told.code).toBe(isMcp ? 'Unknown tool: work__pay' : 'action_unknown');
    for (const name of ['rule', 'remaining', 'retryAfterSeconds', 'approvalUrl'] as const)
      expect(told[name] ?? undefined).toBeUndefined();
  });

  it('tells what became of an approval', async () => {
    const agent = await agentUnder({ id: 'ask', when: LONG, effect: 'review' });
    const args = payment();
    const { approvalUrl } = await ask(agent, args);
    const id = String(approvalUrl).split('/').at(-1) ?? '';
    await erin.deny(id, 'no such vendor');
    const told = await ask(agent, args);
    expect(told.code).toBe('approval_denied');
    if (entrance !== 'AuthZEN') expect(told.text).toMatch(/erin@acme\.example.*no such vendor/);
  });
});

describe('a stop', () => {
  it('is told of by its class on every entrance, and needs no rule of the policy', async () => {
    const agent = await agentUnder();
    for (const target of PAY) await office.done('POST', '/v1/containments', { scope: 'tool', target, reason: 'drill' });
    for (const [entrance, ask] of Object.entries(ENTRANCES)) {
      const told = await ask(agent, payment());
      expect([entrance, told.code, told.reasonClass, told.rule]).toEqual([
        entrance,
        'action_denied',
        'containment',
        'tool stop',
      ]);
      expect(told.text).not.toMatch(/drill/);
    }
  });
});
