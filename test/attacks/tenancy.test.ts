/** A second workspace in the same database: its administrators and agents meet nothing of the first. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadServerKeys } from '../../packages/server/src/identity/keys.ts';
import { newCredential } from '../../packages/server/src/identity/token-hash.ts';
import { newId } from '../../packages/server/src/ids.ts';
import { type Administration, administer, eventually } from '../../packages/server/test/actions/workspace.ts';
import { bearer, initialize, legacy, modern, send } from '../../packages/server/test/gateway-mcp/wire-client.ts';
import { openWorld, type World } from './world.ts';

/** In the name of everything in the first workspace. */
const MARK = 'firstonly';
type Attempt = [method: string, path: string, body?: object];

let world: World;
let strangerKey: string;
let stranger: Administration;
let strangerToken: string;
const ids: Record<string, string> = {};

beforeAll(async () => {
  world = await openWorld();
  const key = newCredential('live', loadServerKeys(world.server.config.data, undefined).pepper);
  const workspaceId = newId<string>('wsp');
  await world.sql(`INSERT INTO workspaces (id, name) VALUES ($1, 'second')`, [workspaceId]);
  await world.sql('INSERT INTO workspace_state (workspace_id) VALUES ($1)', [workspaceId]);
  await world.sql(
    `INSERT INTO admin_keys (workspace_id, id, name, lookup_hmac, last4, created_by) VALUES ($1, $2, 'stranger', $3, $4, 'system')`,
    [workspaceId, newId('key'), key.lookupHmac, key.last4],
  );
  strangerKey = key.text.reveal();
  stranger = administer({ url: world.server.url, adminKey: strangerKey });
  await stranger.capability('own.act', {});
  // The names of the first workspace, which mean nothing here.
  await stranger.role('user', ['own.act']);
  ({ token: strangerToken } = await stranger.agent('attacker', 'user'));

  await world.done('PATCH', '/v1/agents/attacker', { description: MARK });
  ids.key = (await world.done('POST', '/v1/keys', { name: MARK })).body.id;
  ids.webhook = (
    await world.done('POST', '/v1/webhooks', { url: `https://${MARK}.example/hook`, events: ['role.changed'] })
  ).body.id;
  ids.server = (await world.done('GET', '/v1/mcp/servers/rec', undefined)).body.id;
  await world.done('PUT', `/v1/secrets/${MARK}`, { value: `credential of ${MARK}` });
  const { json } = await world.ask('own.act', { note: MARK });
  ids.event = String(json.id);
  ids.permit = (json.permit as { id: string }).id;
  await eventually(async () =>
    (await world.call('GET', `/v1/audit/events/${ids.event}`)).status === 200 ? true : undefined,
  );
});
afterAll(() => world.close());

describe('an administrator of the second', () => {
  const at = (template: string): string => template.replaceAll(/<(\w+)>/g, (_all, name: string) => ids[name] ?? name);

  it.each([
    ['POST', '/v1/keys/<key>/rotate', {}],
    ['POST', '/v1/keys/<key>/revoke', {}],
    ['DELETE', '/v1/webhooks/<webhook>'],
    ['POST', '/v1/webhooks/<webhook>/enable', {}],
    ...['rec', '<server>'].flatMap((server): Attempt[] => [
      ['GET', `/v1/mcp/servers/${server}`],
      ['PATCH', `/v1/mcp/servers/${server}`, { endpoint: 'https://evil.example/mcp' }],
      ['POST', `/v1/mcp/servers/${server}/enable`, {}],
      ['POST', `/v1/mcp/servers/${server}/disable`, {}],
      ['POST', `/v1/mcp/servers/${server}/refresh`, {}],
      ['GET', `/v1/mcp/servers/${server}/map`],
      ['PUT', `/v1/mcp/servers/${server}/map`, { namespace: 'rec', tools: {} }],
      ['GET', `/v1/mcp/servers/${server}/definitions`],
      ['POST', `/v1/mcp/servers/${server}/definitions/rec.act/approve`, { pin: `sha256:${'0'.repeat(64)}` }],
      ['POST', `/v1/mcp/servers/${server}/definitions/rec.act/off`, {}],
      ['POST', `/v1/mcp/servers/${server}/instructions/approve`, { pin: `sha256:${'0'.repeat(64)}` }],
    ]),
    ['GET', '/v1/audit/events/<event>'],
    ['GET', '/v1/audit/events/<event>/proof'],
    ['GET', '/v1/capabilities/rec.act'],
    ['POST', '/v1/containments', { scope: 'tool', target: 'rec.act' }],
  ] satisfies readonly Attempt[] as Attempt[])('%s %s finds nothing', async (method, template, body) => {
    const { status, body: answer } = await stranger.call(method, at(template), body === undefined ? {} : { body });
    expect([status, JSON.stringify(answer).includes(MARK)]).toEqual([404, false]);
  });

  it.each([
    '/v1/keys',
    '/v1/webhooks',
    '/v1/mcp/servers',
    '/v1/secrets',
    '/v1/audit/events?limit=200',
    // What one searches for is on one's own log: all of the mark but its end.
    `/v1/audit/events?q=${MARK.slice(0, -1)}`,
    '/v1/system',
    '/v1/workspace',
    '/v1/agents',
    '/v1/capabilities',
  ])('GET %s shows nothing of the first', async (path) => {
    const { status, body } = await stranger.call('GET', path);
    expect(status).toBe(200);
    expect(JSON.stringify(body)).not.toMatch(new RegExp(`${MARK}|rec\\.|"default"`));
    const own = JSON.stringify((await world.call('GET', path)).body);
    expect(own.length).toBeGreaterThan(40);
  });

  it('neither exports nor streams anything of the first', async () => {
    const read = async (key: string): Promise<string> => {
      const archive = await fetch(`${world.server.url}/v1/audit/export`, { headers: bearer(key) });
      return Buffer.from(await archive.arrayBuffer()).toString('latin1');
    };
    const [theirs, ours] = [await read(strangerKey), await read(world.server.adminKey)];
    expect([theirs.includes(MARK), ours.includes(MARK)]).toEqual([false, true]);
    for (const headers of [{}, { 'last-event-id': '1' }] as Record<string, string>[]) {
      const stream = await fetch(`${world.server.url}/v1/audit/stream?from_seq=1`, {
        headers: { ...bearer(strangerKey), ...headers },
      });
      const reader = stream.body?.getReader();
      let text = '';
      while (!text.includes('token.minted')) text += Buffer.from((await reader?.read())?.value ?? []).toString();
      await reader?.cancel();
      expect(text).not.toMatch(new RegExp(`${MARK}|"default"`));
    }
  });

  it('has cursors, idempotency keys and console sessions of its own', async () => {
    const { body: page } = await world.call('GET', '/v1/audit/events?limit=1');
    expect((await stranger.call('GET', `/v1/audit/events?limit=1&cursor=${page.next_cursor}`)).body.error.code).toBe(
      'cursor_invalid',
    );
    expect((await world.call('GET', `/v1/audit/events?limit=1&cursor=${page.next_cursor}`)).status).toBe(200);
    const headers = { 'idempotency-key': 'shared' };
    const body = { email: 'kim@acme.example' };
    const [one, two] = [
      await world.call('POST', '/v1/people', { body, headers }),
      await stranger.call('POST', '/v1/people', { body, headers }),
    ];
    expect([one.status, two.status, two.headers.get('idempotency-replayed')]).toEqual([201, 201, null]);
    expect(two.body.id).not.toBe(one.body.id);
  });

  it('makes secrets of its own under the same name, and leaves the first as it was', async () => {
    await stranger.done('PUT', `/v1/secrets/${MARK}`, { value: 'another credential' });
    const { body } = await world.call('GET', '/v1/secrets');
    expect(body.data.find(({ name }: { name: string }) => name === MARK)).toMatchObject({ version: 1, last4: 'only' });
    expect((await world.call('GET', '/v1/webhooks')).body.data).toHaveLength(1);
    expect((await world.tool('rec__act', {})).json).toHaveProperty('result');
  });
});

describe('an agent of the second, of the same name', () => {
  it('sees no tool of the first, and calls none', async () => {
    const { json } = await send(world.port, modern(strangerToken, 'tools/list'));
    expect(json.result).toMatchObject({ tools: [] });
    const before = world.recorder.calls.length;
    expect((await world.tool('rec__act', {}, strangerToken)).json).toMatchObject({
      error: { message: 'Unknown tool: rec__act' },
    });
    expect(world.recorder.calls.length).toBe(before);
    expect((await world.ask('own.act', {}, strangerToken)).status).toBe(200);
  });

  it('has no part in sessions, permits and evaluations of the first', async () => {
    const { session } = await initialize(world.port, world.token);
    const ping = (token: string) => send(world.port, legacy(token, session, { id: 1, method: 'ping' }));
    expect([(await ping(world.token)).status, (await ping(strangerToken)).status]).toEqual([200, 404]);
    const headers = { 'content-type': 'application/json', ...bearer(strangerToken) };
    const report = { path: `/v1/actions/${ids.permit}/outcome`, headers, body: '{"result":"error"}' };
    expect((await send(world.port, report)).status).toBe(404);
    const { body: agent } = await world.call('GET', '/v1/agents/attacker');
    for (const key of [strangerToken, strangerKey]) {
      const body = JSON.stringify({
        subject: { type: 'agent', id: agent.id },
        action: { name: 'own.act' },
        resource: { type: 'a', id: 'b' },
      });
      const answer = await send(world.port, {
        path: '/access/v1/evaluation',
        headers: { ...headers, ...bearer(key) },
        body,
      });
      expect(answer.json).toMatchObject({ decision: false, context: { code: 'subject_unknown' } });
    }
  });

  it('is not stopped with its namesake, nor stops it', async () => {
    await stranger.done('POST', '/v1/agents/attacker/revoke', {});
    expect((await world.ask('own.act', {}, strangerToken)).status).toBe(401);
    expect((await world.ask('own.act', {})).status).toBe(200);
    await stranger.done('POST', '/v1/containments', { scope: 'workspace', target: '*', reason: 'drill' });
    expect((await world.ask('own.act', {})).status).toBe(200);
  });
});
