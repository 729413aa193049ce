/** Agents over SCIM: asked for, let in by somebody else, stopped, never granted anything. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestServer } from '../../../../test/setup/server.ts';
import { openWorld, type World } from '../agents/world.ts';
import { clientOf } from '../api/client.ts';
import { type Directory, directoryOf } from './directory.ts';

const AGENT = 'urn:ietf:params:scim:schemas:core:2.0:Agent';
const GOVERNANCE = 'urn:hivekey:params:scim:schemas:extension:governance:1.0:Agent';

let world: World;
let directory: Directory;
let owner: { readonly id: string };
let approverKey: string;

beforeAll(async () => {
  const first = await openWorld();
  const server = await first.server.restart({ scim_agents: true });
  const call = clientOf(server);
  world = { ...first, server, call };
  const ok = async (method: string, path: string, body?: unknown) => {
    const answer = await call(method, path, body === undefined ? {} : { body });
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body;
  };
  world = { ...world, ok };
  const { token } = await ok('POST', '/v1/scim-connections', { name: 'okta', scopes: ['users', 'groups', 'agents'] });
  directory = directoryOf(world, token);
  owner = await directory.user('owner@acme.example');
  await ok('POST', '/v1/people', { email: 'other@acme.example' });
  approverKey = (await ok('POST', '/v1/keys', { name: 'other', person: 'other@acme.example' })).key;
});
afterAll(() => world.server.close());

const ask = (name: string, more: object = {}) =>
  directory.send('POST', '/Agents', {
    schemas: [AGENT],
    agentUserName: name,
    active: true,
    owners: [{ value: owner.id }],
    ...more,
  });

describe('an agent', () => {
  it('is a request until somebody lets it in, and is stopped but never started by the directory', async () => {
    const made = await ask('helper', { description: 'Answers questions.', displayName: 'Helper' });
    expect([made.status, made.body.active]).toEqual([201, false]);
    const { id } = made.body;
    const [requestId, state] = made.body[GOVERNANCE].request.split(' ');
    expect(state).toBe('requested');
    // Wanting it does not make it so.
    const wanted = await directory.patch(`/Agents/${id}`, { op: 'replace', path: 'active', value: true });
    expect([wanted.status, wanted.body.active]).toEqual([200, false]);
    const approved = await world.call('POST', `/v1/agent-requests/${requestId}/approve`, {
      key: approverKey,
      body: {},
    });
    expect(approved.status).toBeLessThan(300);
    const { body } = await directory.send('GET', `/Agents/${id}`);
    expect(body).toMatchObject({
      active: true,
      owners: [{ value: owner.id }],
      [GOVERNANCE]: { localSuspension: false },
    });
    expect(await world.ok('GET', `/v1/agents/${body[GOVERNANCE].agentId}`)).toMatchObject({
      name: 'helper',
      roles: [],
      status: 'active',
    });

    const stopped = await directory.patch(`/Agents/${id}`, { op: 'Replace', path: 'active', value: 'False' });
    expect(stopped.body).toMatchObject({ active: false, [GOVERNANCE]: { localSuspension: true } });
    const again = await directory.patch(`/Agents/${id}`, { op: 'replace', value: { active: true } });
    expect(again.body.active).toBe(false);
    expect(
      (await directory.send('GET', '/Agents?filter=active eq false and agentUserName sw "HELP"')).body.totalResults,
    ).toBe(1);
  });

  it('leaves a tombstone: its name is never another one’s', async () => {
    const { body } = await ask('mayfly', { externalId: 'm-1' });
    expect((await directory.send('DELETE', `/Agents/${body.id}`)).status).toBe(204);
    expect((await directory.send('GET', `/Agents/${body.id}`)).status).toBe(404);
    for (const more of [{}, { agentUserName: 'MAYFLY' }, { agentUserName: 'mayfly-2', externalId: 'm-1' }])
      expect((await ask('mayfly', more)).status).toBe(409);
    const { data } = await world.ok('GET', '/v1/agent-requests');
    expect(data.find(({ name }: { name: string }) => name === 'mayfly')).toMatchObject({
      status: 'withdrawn',
      source: 'scim',
    });
  });

  it('that acts is revoked when it is deleted', async () => {
    const { body } = await ask('doomed');
    await world.call('POST', `/v1/agent-requests/${body[GOVERNANCE].request.split(' ')[0]}/approve`, {
      key: approverKey,
      body: {},
    });
    const { body: agent } = await directory.send('GET', `/Agents/${body.id}`);
    expect((await directory.send('DELETE', `/Agents/${body.id}`)).status).toBe(204);
    expect(await world.ok('GET', `/v1/agents/${agent[GOVERNANCE].agentId}`)).toMatchObject({ status: 'revoked' });
  });

  it('is known by both names, which say the same', async () => {
    const { status, body } = await directory.send('POST', '/Agents', {
      schemas: ['urn:ietf:params:scim:schemas:core:2.0:agent'],
      name: 'older',
      owners: [{ value: owner.id }],
    });
    expect([status, body.agentUserName]).toEqual([201, 'older']);
    expect((await ask('one-name', { name: 'another' })).body.scimType).toBe('invalidValue');
    expect((await ask('same-name', { name: 'same-name' })).status).toBe(201);
  });

  it.each<[string, object, string]>([
    ['no owner', { owners: [] }, 'invalidValue'],
    ['two owners', { owners: [{ value: 'a' }, { value: 'b' }] }, 'invalidValue'],
    ['an owner who is nobody', { owners: [{ value: 'per_nobody' }] }, 'invalidValue'],
    ['a name that is none', { agentUserName: 'not a handle' }, 'invalidValue'],
  ])('with %s is refused', async (_, more, scimType) => {
    const { status, body } = await ask('refused', more);
    expect([status, body.scimType]).toEqual([400, scimType]);
  });

  it.each<[string, object]>([
    ['its name', { op: 'replace', path: 'agentUserName', value: 'renamed' }],
    ['its owner', { op: 'replace', path: 'owners', value: [{ value: 'per_other' }] }],
    ['its suspension', { op: 'replace', path: `${GOVERNANCE}:localSuspension`, value: false }],
    ['its epoch', { op: 'replace', path: `${GOVERNANCE}:authorizationEpoch`, value: 1 }],
  ])('keeps %s', async (what, operation) => {
    const { body } = await ask(`keeps-${what.split(' ')[1]}`);
    const answer = await directory.patch(`/Agents/${body.id}`, operation);
    expect([answer.status, answer.body.scimType]).toEqual([400, 'mutability']);
  });
});

it('is not there without the setting, nor without the scope', async () => {
  const server = await startTestServer();
  const { body } = await clientOf(server)('POST', '/v1/scim-connections', { body: { name: 'x', scopes: ['agents'] } });
  expect((await directoryOf({ ...world, server }, body.token).send('GET', '/Agents')).status).toBe(404);
  await server.close();
  const { token } = await world.ok('POST', '/v1/scim-connections', { name: 'people-only' });
  expect((await directoryOf(world, token).send('GET', '/Agents')).status).toBe(403);
});
