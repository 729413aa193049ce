import { canonicalJson } from '@hivekey/action-log';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type EventId, newEventId } from '../../src/ids.ts';
import type { RunningLog } from '../../src/log/index.ts';
import { callRecord, looseRecord, placeRecord } from '../../src/log/records.ts';
import type { Principal } from '../../src/path/types.ts';
import { createFixture, denial, evaluation, type Fixture, intent, permitOf, record } from './fixture.ts';

let fixture: Fixture;
let log: RunningLog;
let agent: Principal;

beforeAll(async () => {
  fixture = await createFixture();
  log = await fixture.open();
  agent = await fixture.addAgent('billing-bot');
});
afterAll(() => fixture.close());

async function eventOf(eventId: EventId) {
  await log.catchUp(fixture.workspaceId);
  const found = await log.find(fixture.workspaceId, eventId);
  if (found === undefined) throw new Error(`${eventId} is not on the log`);
  return found;
}

async function size(): Promise<number> {
  await log.catchUp(fixture.workspaceId);
  return (await log.list(fixture.workspaceId, {}, { limit: 1, order: 'desc' })).events[0]?.seq ?? 0;
}

async function blocks(): Promise<number> {
  const { rows } = await fixture.database.pool.query('SELECT count(*)::int AS n FROM log_blocks');
  return rows[0].n;
}

test('a result shares the commit of the next call, and has one of its own when none comes', async () => {
  const call = intent(agent);
  const first = await record(log, call);
  const before = await blocks();
  const written = log.recordOutcome(permitOf(call, first), { result: 'success' });
  const [second] = await Promise.all([record(log, call), written]);
  expect(await blocks()).toBe(before + 1);
  await log.recordOutcome(permitOf(call, second), { result: 'success' });
  expect(await blocks()).toBe(before + 2);
});

describe('what is recorded', () => {
  test('an allowed call and its result', async () => {
    const call = intent(agent, {
      action: { sessionId: 'ses_88', sourceAddress: '10.4.7.21', receivedAtMs: Date.now() },
    });
    const allowed = await record(log, call);
    await log.recordOutcome(permitOf(call, allowed), {
      result: 'success',
      upstreamCode: 200,
      upstreamMs: 12.5,
      bytesIn: 190,
    });
    const { event, result } = await eventOf(allowed.eventId);
    expect(event.outcome).toBe('success');
    expect(event.record).toMatchObject({
      v: 1,
      event_id: allowed.eventId,
      kind: 'tool.call',
      workspace: 'acme',
      env: 'prod',
      agent_id: agent.agentId,
      agent: 'billing-bot',
      owner: 'dana@acme.example',
      action: 'payments.pay',
      tool: 'payments_pay',
      namespace: 'payments',
      upstream_tool: 'createPayment',
      access: 'write',
      destructive: false,
      args: { amount: 40, to: 'vendor@acme.example' },
      provenance: 'untrusted',
      verdict: 'allow',
      reason_class: 'granted',
      role: 'Billing',
      role_rev: 7,
      roles: ['Billing'],
      session_id: 'ses_88',
      src_ip: '10.4.7.21',
      policy_revision: 1,
      entrance: 'mcp',
    });
    for (const absent of ['outcome', 'rule', 'trace', 'impact', 'owner_label', 'run_id', 'traceparent'])
      expect(event.record).not.toHaveProperty(absent);
    expect(result?.record).toMatchObject({
      kind: 'tool.result',
      call_event_id: allowed.eventId,
      outcome: 'success',
      upstream_code: 200,
      upstream_ms: 12.5,
      bytes_in: 190,
    });
    expect(result?.record).not.toHaveProperty('agent_seq');
  });

  test('a denial and a held call, as not attempted', async () => {
    const denied = await record(log, intent(agent, { evaluation: denial() }));
    const held = await record(
      log,
      intent(agent, { evaluation: evaluation({ verdict: 'review', reasonClass: 'guard' }) }),
    );
    for (const { eventId } of [denied, held]) {
      const { event, result } = await eventOf(eventId);
      expect(event.outcome).toBe('not_attempted');
      expect(event.record.outcome).toBe('not_attempted');
      expect(result).toBeNull();
    }
  });

  test('each agent’s calls are numbered without a gap, whoever else calls between', async () => {
    const one = await fixture.addAgent('one');
    const two = await fixture.addAgent('two');
    await Promise.all(Array.from({ length: 60 }, (_, i) => record(log, intent(i % 3 === 0 ? one : two))));
    await log.catchUp(fixture.workspaceId);
    for (const [who, calls] of [
      ['one', 20],
      ['two', 40],
    ] as const) {
      const { events } = await log.list(fixture.workspaceId, { agent: who }, { limit: 100, order: 'asc' });
      expect(events.map(({ record: { agent_seq } }) => agent_seq)).toEqual(
        Array.from({ length: calls }, (_, i) => i + 1),
      );
    }
  });

  test('U+0000 in an argument stays in the record and does not stop the projection', async () => {
    const { eventId } = await record(log, intent(agent, { action: { arguments: { text: 'a\u0000b\\u0000c' } } }));
    const { event } = await eventOf(eventId);
    expect(event.record.args).toEqual({ text: 'a\ufffdb\\u0000c' });
    const proof = await log.prove(fixture.workspaceId, eventId);
    expect(JSON.parse(proof?.canonical ?? '').args).toEqual({ text: 'a\u0000b\\u0000c' });
    expect(await log.compareProjection(fixture.workspaceId)).toEqual([]);
  });

  test('arguments too large for a record are left out, and said to be', async () => {
    const { eventId } = await record(log, intent(agent, { action: { arguments: { text: 'é'.repeat(40_000) } } }));
    const { event } = await eventOf(eventId);
    expect(event.record.args).toEqual({ '…': 'left out, the record would be too large' });
    expect(event.record.args_digest).toMatch(/^hmac-sha256:/);
  });

  test('a record that goes with no change', async () => {
    const eventId = await log.record(fixture.workspaceId, { kind: 'log.read', actor: 'dana@acme.example' });
    const { event } = await eventOf(eventId);
    expect(event.record).toMatchObject({ kind: 'log.read', actor: 'dana@acme.example', workspace: 'acme' });
  });
});

describe('what is sent back to be decided again, and not recorded', () => {
  async function staleBecause(of: Principal, change: string, values: unknown[] = []) {
    await record(log, intent(of));
    const before = await size();
    await fixture.database.pool.query(change, values);
    const result = await log.recordIntent(intent(of));
    expect(await size()).toBe(before);
    return result;
  }

  test.each([
    ['its revision grew', 'revision = revision + 1'],
    ['it was revoked', `status = 'revoked'`],
    ['it was suspended', `status = 'suspended', revision = revision + 1`],
  ])('an agent of which %s', async (_what, change) => {
    const other = await fixture.addAgent(`agent-${newEventId(0)}`);
    const result = await staleBecause(other, `UPDATE agent_state SET ${change} WHERE agent_id = $1`, [other.agentId]);
    expect(result).toEqual({ kind: 'stale', what: 'agent' });
  });

  test('a token that has run out by the clock of the database', async () => {
    const result = await log.recordIntent(intent({ ...agent, tokenExpiresAtMs: Date.now() - 1 }));
    expect(result).toEqual({ kind: 'stale', what: 'agent' });
  });

  test('an older policy, for an allowed and for a denied call; the next decision under the new one is recorded', async () => {
    const bump = 'UPDATE workspace_state SET policy_revision = policy_revision + 1';
    expect(await staleBecause(agent, bump)).toEqual({ kind: 'stale', what: 'policy' });
    expect(await log.recordIntent(intent(agent, { evaluation: denial() }))).toEqual({ kind: 'stale', what: 'policy' });
    await record(log, intent(agent, { evaluation: evaluation({ policyRevision: 2 }) }));
    await fixture.database.pool.query('UPDATE workspace_state SET policy_revision = 1');
  });

  test('a stopped workspace', async () => {
    expect(await staleBecause(agent, `UPDATE workspace_state SET status = 'stopped'`)).toEqual({
      kind: 'stale',
      what: 'workspace',
    });
    await fixture.database.pool.query(`UPDATE workspace_state SET status = 'active'`);
    await record(log, intent(agent));
  });

  test('but not the others in its batch', async () => {
    const other = await fixture.addAgent('revoked-in-a-crowd');
    await record(log, intent(other));
    await fixture.database.pool.query(`UPDATE agent_state SET status = 'revoked' WHERE agent_id = $1`, [other.agentId]);
    const results = await Promise.all([agent, other, agent, other].map((each) => log.recordIntent(intent(each))));
    expect(results.map(({ kind }) => kind)).toEqual(['recorded', 'stale', 'recorded', 'stale']);
  });

  test('but a denial that stands even so is recorded, with the agent’s next number', async () => {
    const other = await fixture.addAgent('revoked-and-trying');
    await record(log, intent(other));
    await fixture.database.pool.query(
      `UPDATE agent_state SET status = 'revoked', revision = revision + 1 WHERE agent_id = $1`,
      [other.agentId],
    );
    const attempt = intent(other, { evaluation: denial({ reasonClass: 'containment' }), evenIfStopped: true });
    const { eventId } = await record(log, attempt);
    const { event } = await eventOf(eventId);
    expect(event.record).toMatchObject({ agent_seq: 2, verdict: 'deny', reason_class: 'containment' });
    await expect(log.recordIntent(intent(other, { evenIfStopped: true }))).rejects.toThrow(TypeError);
  });
});

describe('a change of state', () => {
  const rename = (to: string) => `UPDATE agents SET description = '${to}' WHERE id = $1`;
  const description = async () =>
    (await fixture.database.pool.query('SELECT description FROM agents WHERE id = $1', [agent.agentId])).rows[0]
      ?.description;

  test('commits together with its records', async () => {
    const events = await log.transact(fixture.workspaceId, async ({ client, now, log: note }) => {
      expect(now).toBeInstanceOf(Date);
      await client.query(rename('changed'), [agent.agentId]);
      return [
        note({ kind: 'agent.changed', agent_id: agent.agentId, actor: 'dana@acme.example', absent: undefined }),
        note({ kind: 'policy.changed', actor: 'dana@acme.example' }),
      ];
    });
    expect(await description()).toBe('changed');
    const [changed] = events;
    if (changed === undefined) throw new Error('nothing was logged');
    const { event } = await eventOf(changed);
    expect(event.record).toMatchObject({ kind: 'agent.changed', actor: 'dana@acme.example', env: 'prod' });
    expect(event.record).not.toHaveProperty('absent');
  });

  test('leaves neither change nor record when it fails', async () => {
    const before = await size();
    const failing = log.transact(fixture.workspaceId, async ({ client, log: note }) => {
      await client.query(rename('lost'), [agent.agentId]);
      note({ kind: 'agent.changed', agent_id: agent.agentId });
      throw new RangeError('no');
    });
    await expect(failing).rejects.toThrow(RangeError);
    expect(await description()).toBe('changed');
    expect(await size()).toBe(before);
    await record(log, intent(agent));
  });

  test('leaves neither when its own SQL fails', async () => {
    const before = await size();
    const failing = log.transact(fixture.workspaceId, async ({ client, log: note }) => {
      note({ kind: 'agent.changed' });
      await client.query('SELECT 1 / 0');
    });
    await expect(failing).rejects.toMatchObject({ code: '22012' });
    expect(await size()).toBe(before);
  });

  test('may not set what the writer sets', async () => {
    const failing = log.transact(fixture.workspaceId, async ({ log: note }) =>
      note({ kind: 'agent.changed', seq: 1, ts: 'now' }),
    );
    await expect(failing).rejects.toThrow(TypeError);
  });

  test('that stops an agent lets no call of it through afterwards', async () => {
    const other = await fixture.addAgent('stopped-under-load');
    let stopped = false;
    const late: string[] = [];
    const callers = Array.from({ length: 20 }, async () => {
      for (;;) {
        const wasStopped = stopped;
        const { kind } = await log.recordIntent(intent(other));
        if (kind === 'stale') return;
        if (wasStopped) late.push(kind);
      }
    });
    await record(log, intent(other));
    await log.transact(fixture.workspaceId, async ({ client, log: note }) => {
      await client.query(`UPDATE agent_state SET status = 'revoked', revision = revision + 1 WHERE agent_id = $1`, [
        other.agentId,
      ]);
      note({ kind: 'agent.revoked', agent_id: other.agentId });
    });
    stopped = true;
    await Promise.all(callers);
    expect(late).toEqual([]);
    await log.catchUp(fixture.workspaceId);
    const { events } = await log.list(fixture.workspaceId, { agent: other.agentId }, { limit: 1, order: 'desc' });
    expect(events[0]?.record.kind).toBe('agent.revoked');
  });
});

describe('the text of a record', () => {
  const anyText = fc.string({ unit: 'grapheme', maxLength: 20 });
  const optional = <T>(of: fc.Arbitrary<T>) => fc.option(of, { nil: undefined });

  test('is canonical for every call', () => {
    fc.assert(
      fc.property(
        fc.record({ capability: anyText, tool: anyText, args: fc.dictionary(anyText, fc.jsonValue()) }),
        fc.record({
          reason: anyText,
          rule: optional(anyText),
          detail: anyText,
          impact: fc.dictionary(anyText, fc.nat()),
        }),
        fc.record({
          label: optional(anyText),
          session: optional(anyText),
          access: optional(fc.constant('read' as const)),
        }),
        fc.nat(),
        ({ capability, tool, args }, { reason, rule, detail, impact }, { label, session, access }, seq) => {
          const { access: _, namespace: __, ...action } = intent(agent).action;
          const call = {
            ...intent({ ...agent, ...(label === undefined ? {} : { ownerLabel: label }) }),
            action: {
              ...action,
              capability,
              tool,
              ...(session === undefined ? {} : { sessionId: session }),
              ...(access === undefined ? {} : { access }),
            },
            redactedArguments: args as Record<string, never>,
          };
          const trace = [{ rule: 'R1', origin: 'Billing', sentence: reason, result: 'allow' as const, detail }];
          const { demands: _demands, charges: _charges, ...decision } = evaluation({ reason, impact, trace });
          const text = callRecord(call, { ...decision, ...(rule === undefined ? {} : { rule }) }, newEventId(0), 0);
          const placed = placeRecord(text, 'shd_1', seq + 1, seq + 2);
          expect(canonicalJson(JSON.parse(placed))).toBe(placed);
          expect(JSON.parse(placed)).toMatchObject({ shard: 'shd_1', shard_seq: seq + 1, agent_seq: seq + 2 });
        },
      ),
    );
  });

  test('is canonical for every other record', () => {
    const identity = { workspace: 'acme', environment: 'prod' };
    const field = fc.string({ unit: fc.constantFrom('a', 'm', 'r', 's', 'z', '_', 'é'), minLength: 1 });
    fc.assert(
      fc.property(fc.dictionary(field, fc.jsonValue()), (fields) => {
        const placed = placeRecord(
          looseRecord({ ...fields, kind: 'log.read' }, identity, newEventId(0), 0),
          'shd_1',
          1,
        );
        expect(canonicalJson(JSON.parse(placed))).toBe(placed);
        expect(JSON.parse(placed)).toMatchObject({ ...JSON.parse(JSON.stringify(fields)), shard_seq: 1 });
      }),
    );
  });
});
