import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { KeyId } from '../../src/ids.ts';
import type { LogEvent } from '../../src/log/index.ts';
import type { Action, Authorization, Permit, Principal, Refusal } from '../../src/path/index.ts';
import { actionOf, createPathFixture, type PathFixture } from './fixture.ts';

const TOOL = { tool: 'payments.pay' };
const BUMP = 'UPDATE agent_state SET revision = revision + 1 WHERE agent_id = $1';

let fixture: PathFixture;
let bots = 0;

beforeAll(async () => {
  fixture = await createPathFixture();
  await fixture.declare('payments.pay', 'write', { usd: { field: 'amount', currency: 'USD' } });
  await fixture.declare('crm.read', 'read');
  await fixture.setRole(
    'Billing',
    ['payments.pay', 'crm.read'],
    [
      { id: 'cap', action: 'payments.pay', when: { field: 'sum(payments, 24h)', lte: 500 }, effect: 'allow' },
      { id: 'big', action: 'payments.pay', when: { field: 'amount', gt: 200 }, effect: 'review' },
    ],
  );
  await fixture.setRole('Reader', ['crm.read']);
});
afterAll(() => fixture.close());

function bot(roles: readonly string[] = ['Billing']) {
  bots += 1;
  return fixture.addBot(`bot-${bots}`, roles);
}

async function signedIn(token: string, willRecord = true): Promise<Principal> {
  const principal = await fixture.path.authenticate(token, { ...TOOL, willRecord });
  if ('kind' in principal) throw new Error(principal.kind);
  return principal;
}

const pay = (amount: number): Action => actionOf('payments.pay', { amount });

async function ask(token: string, action: Action): Promise<Authorization> {
  return fixture.path.authorize(token, await signedIn(token), async () => action);
}

async function permitted(token: string, action: Action): Promise<Permit> {
  const authorization = await ask(token, action);
  if (authorization.kind !== 'permit') throw new Error(authorization.kind);
  return authorization;
}

async function eventsOf(agent: string): Promise<readonly LogEvent[]> {
  await fixture.log.catchUp(fixture.workspaceId);
  return (await fixture.log.list(fixture.workspaceId, { agent }, { limit: 100, order: 'asc' })).events;
}

describe('an action', () => {
  test('that is granted gets a permit; its intent and its outcome are on the log', async () => {
    const { principal, token } = await bot();
    const permit = await permitted(token, pay(40));
    expect(permit.signal.aborted).toBe(false);
    await fixture.path.settle(permit, { result: 'success', upstreamCode: 200 });
    const [call, result] = await eventsOf(principal.agent);
    expect(call?.record).toMatchObject({
      verdict: 'allow',
      role: 'Billing',
      args: { amount: 40 },
      impact: { usd: 4000 },
    });
    expect(result?.record).toMatchObject({ call_event_id: permit.eventId, outcome: 'success' });
    await expect(fixture.path.settle(permit, { result: 'success' })).rejects.toThrow('settled before');
  });

  test.each([
    ['a capability nobody granted', 'refused', 'scope', ['Reader'], pay(1)],
    ['no role at all', 'refused', 'scope', [], pay(1)],
    ['a tool that does not exist', 'refused', 'scope', ['Billing'], actionOf('nothing', {}, { known: false })],
    ['an amount that a person must look at', 'held', 'guard', ['Billing'], pay(300)],
    ['more than the cap', 'refused', 'cap', ['Billing'], pay(501)],
    [
      'arguments that do not fit the tool',
      'refused',
      'guard',
      ['Billing'],
      actionOf('payments.pay', { amount: 1 }, { refuse: { reasonClass: 'guard', reason: 'arguments: no' } }),
    ],
  ] as const)(
    'with %s is %s, class %s, and recorded as not attempted',
    async (_what, kind, reasonClass, roles, action) => {
      const { principal, token } = await bot(roles);
      const answer = await ask(token, action);
      expect(answer).toMatchObject({ kind, decision: { reasonClass } });
      expect((await eventsOf(principal.agent)).map(({ record, outcome }) => [record.verdict, outcome])).toEqual([
        [kind === 'held' ? 'review' : 'deny', 'not_attempted'],
      ]);
    },
  );

  test('of $540 after $480 at a cap of $500 is refused with the cap, in the owner’s name', async () => {
    const { principal, token } = await bot();
    await permitted(token, pay(190));
    await permitted(token, pay(190));
    await permitted(token, pay(100));
    const answer = await ask(token, pay(540));
    expect(answer).toMatchObject({ kind: 'refused', decision: { reasonClass: 'cap', rule: 'cap', remaining: 2000 } });
    expect((await eventsOf(principal.agent)).at(-1)?.record).toMatchObject({
      owner: 'dana@acme.example',
      verdict: 'deny',
    });
  });
});

describe('a decision that was overtaken', () => {
  test('by a change of the agent’s roles is made again under the new ones, and recorded once', async () => {
    const { principal, token } = await bot();
    await permitted(token, pay(1));
    const known = await signedIn(token);
    await fixture.change(
      `WITH role AS (DELETE FROM agent_roles WHERE agent_id = $1) UPDATE agent_state SET revision = revision + 1 WHERE agent_id = $1`,
      principal.agentId,
    );
    const seen: (readonly string[])[] = [];
    const answer = await fixture.path.authorize(token, known, async ({ roles }) => {
      seen.push(roles);
      return pay(1);
    });
    expect(answer).toMatchObject({ kind: 'refused', decision: { reasonClass: 'scope' } });
    expect(seen).toEqual([['Billing'], []]);
    expect((await eventsOf(principal.agent)).filter(({ record }) => record.kind === 'tool.call')).toHaveLength(2);
  });

  test('by a new policy is made again under it by everyone, and the policy is read again once', async () => {
    await fixture.setRole('Temporary', ['crm.read']);
    const { token } = await bot(['Temporary']);
    await permitted(token, actionOf('crm.read'));
    const known = await signedIn(token);
    let changes = 0;
    const forget = fixture.path.onPolicyChange(() => {
      changes += 1;
    });
    await fixture.setRole('Temporary', []);
    const revision = (await fixture.database.pool.query('SELECT policy_revision AS n FROM workspace_state')).rows[0]?.n;
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => fixture.path.authorize(token, known, async () => actionOf('crm.read'))),
    );
    for (const answer of answers)
      expect(answer).toMatchObject({ kind: 'refused', decision: { reasonClass: 'scope', policyRevision: revision } });
    expect(changes).toBe(1);
    forget();
  });

  test.each([
    [
      'the agent was revoked',
      `UPDATE agent_state SET status = 'revoked', revision = revision + 1 WHERE agent_id = $1`,
      'agent_revoked',
      'containment',
    ],
    [
      'the agent was suspended',
      `UPDATE agent_state SET status = 'suspended', revision = revision + 1 WHERE agent_id = $1`,
      'agent_suspended',
      'containment',
    ],
    [
      'its token was revoked',
      `WITH t AS (UPDATE agent_tokens SET revoked_at = now() WHERE agent_id = $1) ${BUMP}`,
      'token_revoked',
      'credential',
    ],
    [
      'its epoch grew',
      `UPDATE agent_state SET authz_epoch = authz_epoch + 1, revision = revision + 1 WHERE agent_id = $1`,
      'token_revoked',
      'credential',
    ],
    [
      'its token ran out',
      `WITH t AS (UPDATE agent_tokens SET expires_at = now() WHERE agent_id = $1) ${BUMP}`,
      'token_expired',
      'credential',
    ],
  ])('because %s ends there, and the attempt is on the log', async (_what, sql, code, reasonClass) => {
    const { principal, token } = await bot();
    await permitted(token, pay(1));
    const known = await signedIn(token);
    await fixture.change(sql, principal.agentId);
    const answer = await fixture.path.authorize(token, known, async () => pay(1));
    expect(answer).toEqual({ kind: 'unauthenticated', code });
    const calls = (await eventsOf(principal.agent)).filter(({ record }) => record.kind === 'tool.call');
    expect(calls.map(({ record }) => [record.verdict, record.reason_class])).toEqual([
      ['allow', 'granted'],
      ['deny', reasonClass],
    ]);
    // And so does every later attempt.
    expect(await fixture.path.authenticate(token, TOOL)).toEqual({ kind: 'unauthenticated', code });
  });

  test('by a stop of the workspace ends there', async () => {
    const { token } = await bot();
    const known = await signedIn(token);
    await fixture.change(`UPDATE workspace_state SET status = 'stopped'`);
    const answer = await fixture.path.authorize(token, known, async () => pay(1));
    expect(answer).toEqual({ kind: 'unauthenticated', code: 'workspace_stopped' });
    await fixture.change(`UPDATE workspace_state SET status = 'active'`);
    await permitted(token, pay(1));
  });

  test('again and again gives up as overloaded', async () => {
    const { principal, token } = await bot();
    const known = await signedIn(token);
    const answer = await fixture.path.authorize(token, known, async () => {
      await fixture.change(BUMP, principal.agentId);
      return pay(1);
    });
    expect(answer).toEqual({ kind: 'unavailable', code: 'overloaded' });
  });
});

test.each([
  ['missing', undefined, 'token_missing'],
  ['no token at all', 'Bearer', 'token_invalid'],
  ['well-formed, but never given out', `hk_agt_${'0'.repeat(43)}000000`, 'token_invalid'],
])('a credential that is %s is refused without a record', async (_what, token, code) => {
  await fixture.log.catchUp(fixture.workspaceId);
  const size = async () =>
    (await fixture.log.list(fixture.workspaceId, {}, { limit: 1, order: 'desc' })).events[0]?.seq;
  const before = await size();
  expect(await fixture.path.authenticate(token, TOOL)).toEqual({ kind: 'unauthenticated', code });
  await fixture.log.catchUp(fixture.workspaceId);
  expect(await size()).toBe(before);
});

describe('a stop', () => {
  test('aborts the calls in flight of the agent, closes its sessions, and tells the fate of each call', async () => {
    const [stopped, other] = [await bot(), await bot()];
    const permits = await Promise.all(['a', 'b', 'c', 'd'].map(() => permitted(stopped.token, pay(1))));
    const [success, unknown, never, silent] = permits;
    const others = await permitted(other.token, pay(1));
    if (success === undefined || unknown === undefined || never === undefined || silent === undefined)
      throw new Error();
    let sessionsClosed = 0;
    const sessionOf = (agentId: Principal['agentId']) =>
      fixture.path.onStop(fixture.workspaceId, agentId, () => {
        sessionsClosed += 1;
      });
    const forget = [sessionOf(stopped.principal.agentId), sessionOf(other.principal.agentId)];
    const reporting = fixture.path.stop(
      fixture.workspaceId,
      { kind: 'agents', agentIds: new Set([stopped.principal.agentId]) },
      200,
    );
    // In the same tick.
    expect(permits.map(({ signal }) => signal.aborted)).toEqual([true, true, true, true]);
    expect([others.signal.aborted, sessionsClosed]).toEqual([false, 1]);
    await fixture.path.settle(success, { result: 'success' });
    await fixture.path.settle(unknown, { result: 'unknown', errorCode: 'aborted_by_stop' });
    await fixture.path.settle(never, { result: 'not_attempted', errorCode: 'aborted_by_stop' });
    const { calls, sessionsClosed: told } = await reporting;
    expect(told).toBe(1);
    const fates = new Map(calls.map(({ eventId, fate }) => [eventId, fate]));
    expect(permits.map(({ eventId }) => fates.get(eventId))).toEqual([
      'finished',
      'unknown',
      'aborted_before_upstream',
      'unknown',
    ]);
    expect(calls).toHaveLength(4);
    await fixture.path.settle(silent, { result: 'unknown' });
    await fixture.path.settle(others, { result: 'success' });
    for (const each of forget) each();
  });

  test('of a tool reaches its calls alone, one of the workspace all', async () => {
    const { token } = await bot();
    const [paying, reading] = [await permitted(token, pay(1)), await permitted(token, actionOf('crm.read'))];
    await fixture.path.stop(fixture.workspaceId, { kind: 'tool', capability: 'payments.pay' }, 0);
    expect([paying.signal.aborted, reading.signal.aborted]).toEqual([true, false]);
    await fixture.path.stop(fixture.workspaceId, { kind: 'workspace' }, 0);
    expect(reading.signal.aborted).toBe(true);
    for (const permit of [paying, reading]) await fixture.path.settle(permit, { result: 'unknown' });
  });

  test('while calls stream in: after it returned no permit is given that is not aborted', async () => {
    const { principal, token } = await bot();
    let isStopped = false;
    const late: Authorization[] = [];
    const callers = Array.from({ length: 20 }, async () => {
      for (;;) {
        const wasStopped = isStopped;
        const answer = await fixture.path.authorize(token, principal, async () => actionOf('crm.read'));
        if (answer.kind !== 'permit') return answer;
        if (wasStopped && !answer.signal.aborted) late.push(answer);
        await fixture.path.settle(answer, { result: answer.signal.aborted ? 'not_attempted' : 'success' });
      }
    });
    await permitted(token, actionOf('crm.read')).then((permit) => fixture.path.settle(permit, { result: 'success' }));
    await fixture.change(
      `UPDATE agent_state SET status = 'revoked', revision = revision + 1, authz_epoch = authz_epoch + 1 WHERE agent_id = $1`,
      principal.agentId,
    );
    await fixture.path.stop(fixture.workspaceId, { kind: 'agents', agentIds: new Set([principal.agentId]) });
    isStopped = true;
    const last = await Promise.all(callers);
    expect(late).toEqual([]);
    expect(new Set(last.map((answer) => answer.kind))).toEqual(new Set(['unauthenticated']));
  });
});

describe('when the path closes', () => {
  test('new calls are refused, those in flight may end, the others are aborted', async () => {
    const { path } = await fixture.node();
    const { principal, token } = await bot();
    const permit = async () => {
      const answer = await path.authorize(token, principal, async () => pay(1));
      if (answer.kind !== 'permit') throw new Error(answer.kind);
      return answer;
    };
    const [quick, slow] = [await permit(), await permit()];
    const closing = path.close(50);
    expect(await path.authorize(token, principal, async () => pay(1))).toEqual({
      kind: 'unavailable',
      code: 'shutting_down',
    });
    expect(quick.signal.aborted).toBe(false);
    // Listened for before anything is waited for: on a busy machine the time is over by then.
    const aborted = new Promise((resolve) => slow.signal.addEventListener('abort', resolve));
    await path.settle(quick, { result: 'success' });
    await aborted;
    await path.settle(slow, { result: 'unknown', errorCode: 'shutting_down' });
    await closing;
  });
});

describe('what cannot be decided or recorded does not run', () => {
  test('a log that is closed', async () => {
    const { log, path } = await fixture.node();
    await log.close();
    const { principal, token } = await bot();
    const answer = await path.authorize(token, principal, async () => pay(1));
    expect(answer).toEqual({ kind: 'unavailable', code: 'log_unavailable' });
  });

  test('a queue that is full', async () => {
    const { path } = await fixture.node({ limits: { maxQueue: 4 } });
    const { principal, token } = await bot();
    const answers = await Promise.all(
      Array.from({ length: 30 }, () => path.authorize(token, principal, async () => actionOf('crm.read'))),
    );
    const codes = answers.map((answer) => ('code' in answer ? answer.code : answer.kind));
    expect(new Set(codes)).toEqual(new Set(['permit', 'overloaded']));
  });

  test('a policy that does not pass its own check: what was published goes on being enforced', async () => {
    const { path } = await fixture.node();
    const { principal, token } = await bot();
    await fixture.setRole('Broken', []);
    await fixture.change(`INSERT INTO role_revisions (workspace_id, role, revision, document, sha256, author)
      SELECT workspace_id, name, 99, '{"kind":"Nonsense"}', '', 'x' FROM roles WHERE name = 'Broken'`);
    await fixture.change(`UPDATE roles SET current_revision = 99 WHERE name = 'Broken'`);
    path.invalidate(fixture.workspaceId);
    const answer = await path.authorize(token, principal, async () => pay(1));
    expect(answer).toMatchObject({ kind: 'permit', decision: { policyRevision: expect.any(Number) } });
    expect(await path.dryRun(principal, pay(1))).toMatchObject({ verdict: 'allow' });
    const other = await path.authorize(token, principal, async () => actionOf('crm.never'));
    expect(other).toMatchObject({ kind: 'refused' });
    await fixture.setRole('Broken', []).catch(() => undefined);
    await fixture.change(`UPDATE roles SET current_revision = 1 WHERE name = 'Broken'`);
    await permitted(token, pay(1));
  });
});

describe('an enforcement point', () => {
  const asker = () => ({ workspaceId: fixture.workspaceId, keyId: 'key_gateway' as KeyId });
  const attempt = { tool: 'payments.pay', entrance: 'authzen' } as const;

  test('asks about an agent by id or handle; its key stands on the record', async () => {
    const { principal } = await bot();
    for (const name of [principal.agentId, principal.agent.toUpperCase()]) {
      const found = await fixture.path.principalOf(asker(), name, attempt);
      expect(found).toMatchObject({ agentId: principal.agentId, roles: ['Billing'], tokenId: 'key_gateway' });
    }
    const known = await fixture.path.principalOf(asker(), principal.agent, attempt);
    if (known === undefined || 'kind' in known) throw new Error('not found');
    const answer = await fixture.path.authorize(
      async () => known,
      known,
      async () => pay(1),
    );
    expect(answer.kind).toBe('permit');
    expect((await eventsOf(principal.agent))[0]?.record).toMatchObject({ token_id: 'key_gateway', verdict: 'allow' });
  });

  test('is told that there is no such agent, also when another workspace has one', async () => {
    const { principal } = await bot();
    expect(await fixture.path.principalOf(asker(), 'nobody', attempt)).toBeUndefined();
    const elsewhere = { ...asker(), workspaceId: 'wsp_other' as typeof fixture.workspaceId };
    expect(await fixture.path.principalOf(elsewhere, principal.agent, attempt)).toBeUndefined();
  });

  test('asks again when the agent changed meanwhile; a stopped agent’s attempt is on the log', async () => {
    const { principal } = await bot();
    const again = async () => {
      const found = await fixture.path.principalOf(asker(), principal.agent, attempt);
      if (found === undefined) throw new Error('the agent is gone');
      return found;
    };
    const known = await again();
    if ('kind' in known) throw new Error(known.kind);
    await fixture.change(BUMP, principal.agentId);
    const answer = await fixture.path.authorize(again, known, async () => pay(1));
    expect(answer).toMatchObject({ kind: 'permit', principal: { agentRevision: 2 } });
    await fixture.change(
      `UPDATE agent_state SET status = 'revoked', revision = revision + 1 WHERE agent_id = $1`,
      principal.agentId,
    );
    expect(await fixture.path.authorize(again, known, async () => pay(1))).toEqual({
      kind: 'unauthenticated',
      code: 'agent_revoked',
    });
    expect((await eventsOf(principal.agent)).at(-1)?.record).toMatchObject({
      token_id: 'key_gateway',
      entrance: 'authzen',
      reason_class: 'containment',
    });
  });
});

test('a call that is handed over with its permit is not waited for by a stop, nor by the end of the path', async () => {
  const { principal, token } = await bot();
  const permit = await permitted(token, pay(1));
  fixture.path.release(permit);
  fixture.path.release(permit);
  const { calls } = await fixture.path.stop(
    fixture.workspaceId,
    { kind: 'agents', agentIds: new Set([principal.agentId]) },
    0,
  );
  expect(calls).toEqual([]);
  await fixture.log.recordOutcome(permit, { result: 'success' });
  expect((await eventsOf(principal.agent)).at(-1)?.record).toMatchObject({ outcome: 'success' });
});

test('a refusal shows whose it is', async () => {
  const { principal, token } = await bot(['Reader']);
  const answer = (await ask(token, pay(1))) as Refusal;
  expect(answer.principal).toMatchObject({ agentId: principal.agentId, owner: 'dana@acme.example' });
});
