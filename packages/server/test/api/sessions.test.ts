import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../../../../test/setup/server.ts';
import { type Answer, type Client, clientOf } from './client.ts';

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

interface SignedIn {
  readonly answer: Answer;
  readonly cookie: string;
  readonly csrf: string;
}

async function signIn(key = server.adminKey): Promise<SignedIn> {
  const answer = await call('POST', '/v1/session', { key: null, body: { key } });
  return {
    answer,
    cookie: answer.headers.get('set-cookie')?.split(';', 1)[0] ?? '',
    csrf: answer.body.csrf_token ?? '',
  };
}

const as = ({ cookie, csrf }: SignedIn) => ({
  key: null,
  headers: { cookie, 'x-csrf-token': csrf, origin: server.url },
});

describe('signing in', () => {
  it('answers the session and sets a cookie that scripts and other sites do not get', async () => {
    const { answer } = await signIn();
    expect(answer.status).toBe(201);
    expect(answer.body).toMatchObject({
      object: 'session',
      workspace: {
        id: expect.stringMatching(/^wsp_/),
        name: 'default',
        environment: 'prod',
        status: 'active',
        sample_data: false,
      },
      key: { id: expect.stringMatching(/^key_/), name: 'first' },
      person: null,
      roles: ['admin', 'approver', 'author', 'operator', 'reviewer', 'viewer'],
      method: 'key',
      csrf_token: expect.stringMatching(/^[A-Za-z0-9_-]{43}$/),
    });
    expect(answer.headers.get('set-cookie')).toMatch(
      /^hivekey=[A-Za-z0-9_-]{43}; Path=\/; Max-Age=43200; HttpOnly; SameSite=Strict$/,
    );
    expect(JSON.stringify(answer.body)).not.toContain('hk_live_');
  });

  it('makes the cookie Secure and bound to the host where people come by HTTPS', async () => {
    const secure = await startTestServer({ public_url: 'https://hivekey.acme.example', allowed_hosts: ['127.0.0.1'] });
    try {
      const { headers } = await clientOf(secure)('POST', '/v1/session', { key: null, body: { key: secure.adminKey } });
      expect(headers.get('set-cookie')).toMatch(/^__Host-hivekey=.*; HttpOnly; SameSite=Strict; Secure$/);
      expect(headers.get('strict-transport-security')).toBe('max-age=31536000');
    } finally {
      await secure.close();
    }
  });

  it('refuses what is no live admin key', async () => {
    for (const key of ['', 'hk_live_x', `${server.adminKey}x`]) {
      const { answer } = await signIn(key);
      expect([answer.status, answer.body.error.code]).toEqual([401, 'key_invalid']);
      expect(answer.headers.get('set-cookie')).toBeNull();
    }
  });

  it('gives each session an id of its own and ends the one before', async () => {
    const one = await signIn();
    const answer = await call('POST', '/v1/session', {
      key: null,
      body: { key: server.adminKey },
      headers: { cookie: one.cookie },
    });
    expect(answer.headers.get('set-cookie')).not.toContain(one.cookie);
    expect((await call('GET', '/v1/session', as(one))).status).toBe(401);
  });

  it('is on the log, under the name of the key', async () => {
    await signIn();
    await expect
      .poll(async () => (await call('GET', '/v1/audit/events?kind=session.started&limit=1')).body.data)
      .toEqual([expect.objectContaining({ kind: 'session.started', actor: 'key:first' })]);
  });
});

describe('a session', () => {
  it('reads, and writes with its CSRF token', async () => {
    const session = await signIn();
    expect((await call('GET', '/v1/session', as(session))).body).toEqual(session.answer.body);
    expect((await call('GET', '/v1/workspace', { key: null, headers: { cookie: session.cookie } })).status).toBe(200);
    const { status } = await call('PATCH', '/v1/workspace', { body: { name: 'acme' }, ...as(session) });
    expect(status).toBe(200);
  });

  it('does not write without it, or with another one', async () => {
    const session = await signIn();
    const other = await signIn();
    for (const csrf of ['', 'x', other.csrf]) {
      const { status, body } = await call('PATCH', '/v1/workspace', {
        body: { name: 'no' },
        ...as({ ...session, csrf }),
      });
      expect([status, body.error.code]).toEqual([403, 'csrf_token_invalid']);
    }
  });

  it('ends when signed out', async () => {
    const session = await signIn();
    const { status, headers } = await call('DELETE', '/v1/session', as(session));
    expect(status).toBe(204);
    expect(headers.get('set-cookie')).toMatch(/^hivekey=; Path=\/; Max-Age=0/);
    expect((await call('GET', '/v1/session', as(session))).body.error.code).toBe('session_over');
  });

  it('ends with its key', async () => {
    const { body: key } = await call('POST', '/v1/keys', { body: { name: 'console' } });
    const session = await signIn(key.key);
    expect((await call('GET', '/v1/session', as(session))).status).toBe(200);
    await call('POST', `/v1/keys/${key.id}/revoke`);
    expect((await call('GET', '/v1/session', as(session))).status).toBe(401);
    expect((await signIn(key.key)).answer.body.error.code).toBe('key_revoked');
  });

  it.each(['idle_at', 'expires_at'])('ends when %s is over', async (column) => {
    const session = await signIn();
    expect((await call('GET', '/v1/session', as(session))).status).toBe(200);
    await owner.query(`UPDATE console_sessions SET ${column} = now() - interval '1 second'`);
    expect((await call('GET', '/v1/session', as(session))).body.error.code).toBe('session_over');
  });

  it('is kept alive by its use, never beyond its end', async () => {
    const session = await signIn();
    await owner.query("UPDATE console_sessions SET idle_at = now() + interval '1 minute'");
    await call('GET', '/v1/session', as(session));
    const { rows } = await owner.query(
      "SELECT min(idle_at) > now() + interval '29 minutes' AS kept, max(expires_at) < now() + interval '13 hours' AS bounded FROM console_sessions",
    );
    expect(rows).toEqual([{ kept: true, bounded: true }]);
  });

  it('is not what a key has', async () => {
    const { status, body } = await call('GET', '/v1/session');
    expect([status, body.error.code]).toEqual([404, 'session_not_found']);
  });

  it('is stored as a keyed hash', async () => {
    const { cookie } = await signIn();
    const { rows } = await owner.query<{ text: string }>('SELECT c::text AS text FROM console_sessions c');
    expect(rows.map(({ text }) => text).join()).not.toContain(cookie.split('=')[1]);
  });
});
