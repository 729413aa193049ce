/** Provenance as the gateway derives it: what it let in marks what follows, on every node, and nothing an agent says. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Worlds } from '../../src/blast-radius/index.ts';
import type { Action, ActionPath, Authorization } from '../../src/path/index.ts';
import { publishPolicy } from '../../src/roles/publish.ts';
import { actionOf, createPathFixture, type PathFixture } from '../path/fixture.ts';

let fixture: PathFixture;
let other: ActionPath;
let bots = 0;

beforeAll(async () => {
  fixture = await createPathFixture();
  for (const name of ['web.fetch', 'crm.read', 'mail.send']) await fixture.declare(name, 'read');
  await fixture.setRole(
    'worker',
    ['web.fetch', 'crm.read', 'mail.send'],
    [{ id: 'trusted-only', action: 'mail.send', when: { field: 'provenance', eq: 'trusted' }, effect: 'allow' }],
  );
  await fixture.log.transact(fixture.workspaceId, async (transaction) => {
    const document = {
      apiVersion: 'policy.hivekey.ai/v1',
      kind: 'Sources',
      trusted: ['crm.*', 'mail.*'],
      untrusted: [],
      unmarked: 'untrusted',
    };
    await transaction.client.query(
      'INSERT INTO source_revisions (workspace_id, revision, document, author) VALUES ($1, 1, $2, $3)',
      [fixture.workspaceId, JSON.stringify(document), 'dana@acme.example'],
    );
    publishPolicy(transaction, fixture.workspaceId, 'dana@acme.example');
  });
  other = (await fixture.node()).path;
});
afterAll(() => fixture.close());

async function newBot() {
  bots += 1;
  const { token, principal } = await fixture.addBot(`worker-${bots}`, ['worker']);
  const ask = async (capability: string, change: Partial<Action> = {}, path = fixture.path): Promise<Authorization> => {
    const who = await path.authenticate(token, { tool: capability, willRecord: true });
    if ('kind' in who) throw new Error(who.kind);
    const answer = await path.authorize(token, who, async () => actionOf(capability, {}, change));
    if (answer.kind === 'permit') await path.settle(answer, { result: 'success' });
    return answer;
  };
  return { ask, principal };
}

async function provenanceOn(record: Authorization): Promise<unknown> {
  if (!('eventId' in record)) throw new Error('nothing was recorded');
  await fixture.log.catchUp(fixture.workspaceId);
  const found = await fixture.log.find(fixture.workspaceId, record.eventId);
  return found?.event.record.provenance;
}

test('an agent that read what is not trusted is untrusted afterwards, on every node; before, it is not', async () => {
  const { ask, principal } = await newBot();
  expect((await ask('crm.read')).kind).toBe('permit');
  // both nodes hold the agent now as it is
  expect((await ask('mail.send')).kind).toBe('permit');
  expect((await ask('mail.send', {}, other)).kind).toBe('permit');
  const read = await ask('web.fetch');
  expect(await provenanceOn(read)).toBe('trusted');
  for (const path of [other, fixture.path]) {
    const refused = await ask('mail.send', {}, path);
    expect(refused).toMatchObject({ kind: 'refused', decision: { rule: 'trusted-only' } });
    expect(await provenanceOn(refused)).toBe('untrusted');
  }
  expect(await provenanceOn(await ask('crm.read'))).toBe('untrusted');
  const dry = await fixture.path.dryRun({ ...principal, untrustedUntilMs: Date.now() + 60_000 }, actionOf('mail.send'));
  expect(dry).toMatchObject({ verdict: 'deny', rule: 'trusted-only' });
});

test('a session id of its own does not get an agent out of it, and is not shared with another agent', async () => {
  const { ask } = await newBot();
  await ask('web.fetch', { sessionId: 'one' });
  expect((await ask('mail.send', { sessionId: 'two' })).kind).toBe('refused');
  expect((await ask('mail.send', { entrance: 'authzen', sessionId: 'three' })).kind).toBe('refused');
  const another = await newBot();
  expect((await another.ask('mail.send', { sessionId: 'one' })).kind).toBe('permit');
});

test('a session that the gateway gave out has a mark of its own', async () => {
  const { ask } = await newBot();
  const first = { entrance: 'mcp', sessionId: 'ses_1', sessionMark: { isUntrusted: false } } as const;
  const second = { entrance: 'mcp', sessionId: 'ses_2', sessionMark: { isUntrusted: false } } as const;
  await ask('web.fetch', first);
  expect((await ask('mail.send', first)).kind).toBe('refused');
  expect((await ask('mail.send', second)).kind).toBe('permit');
  // and the agent outside of sessions is marked too
  expect((await ask('mail.send')).kind).toBe('refused');
});

test('a call that was refused brings nothing back, and marks nothing', async () => {
  const { ask } = await newBot();
  const refuse = { reasonClass: 'guard', reason: 'schema', rule: 'input schema' } as const;
  expect((await ask('web.fetch', { refuse })).kind).toBe('refused');
  expect((await ask('mail.send')).kind).toBe('permit');
});

test('the mark of an agent is over an hour after the last such call, and is written once in a while only', async () => {
  const { ask, principal } = await newBot();
  const state = async () => {
    const { rows } = await fixture.database.pool.query<{ revision: number; minutes: number }>(
      `SELECT revision, extract(epoch FROM untrusted_until - now())::float8 / 60 AS minutes FROM agent_state WHERE agent_id = $1`,
      [principal.agentId],
    );
    return rows[0];
  };
  await ask('web.fetch');
  const first = await state();
  expect(first?.minutes).toBeGreaterThan(74);
  for (let i = 0; i < 3; i += 1) await ask('web.fetch');
  expect((await state())?.revision).toBe(first?.revision);
  const shift = (minutes: number) =>
    fixture.change(
      `UPDATE agent_state SET untrusted_until = now() + interval '${minutes} minutes', revision = revision + 1 WHERE agent_id = $1`,
      principal.agentId,
    );
  await shift(59);
  await ask('web.fetch');
  expect((await state())?.minutes).toBeGreaterThan(74);
  await shift(-1);
  expect((await ask('mail.send')).kind).toBe('permit');
});

test('a mark is no change of what agents can do at most, and another role is', async () => {
  const { ask, principal } = await newBot();
  const worlds = new Worlds(fixture.database.pool);
  const before = await worlds.basis(fixture.workspaceId);
  await ask('web.fetch');
  expect(await worlds.basis(fixture.workspaceId)).toBe(before);
  await fixture.change('UPDATE agent_state SET revision = revision + 1 WHERE agent_id = $1', principal.agentId);
  expect(await worlds.basis(fixture.workspaceId)).not.toBe(before);
});

test('of calls at once, none that is committed after the mark is trusted', async () => {
  const { ask } = await newBot();
  const answers = await Promise.all(
    Array.from({ length: 40 }, (_, i) =>
      ask(i === 10 ? 'web.fetch' : 'crm.read', {}, i % 2 === 0 ? fixture.path : other),
    ),
  );
  await fixture.log.catchUp(fixture.workspaceId);
  const records = await Promise.all(
    answers.map(
      async (answer) =>
        (await fixture.log.find(fixture.workspaceId, 'eventId' in answer ? answer.eventId : ''))?.event.record,
    ),
  );
  const inOrder = records.sort((a, b) => Number(a?.agent_seq) - Number(b?.agent_seq));
  const mark = inOrder.find((record) => record?.action === 'web.fetch');
  const { rows } = await fixture.database.pool.query<{ last: number }>(
    'SELECT first_seq + count - 1 AS last FROM log_blocks WHERE shard_id = $1 AND $2 BETWEEN first_seq AND first_seq + count - 1',
    [mark?.shard, mark?.shard_seq],
  );
  // What was committed together with it was decided before there was any content.
  const expected = inOrder.map((record) => {
    if (Number(record?.agent_seq) <= Number(mark?.agent_seq)) return 'trusted';
    return record?.shard === mark?.shard && Number(record?.shard_seq) <= Number(rows[0]?.last)
      ? 'trusted'
      : 'untrusted';
  });
  expect(inOrder.map((record) => record?.provenance)).toEqual(expected);
  expect(expected).toContain('untrusted');
});
