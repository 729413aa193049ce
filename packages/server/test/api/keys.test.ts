import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../../../../test/setup/server.ts';
import { type Client, clientOf } from './client.ts';

let server: TestServer;
let call: Client;
let owner: pg.Client;
beforeAll(async () => {
  server = await startTestServer();
  call = clientOf(server);
  owner = new pg.Client({ connectionString: server.ownerUrl });
  await owner.connect();
});
afterAll(async () => {
  await owner.end();
  await server.close();
});

const make = async (name: string, more = {}) => (await call('POST', '/v1/keys', { body: { name, ...more } })).body;
const works = async (key: string) => (await call('GET', '/v1/workspace', { key })).status;
async function events(kind: string) {
  return (await call('GET', `/v1/audit/events?kind=${kind}&limit=200`)).body.data;
}

describe('admin keys', () => {
  it('are shown once, stored as a hash, listed without', async () => {
    const { key, ...shown } = await make('ops');
    expect(shown).toEqual({
      id: expect.stringMatching(/^key_[0-9A-Za-z]{12}$/),
      object: 'key',
      person: null,
      name: 'ops',
      roles: ['admin', 'approver', 'author', 'operator', 'reviewer', 'viewer'],
      last4: key.slice(-4),
      status: 'live',
      created: expect.any(Number),
      created_by: 'key:first',
      expires_at: null,
      last_used_at: null,
      replaced_by: null,
    });
    expect(await works(key)).toBe(200);
    const { body } = await call('GET', '/v1/keys');
    expect(body.data).toContainEqual(expect.objectContaining({ id: shown.id, name: 'ops' }));
    expect(JSON.stringify(body)).not.toContain(key);
    const { rows } = await owner.query<{ text: string }>('SELECT k::text AS text FROM admin_keys k');
    expect(rows.map(({ text }) => text).join()).not.toContain(key);
    await expect
      .poll(() => events('key.created'))
      .toContainEqual(expect.objectContaining({ actor: 'key:first', key: 'ops', key_id: shown.id }));
  });

  it('note their last use', async () => {
    const { id, key } = await make('used');
    await works(key);
    await expect
      .poll(async () =>
        (await call('GET', '/v1/keys?limit=200')).body.data.find((each: { id: string }) => each.id === id),
      )
      .toMatchObject({ last_used_at: expect.any(Number) });
  });

  it('have a name of their own, that stands for one line of keys', async () => {
    await make('unique');
    const { status, body } = await call('POST', '/v1/keys', { body: { name: 'UNIQUE' } });
    expect([status, body.error.code]).toEqual([409, 'key_name_taken']);
  });

  it.each(['', 'a b', '-a', 'x'.repeat(65), 'ü'])('are not named "%s"', async (name) => {
    expect((await call('POST', '/v1/keys', { body: { name } })).status).toBe(400);
  });

  it('expire', async () => {
    const { id, key, expires_at, created } = await make('brief', { expires_in_seconds: 60 });
    expect(expires_at - created).toBe(60);
    expect(await works(key)).toBe(200);
    await owner.query("UPDATE admin_keys SET expires_at = now() - interval '1 second' WHERE id = $1", [id]);
    const { status, body } = await call('GET', '/v1/workspace', { key });
    expect([status, body.error.code]).toEqual([401, 'key_expired']);
  });

  it('are rotated: both live for the overlap, under one name', async () => {
    const old = await make('rotating');
    const { status, body: next } = await call('POST', `/v1/keys/${old.id}/rotate`, { body: { overlap_seconds: 100 } });
    expect([status, next.name]).toEqual([201, 'rotating']);
    expect([await works(old.key), await works(next.key)]).toEqual([200, 200]);
    const listed = (await call('GET', '/v1/keys?limit=200')).body.data;
    expect(listed).toContainEqual(
      expect.objectContaining({ id: old.id, replaced_by: next.id, expires_at: next.created + 100 }),
    );
    await owner.query("UPDATE admin_keys SET expires_at = now() - interval '1 second' WHERE id = $1", [old.id]);
    expect([await works(old.key), await works(next.key)]).toEqual([401, 200]);
  });

  it('are rotated without an overlap, and once only', async () => {
    const old = await make('at-once');
    const path = `/v1/keys/${old.id}/rotate`;
    const { body: next } = await call('POST', path, { body: { overlap_seconds: 0 } });
    expect([await works(old.key), await works(next.key)]).toEqual([401, 200]);
    const again = await call('POST', path);
    expect([again.status, again.body.error.code]).toEqual([409, 'key_not_rotatable']);
  });

  it('do not live longer for being rotated', async () => {
    const old = await make('ending', { expires_in_seconds: 120 });
    await call('POST', `/v1/keys/${old.id}/rotate`, { body: { overlap_seconds: 3600 } });
    const listed = (await call('GET', '/v1/keys?limit=200')).body.data;
    expect(listed.find(({ id }: { id: string }) => id === old.id).expires_at).toBe(old.expires_at);
  });

  it('are revoked at once, which may be said twice', async () => {
    const { id, key } = await make('revoked');
    expect(await works(key)).toBe(200);
    expect((await call('POST', `/v1/keys/${id}/revoke`)).body.status).toBe('revoked');
    expect((await call('GET', '/v1/workspace', { key })).body.error.code).toBe('key_revoked');
    expect((await call('POST', `/v1/keys/${id}/revoke`)).status).toBe(200);
    await expect
      .poll(async () => (await events('key.revoked')).filter((each: { key_id: string }) => each.key_id === id).length)
      .toBe(1);
    expect((await call('POST', '/v1/keys/key_unknown/revoke')).body.error.code).toBe('key_not_found');
  });

  it('never all go, not even at once', async () => {
    const other = await startTestServer();
    try {
      const there = clientOf(other);
      const [first] = (await there('GET', '/v1/keys')).body.data;
      const last = await there('POST', `/v1/keys/${first.id}/revoke`);
      expect([last.status, last.body.error.code]).toEqual([409, 'last_key']);
      const { body: second } = await there('POST', '/v1/keys', { body: { name: 'second' } });
      const ends = await Promise.all([first, second].map(({ id }) => there('POST', `/v1/keys/${id}/revoke`)));
      expect(ends.filter(({ status }) => status === 200)).toHaveLength(1);
    } finally {
      await other.close();
    }
  });

  it('are made anew by a start that finds none alive: whoever has the machine is never locked out', async () => {
    const lost = await startTestServer();
    const client = new pg.Client({ connectionString: lost.ownerUrl });
    await client.connect();
    await client.query("UPDATE admin_keys SET expires_at = now() - interval '1 second'");
    await client.end();
    expect((await clientOf(lost)('GET', '/v1/keys')).body.error.code).toBe('key_expired');
    const found = await lost.restart();
    try {
      expect(found.adminKey).not.toBe(lost.adminKey);
      const { body } = await clientOf(found)('GET', '/v1/keys');
      expect(body.data.map(({ name, status }: { name: string; status: string }) => [name, status])).toEqual([
        [expect.stringMatching(/^recovery-/), 'live'],
        ['first', 'expired'],
      ]);
      const again = await found.restart();
      expect(again.adminKey).toBe(found.adminKey);
      await again.stop();
    } finally {
      await found.close();
    }
  });

  it('are listed page by page, whatever comes and goes', async () => {
    const names = ['p1', 'p2', 'p3', 'p4', 'p5'];
    for (const name of names) await make(name);
    const seen: string[] = [];
    const ids = new Set<string>();
    let cursor: string | null = null;
    do {
      const { body } = await call('GET', `/v1/keys?limit=2${cursor === null ? '' : `&cursor=${cursor}`}`);
      seen.push(...body.data.map(({ name }: { name: string }) => name));
      for (const { id } of body.data) ids.add(id);
      if (cursor === null) await make('p6');
      cursor = body.next_cursor;
      expect(body.has_more).toBe(cursor !== null);
    } while (cursor !== null);
    expect(seen.slice(0, 5)).toEqual(['p5', 'p4', 'p3', 'p2', 'p1']);
    expect(ids.size).toBe(seen.length);
  });

  it('refuse a cursor that is altered or another list’s', async () => {
    const { body } = await call('GET', '/v1/keys?limit=1');
    const cursor: string = body.next_cursor;
    const altered = `${cursor.slice(0, -2)}${cursor.endsWith('AA') ? 'BB' : 'AA'}`;
    for (const [path, given] of [
      ['/v1/keys', altered],
      ['/v1/keys', 'x.y'],
      ['/v1/secrets', cursor],
    ])
      expect((await call('GET', `${path}?cursor=${given}`)).body.error.code).toBe('cursor_invalid');
    expect((await call('GET', `/v1/keys?cursor=${cursor}`)).status).toBe(200);
  });
});
