/** Credentials that are not, are no longer, or are not for this: each beside the one it imitates. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadServerKeys } from '../../packages/server/src/identity/keys.ts';
import { newCredential } from '../../packages/server/src/identity/token-hash.ts';
import { eventually } from '../../packages/server/test/actions/workspace.ts';
import {
  bearer,
  initialize,
  legacy,
  modern,
  type Sent,
  send,
} from '../../packages/server/test/gateway-mcp/wire-client.ts';
import { openWorld, type World } from './world.ts';

let world: World;
let victim: { readonly token: string; readonly name: string };
beforeAll(async () => {
  world = await openWorld();
  victim = await world.agent('victim', 'user');
});
afterAll(() => world.close());

const JSON_TYPE = { 'content-type': 'application/json' };
const MANAGEMENT = [
  '/v1/agents',
  '/v1/keys',
  '/v1/tokens',
  '/v1/audit/events',
  '/v1/audit/stream',
  '/v1/audit/export',
  '/v1/mcp/servers',
  '/v1/system',
  '/v1/session',
  '/v1/webhooks',
];

/** What a holder of this credential gets on each entrance of agents, and on management. */
async function doors(authorization: string | undefined): Promise<readonly number[]> {
  const headers = authorization === undefined ? {} : { authorization };
  const tool = modern('', 'tools/call', { name: 'rec__act', arguments: {} });
  const requests: Sent[] = [
    { ...tool, headers: { ...tool.headers, authorization } },
    { method: 'GET', path: '/mcp', headers: { ...headers, accept: 'text/event-stream', 'mcp-session-id': 'x' } },
    { path: '/v1/actions', headers: { ...JSON_TYPE, ...headers }, body: '{"action":"own.act"}' },
    { method: 'GET', path: '/v1/actions/capabilities', headers },
    { path: '/v1/actions/prm_x/outcome', headers: { ...JSON_TYPE, ...headers }, body: '{"result":"success"}' },
    { method: 'GET', path: '/v1/agents', headers },
  ];
  return Promise.all(requests.map(async (request) => (await send(world.port, request)).status));
}
const NOWHERE = [401, 401, 401, 401, 401, 401];

describe('a token', () => {
  const forged = (kind: 'agt' | 'live'): string =>
    newCredential(kind, loadServerKeys(world.server.config.data, undefined).pepper).text.reveal();
  const flipped = (text: string, at: number): string => {
    const other = text.at(at) === 'A' ? 'B' : 'A';
    const chars = [...text];
    chars[at < 0 ? chars.length + at : at] = other;
    return chars.join('');
  };

  it('that is live opens what is for agents, and nothing of management', async () => {
    expect(await doors(`Bearer ${world.token}`)).toEqual([200, 404, 200, 200, 404, 401]);
  });

  it('of an administrator opens management, and nothing that is for agents', async () => {
    expect(await doors(`Bearer ${world.server.adminKey}`)).toEqual([401, 401, 401, 401, 401, 200]);
  });

  it.each<readonly [string, () => string | undefined]>([
    ['none', () => undefined],
    ['empty', () => 'Bearer '],
    ['another scheme', () => `Basic ${Buffer.from(`x:${world.token}`).toString('base64')}`],
    ['no scheme', () => world.token],
    ['two in one', () => `Bearer ${world.token}, Bearer ${world.token}`],
    ['two, by a blank', () => `Bearer ${victim.token} ${world.token}`],
    ['cut', () => `Bearer ${world.token.slice(0, -1)}`],
    ['longer', () => `Bearer ${world.token}0`],
    ['another first character', () => `Bearer ${flipped(world.token, 7)}`],
    ['another last character', () => `Bearer ${flipped(world.token, -1)}`],
    ['another case', () => `Bearer ${world.token.toUpperCase()}`],
    ['the other kind', () => `Bearer ${world.token.replace('hk_agt_', 'hk_live_')}`],
    ['a right checksum, never issued', () => `Bearer ${forged('agt')}`],
    ['a right checksum of an admin key, never issued', () => `Bearer ${forged('live')}`],
    ['a web token without a signature', () => 'Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhdHRhY2tlciJ9.'],
  ])('that is %s opens nothing', async (_name, authorization) => {
    expect(await doors(authorization())).toEqual(NOWHERE);
  });

  it('does not travel in a query, a cookie or another header', async () => {
    const { headers: _headers, ...tool } = modern('', 'tools/call', { name: 'rec__act', arguments: {} });
    const places = [
      { path: `/mcp?access_token=${world.token}`, headers: {} },
      { path: '/mcp', headers: { cookie: `hivekey=${world.token}` } },
      { path: '/mcp', headers: { 'x-api-key': world.token, 'proxy-authorization': `Bearer ${world.token}` } },
    ];
    for (const { path, headers } of places)
      expect((await send(world.port, { ...tool, path, headers: { ...JSON_TYPE, ...headers } })).status).toBe(401);
  });

  it('ends with its expiry, its revocation and its overlap, at once and on every entrance', async () => {
    const mint = async () => (await world.done('POST', '/v1/tokens', { agent: 'victim' })).body;
    for (const [end, body] of [
      ['revoke', {}],
      ['rotate', { overlap_seconds: 0 }],
    ] as const) {
      const { id, token } = await mint();
      // Used before, so that nothing remembered keeps it alive.
      expect(await doors(`Bearer ${token}`)).toEqual([200, 404, 200, 200, 404, 401]);
      await world.done('POST', `/v1/tokens/${id}/${end}`, body);
      expect([end, await doors(`Bearer ${token}`)]).toEqual([end, NOWHERE]);
    }
    const { id, token } = await mint();
    await world.sql('UPDATE agent_tokens SET expires_at = now() WHERE id = $1', [id]);
    expect(await doors(`Bearer ${token}`)).toEqual(NOWHERE);
  });

  it('an attempt with a dead one is on the log under the name of its agent', async () => {
    const { body } = await world.done('POST', '/v1/tokens', { agent: 'victim' });
    await world.done('POST', `/v1/tokens/${body.id}/revoke`, {});
    expect((await world.tool('rec__act', {}, body.token)).status).toBe(401);
    expect((await world.ask('own.act', {}, body.token)).status).toBe(401);
    const logged = await eventually(async () => {
      const rows = await world.sql(
        `SELECT agent, reason_class FROM actions WHERE kind = 'tool.call' AND record ->> 'token_id' = $1`,
        [body.id],
      );
      return rows.length === 2 ? rows : undefined;
    });
    expect(logged).toEqual([
      { agent: 'victim', reason_class: 'credential' },
      { agent: 'victim', reason_class: 'credential' },
    ]);
  });

  it('that was never issued reads like one that cannot be', async () => {
    const unknown = await send(world.port, modern(forged('agt'), 'tools/list'));
    const malformed = await send(world.port, modern('hk_agt_0', 'tools/list'));
    expect(unknown.text).toBe(malformed.text);
  });
});

describe('what belongs to another agent', () => {
  it('a session of the earlier era is as good as unknown', async () => {
    const { session } = await initialize(world.port, victim.token);
    const use = (token: string, id: string, path = '/mcp'): Promise<readonly [number, string]> =>
      send(world.port, { ...legacy(token, id, { id: 1, method: 'ping' }), path }).then(({ status, text }) => [
        status,
        text,
      ]);
    expect((await use(victim.token, session))[0]).toBe(200);
    const unknown = await use(world.token, 'A'.repeat(43));
    expect(unknown[0]).toBe(404);
    expect(await use(world.token, session)).toEqual(unknown);
    expect(await use(victim.token, session, '/mcp/rec')).toEqual(unknown);
    // Another token of the same agent is another caller.
    const { body } = await world.done('POST', '/v1/tokens', { agent: 'victim' });
    expect(await use(body.token, session)).toEqual(unknown);
    const end = await send(world.port, {
      method: 'DELETE',
      headers: { ...bearer(world.token), 'mcp-session-id': session },
    });
    expect(end.status).toBe(404);
    const stream = await send(world.port, {
      method: 'GET',
      headers: { ...bearer(world.token), accept: 'text/event-stream', 'mcp-session-id': session, 'last-event-id': '1' },
    });
    expect(stream.status).toBe(404);
    expect((await use(victim.token, session))[0]).toBe(200);
  });

  it('a permit is as good as unknown, and stays good', async () => {
    const { json } = await world.ask('own.act', {}, victim.token);
    const permit = (json.permit as { id: string }).id;
    const report = (token: string, id: string) =>
      send(world.port, {
        path: `/v1/actions/${id}/outcome`,
        headers: { ...JSON_TYPE, ...bearer(token) },
        body: '{"result":"success"}',
      });
    const [others, unknown] = [await report(world.token, permit), await report(world.token, 'prm_000000000000')];
    expect([others.status, unknown.status]).toEqual([404, 404]);
    expect(others.text.replaceAll(permit, 'X').replaceAll(/req_\w+/g, '')).toBe(
      unknown.text.replaceAll('prm_000000000000', 'X').replaceAll(/req_\w+/g, ''),
    );
    expect((await report(victim.token, permit)).status).toBe(200);
  });

  it('an idempotency key is another key', async () => {
    const ask = (token: string) =>
      send(world.port, {
        path: '/v1/actions',
        headers: { ...JSON_TYPE, ...bearer(token), 'idempotency-key': 'shared' },
        body: '{"action":"own.act"}',
      });
    const [mine, theirs, again] = [await ask(world.token), await ask(victim.token), await ask(world.token)];
    expect(theirs.json.id).not.toBe(mine.json.id);
    expect(again.json.id).toBe(mine.json.id);
  });

  it('a cursor, even a forged one, leads nowhere', async () => {
    for (const cursor of [
      'AAAA',
      `${Buffer.from('["rec__act"]').toString('base64url')}.AAAA`,
      '../../etc',
      '\u0000',
      'x'.repeat(10_000),
    ]) {
      const answer = await send(world.port, modern(world.token, 'tools/list', { cursor }));
      expect(answer.json).toMatchObject({ error: { code: -32602 } });
    }
    expect((await send(world.port, modern(world.token, 'tools/list'))).json).toHaveProperty('result');
  });
});

describe('a console session', () => {
  const signIn = async (cookie?: string): Promise<{ cookie: string; csrf: string }> => {
    const answer = await world.call('POST', '/v1/session', {
      key: null,
      body: { key: world.server.adminKey },
      headers: cookie === undefined ? {} : { cookie },
    });
    expect(answer.status).toBe(201);
    return { cookie: answer.headers.get('set-cookie')?.split(';', 1)[0] ?? '', csrf: answer.body.csrf_token };
  };
  const write = (headers: Record<string, string>) =>
    world.call('PATCH', '/v1/agents/victim', { key: null, headers, body: { description: 'x' } });

  it('writes with its own CSRF token only, and from its own pages only', async () => {
    const [mine, another] = [await signIn(), await signIn()];
    const { cookie, csrf } = mine;
    const origin = world.server.url;
    const site = 'sec-fetch-site';
    expect((await write({ cookie, 'x-csrf-token': csrf, origin })).status).toBe(200);
    expect((await write({ cookie, 'x-csrf-token': csrf, origin, [site]: 'same-origin' })).status).toBe(200);
    for (const headers of [
      { cookie, origin },
      { cookie, origin, 'x-csrf-token': '' },
      { cookie, origin, 'x-csrf-token': another.csrf },
      { cookie, origin, 'x-csrf-token': `${csrf}, ${csrf}` },
      { cookie, 'x-csrf-token': csrf },
      { cookie, 'x-csrf-token': csrf, origin: 'https://evil.example' },
      { cookie, 'x-csrf-token': csrf, origin: 'null' },
      { cookie, 'x-csrf-token': csrf, origin, [site]: 'same-site' },
      { cookie, 'x-csrf-token': csrf, origin, [site]: 'cross-site' },
      { cookie, 'x-csrf-token': csrf, origin, [site]: 'none' },
    ])
      expect((await write(headers)).status).toBe(403);
    // A cookie is no credential of an agent.
    expect(
      (await world.call('GET', '/v1/actions/capabilities', { key: null, headers: { cookie, 'x-csrf-token': csrf } }))
        .status,
    ).toBe(401);
    // With a credential in Authorization the cookie does not count.
    expect((await world.call('GET', '/v1/agents', { key: world.token, headers: { cookie } })).status).toBe(401);
  });

  it('never has an id that the browser brought', async () => {
    const planted = `hivekey=${'A'.repeat(43)}`;
    const { cookie, csrf } = await signIn(planted);
    expect(cookie).not.toBe(planted);
    const { url: origin } = world.server;
    expect((await write({ cookie: planted, 'x-csrf-token': csrf, origin })).status).toBe(401);
    // The one that was there before is over.
    const next = await signIn(cookie);
    expect((await write({ cookie, 'x-csrf-token': csrf, origin })).status).toBe(401);
    expect((await write({ cookie: next.cookie, 'x-csrf-token': next.csrf, origin })).status).toBe(200);
  });

  it('ends with its key', async () => {
    const { body: key } = await world.done('POST', '/v1/keys', { name: 'short' });
    const answer = await world.call('POST', '/v1/session', { key: null, body: { key: key.key } });
    const cookie = answer.headers.get('set-cookie')?.split(';', 1)[0] ?? '';
    expect((await world.call('GET', '/v1/session', { key: null, headers: { cookie } })).status).toBe(200);
    await world.done('POST', `/v1/keys/${key.id}/revoke`, {});
    expect((await world.call('GET', '/v1/session', { key: null, headers: { cookie } })).status).toBe(401);
    expect((await write({ cookie, 'x-csrf-token': answer.body.csrf_token })).status).toBe(401);
  });
});

it('every management route wants an admin key', async () => {
  const { body } = await world.call('GET', '/openapi.json');
  const routes = Object.entries<Record<string, { security?: object[] }>>(body.paths).flatMap(([path, methods]) =>
    Object.entries(methods)
      .filter(([, { security = [] }]) => security.some((each) => 'admin_key' in each))
      .map(([method]) => ({ method: method.toUpperCase(), path: path.replaceAll(/\{\w+\}/g, 'x') })),
  );
  expect(routes.length).toBeGreaterThan(50);
  for (const path of MANAGEMENT) expect([path, routes.some((route) => route.path === path)]).toEqual([path, true]);
  for (const { method, path } of routes) {
    for (const key of [null, world.token, 'x']) {
      const { status } = await world.call(method, path, {
        key,
        headers: JSON_TYPE,
        ...(method === 'GET' ? {} : { body: {} }),
      });
      // AuthZEN takes both kinds. After many failed logins the refusal says so.
      const isForBoth = path.startsWith('/access/') && key === world.token;
      expect([method, path, isForBoth || status === 401 || status === 429]).toEqual([method, path, true]);
    }
  }
});
