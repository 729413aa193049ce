/** An administrator of one workspace meets no channel and no message of another's. */
import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { loadServerKeys } from '../../src/identity/keys.ts';
import { newCredential } from '../../src/identity/token-hash.ts';
import { newId } from '../../src/ids.ts';
import { eventually } from '../actions/workspace.ts';
import { type Office, openOffice } from '../approvals/office.ts';
import { startRelay } from './relay.ts';

let office: Office;
let strangerKey: string;
let failed: string;

beforeAll(async () => {
  office = await openOffice({ upstream_allow: ['127.0.0.0/8'] });
  const relay = await startRelay({ security: 'none' });
  relay.refuse = () => ({ status: 550, text: 'gone' });
  await office.capability('deploy', {});
  await office.role(
    'ops',
    ['deploy'],
    [{ id: 'all', action: 'deploy', when: { field: 'action', eq: 'deploy' }, effect: 'review' }],
  );
  await office.person('erin');
  const bot = await office.agent('ops-bot', 'ops');
  const email = { host: '127.0.0.1', port: relay.port, security: 'none', from: 'first@acme.example' };
  await office.done('PUT', '/v1/channels/email', email);
  await office.act(bot.token, 'deploy', { n: 1 }, { prefer: 'respond-async' });
  failed = await eventually(async () => {
    const { body } = await office.call('GET', '/v1/channel-messages?status=failed');
    return body.data[0]?.id;
  });
  await relay.close();

  const { pepper } = loadServerKeys(office.server.config.data, undefined);
  const key = newCredential('live', pepper);
  const workspaceId = newId<string>('wsp');
  const owner = new pg.Client({ connectionString: office.server.ownerUrl });
  await owner.connect();
  await owner.query(`INSERT INTO workspaces (id, name) VALUES ($1, 'second')`, [workspaceId]);
  await owner.query('INSERT INTO workspace_state (workspace_id) VALUES ($1)', [workspaceId]);
  await owner.query(
    `INSERT INTO admin_keys (workspace_id, id, name, lookup_hmac, last4, created_by) VALUES ($1, $2, 'stranger', $3, $4, 'system')`,
    [workspaceId, newId('key'), key.lookupHmac, key.last4],
  );
  await owner.end();
  strangerKey = key.text.reveal();
});
afterAll(() => office.close());

it.each([
  ['GET', () => '/v1/channels', undefined, 200],
  ['GET', () => '/v1/channel-messages', undefined, 200],
  ['POST', () => `/v1/channel-messages/${failed}/retry`, {}, 'message_not_found'],
  ['POST', () => '/v1/channels/email/test', { to: 'x@second.example' }, 'channel_not_set'],
  ['DELETE', () => '/v1/channels/email', undefined, 'channel_not_set'],
  ['PUT', () => '/v1/channels/email', { host: 'mail.second.example', from: 'second@second.example' }, 200],
  ['GET', () => '/v1/channels', undefined, 200],
])('%s meets nothing of the first (%#)', async (method, path, body, expected) => {
  const answer = await office.call(method, path(), { key: strangerKey, ...(body === undefined ? {} : { body }) });
  expect(answer.body.error?.code ?? answer.status).toBe(expected);
  expect(JSON.stringify(answer.body)).not.toMatch(/acme\.example|apr_/);
});

it('is left as it was', async () => {
  const { body } = await office.call('GET', '/v1/channels');
  expect(body.data).toMatchObject([{ settings: { from: 'first@acme.example' }, failed: 1 }]);
});
