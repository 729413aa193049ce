import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { openWorld, type World } from './world.ts';

let world: World;
const HOUR = 3600;

beforeAll(async () => {
  world = await openWorld();
  await world.capability('notes.add');
  await world.capability('notes.read', { access: 'read' });
  await world.role('support', ['notes.add']);
  await world.role('reader', ['notes.read']);
  await world.agent('scribe', { role: undefined, roles: ['support', 'reader'] });
});
afterAll(() => world.server.close());

const secondsFromNow = (at: number): number => at - Date.now() / 1000;

describe('minting a token', () => {
  it('shows it once, and keeps only its hash', async () => {
    const minted = await world.ok('POST', '/v1/tokens', { agent: 'scribe', name: 'laptop' });
    expect(minted).toMatchObject({
      id: expect.stringMatching(/^tok_/),
      object: 'token',
      agent: 'scribe',
      agent_id: expect.stringMatching(/^agt_/),
      name: 'laptop',
      role: null,
      status: 'live',
      replaced_by: null,
      last_used_at: null,
      token: expect.stringMatching(/^hk_agt_[0-9A-Za-z]{49}$/),
    });
    expect(minted.token.endsWith(minted.last4)).toBe(true);
    expect(Math.abs(secondsFromNow(minted.expires_at) - 90 * 24 * HOUR)).toBeLessThan(60);
    const { token, ...view } = minted;
    const { data } = await world.ok('GET', '/v1/tokens?agent=scribe');
    expect(data).toContainEqual(view);
    expect(await everythingStored()).not.toContain(token.slice(7, 50));
    expect((await world.act(token, 'notes.add')).status).toBe(200);
  });

  it('is on the log without the secret, and its answer is not repeated', async () => {
    const headers = { 'idempotency-key': 'mint-once' };
    const { token, id } = await world.ok('POST', '/v1/tokens', { agent: 'scribe' }, { headers });
    expect(await world.refused('POST', '/v1/tokens', { agent: 'scribe' }, { headers })).toBe(
      'idempotency_secret_shown',
    );
    const records = await world.events('agent=scribe&kind=token.minted', 2);
    expect(records.find(({ token_id }) => token_id === id)).toMatchObject({
      actor: 'key:first',
      owner: 'dana@acme.example',
    });
    expect(JSON.stringify(records)).not.toContain(token);
  });

  it('narrows to one of the roles', async () => {
    const { token, role } = await world.ok('POST', '/v1/tokens', { agent: 'scribe', role: 'reader' });
    expect(role).toBe('reader');
    expect((await world.act(token, 'notes.read')).status).toBe(200);
    expect((await world.act(token, 'notes.add')).status).toBe(403);
    await world.ok('PATCH', '/v1/agents/scribe', { role: 'support' });
    expect((await world.act(token, 'notes.read')).status).toBe(403);
    await world.ok('PATCH', '/v1/agents/scribe', { roles: ['support', 'reader'] });
    expect((await world.act(token, 'notes.read')).status).toBe(200);
  });

  it.each([
    [{ agent: 'nobody' }, 'agent_not_found'],
    [{ agent: 'scribe', role: 'deployer' }, 'role_not_worn'],
    [{ agent: 'scribe', expires_in_seconds: 0 }, 'request_invalid'],
    [{ agent: 'scribe', expires_in_seconds: 367 * 24 * HOUR }, 'request_invalid'],
    [{}, 'request_invalid'],
  ])('refuses %j', async (body, code) => {
    expect(await world.refused('POST', '/v1/tokens', body)).toBe(code);
  });
});

describe('the end of a token', () => {
  it('expires by the clock of the database', async () => {
    const { token, id } = await world.ok('POST', '/v1/tokens', { agent: 'scribe', expires_in_seconds: 1 });
    expect((await world.act(token, 'notes.add')).status).toBe(200);
    await vi.waitFor(async () => expect((await world.act(token, 'notes.add')).body.error?.code).toBe('token_expired'), {
      timeout: 10_000,
      interval: 50,
    });
    const { data } = await world.ok('GET', '/v1/tokens?agent=scribe');
    expect(data.find((each: { id: string }) => each.id === id).status).toBe('expired');
    expect(await world.refused('POST', `/v1/tokens/${id}/rotate`)).toBe('token_not_live');
  });

  it('is revoked at once, twice the same', async () => {
    const { token, id } = await world.ok('POST', '/v1/tokens', { agent: 'scribe' });
    expect((await world.act(token, 'notes.add')).status).toBe(200);
    const revoked = await world.ok('POST', `/v1/tokens/${id}/revoke`);
    expect(revoked).toMatchObject({ id, status: 'revoked' });
    expect((await world.act(token, 'notes.add')).body.error.code).toBe('token_revoked');
    expect(await world.ok('POST', `/v1/tokens/${id}/revoke`)).toMatchObject({ status: 'revoked' });
    expect(await world.events('agent=scribe&kind=token.revoked', 1)).toHaveLength(1);
    expect(await world.refused('POST', '/v1/tokens/tok_none/revoke')).toBe('token_not_found');
  });
});

describe('rotating a token', () => {
  it('lets the old one live on for the overlap', async () => {
    const old = await world.ok('POST', '/v1/tokens', { agent: 'scribe', name: 'ci', role: 'support' });
    const next = await world.ok('POST', `/v1/tokens/${old.id}/rotate`, { overlap_seconds: 600 });
    expect(next).toMatchObject({ name: 'ci', role: 'support', agent: 'scribe', status: 'live' });
    for (const { token } of [old, next]) expect((await world.act(token, 'notes.add')).status).toBe(200);
    const { data } = await world.ok('GET', '/v1/tokens?agent=scribe&limit=200');
    const replaced = data.find(({ id }: { id: string }) => id === old.id);
    expect(replaced).toMatchObject({ status: 'live', replaced_by: next.id });
    expect(Math.abs(secondsFromNow(replaced.expires_at) - 600)).toBeLessThan(60);
    expect(await world.refused('POST', `/v1/tokens/${old.id}/rotate`)).toBe('token_rotated');
    const [record] = await world.events('agent=scribe&kind=token.rotated', 1);
    expect(record).toMatchObject({ token_id: next.id, replaces: old.id, overlap_seconds: 600 });
  });

  it('ends the old one at once without an overlap, whatever a node has in memory', async () => {
    const old = await world.ok('POST', '/v1/tokens', { agent: 'scribe' });
    expect((await world.act(old.token, 'notes.add')).status).toBe(200);
    const next = await world.ok('POST', `/v1/tokens/${old.id}/rotate`, { overlap_seconds: 0 });
    expect((await world.act(old.token, 'notes.add')).status).toBe(401);
    expect((await world.act(next.token, 'notes.add')).status).toBe(200);
  });

  it('never lengthens the old one', async () => {
    const old = await world.ok('POST', '/v1/tokens', { agent: 'scribe', expires_in_seconds: 120 });
    await world.ok('POST', `/v1/tokens/${old.id}/rotate`, { overlap_seconds: 7200 });
    const { data } = await world.ok('GET', '/v1/tokens?agent=scribe&limit=200');
    expect(data.find(({ id }: { id: string }) => id === old.id).expires_at).toBe(old.expires_at);
  });
});

it('lists newest first, page by page, of one agent or of all', async () => {
  await world.agent('second');
  const { id } = await world.ok('POST', '/v1/tokens', { agent: 'second' });
  const ids: string[] = [];
  for (let cursor: string | null = ''; cursor !== null; ) {
    const list = await world.ok('GET', `/v1/tokens?limit=2${cursor === '' ? '' : `&cursor=${cursor}`}`);
    ids.push(...list.data.map((token: { id: string }) => token.id));
    cursor = list.next_cursor;
  }
  expect(ids[0]).toBe(id);
  expect(new Set(ids).size).toBe(ids.length);
  expect((await world.ok('GET', '/v1/tokens?agent=second')).data).toHaveLength(1);
  expect(await world.refused('GET', '/v1/tokens?agent=nobody')).toBe('agent_not_found');
});

/** All rows of all tables, as text. */
async function everythingStored(): Promise<string> {
  const client = new pg.Client({ connectionString: world.server.ownerUrl });
  await client.connect();
  try {
    const { rows: tables } = await client.query<{ name: string }>(
      "SELECT quote_ident(tablename) AS name FROM pg_tables WHERE schemaname = 'public'",
    );
    const texts: string[] = [];
    for (const { name } of tables) {
      const { rows } = await client.query<{ text: string }>(`SELECT t::text AS text FROM ${name} t`);
      texts.push(...rows.map(({ text }) => text));
    }
    return texts.join('\n');
  } finally {
    await client.end();
  }
}
