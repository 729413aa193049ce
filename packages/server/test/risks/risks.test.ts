/** Risk signals over HTTP: from administrators, and as security event tokens signed by a detector. */
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { startTestServer, type TestServer } from '../../../../test/setup/server.ts';
import { type Client, clientOf } from '../api/client.ts';

const ISSUER = 'https://detector.acme.example';
const AUDIENCE = 'https://hivekey.acme.example';
const LEVEL_CHANGE = 'https://schemas.openid.net/secevent/caep/event-type/risk-level-change';

let server: TestServer;
let call: Client;
let token: string;
let keys: Awaited<ReturnType<typeof generateKeyPair>>;
let tokens = 0;

const act = (action: string) =>
  call('POST', '/v1/actions', { key: token, body: { action }, headers: { prefer: 'respond-async' } });
const raise = (body: object) => call('POST', '/v1/risks', { body });

interface Change {
  readonly claims?: object;
  readonly header?: object;
  readonly key?: Awaited<ReturnType<typeof generateKeyPair>>['privateKey'];
  readonly algorithm?: string;
}

async function event(
  subId: object | undefined,
  events: object,
  { claims = {}, header = {}, key, algorithm = 'ES256' }: Change = {},
) {
  tokens += 1;
  const payload = {
    iss: ISSUER,
    aud: AUDIENCE,
    jti: `jti-${tokens}`,
    events,
    ...(subId === undefined ? {} : { sub_id: subId }),
    ...claims,
  };
  const iat = 'iat' in claims ? undefined : Math.floor(Date.now() / 1000);
  const jwt = new SignJWT(iat === undefined ? payload : { ...payload, iat });
  return jwt
    .setProtectedHeader({ alg: algorithm, typ: 'secevent+jwt', kid: 'one', ...header })
    .sign(key ?? keys.privateKey);
}

const push = (body: string) =>
  call('POST', '/v1/security-events', { key: null, body, headers: { 'content-type': 'application/secevent+jwt' } });

const level = (current_level: string) => ({
  [LEVEL_CHANGE]: { current_level, risk_reason: 'odd hours', event_timestamp: 1 },
});
const BOT = { format: 'opaque', id: 'pay-bot' };

beforeAll(async () => {
  server = await startTestServer();
  call = clientOf(server);
  for (const name of ['payments.pay', 'crm.read'])
    await call('PUT', `/v1/capabilities/${name}`, { body: { access: 'write', description: '' } });
  const guards = ['risk_signal(high) → require approval', 'risk_signal(critical) → deny'];
  await call('POST', '/v1/roles', { body: { name: 'pay', scope: { allow: ['payments.pay', 'crm.read'] }, guards } });
  await call('POST', '/v1/agents', { body: { name: 'pay-bot', role: 'pay', owner: 'dana@acme.example' } });
  ({ token } = (await call('POST', '/v1/tokens', { body: { agent: 'pay-bot' } })).body);
  keys = await generateKeyPair('ES256', { extractable: true });
  const jwk = { ...(await exportJWK(keys.publicKey)), kid: 'one' };
  const transmitter = { issuer: ISSUER, audience: AUDIENCE, jwks: { keys: [jwk] } };
  expect((await call('PUT', '/v1/risk-transmitters/edr', { body: transmitter })).status).toBe(200);
});
afterAll(() => server.close());

async function clearAll() {
  const { body } = await call('GET', '/v1/risks?active=true');
  for (const { id } of body.data) await call('POST', `/v1/risks/${id}/clear`, { body: { reason: 'looked at' } });
}

describe('a signal that an administrator raises', () => {
  test.each([
    ['agent', 'pay-bot'],
    ['owner', 'dana@acme.example'],
    ['tool', 'payments.pay'],
  ])('about the %s binds the next action, until it is cleared', async (kind, id) => {
    expect((await act('payments.pay')).status).toBe(200);
    const raised = await raise({ subject: { kind, id }, level: 'critical', reason: 'a test' });
    expect(raised.status).toBe(201);
    expect(raised.body).toMatchObject({ status: 'active', subject: { kind, name: id }, source: 'key:first' });
    const refused = await act('payments.pay');
    expect([refused.status, refused.body.decision.rule]).toEqual([403, 'R2']);
    const dry = await call('POST', '/v1/policies/evaluate', { body: { agent: 'pay-bot', action: 'payments.pay' } });
    expect(dry.body.verdict).toBe('deny');
    expect((await act('crm.read')).status).toBe(kind === 'tool' ? 200 : 403);
    const cleared = await call('POST', `/v1/risks/${raised.body.id}/clear`);
    expect(cleared.body).toMatchObject({ status: 'cleared', cleared_by: 'key:first' });
    expect((await act('payments.pay')).status).toBe(200);
  });

  test('at a lower level holds for approval, and the highest that stands counts', async () => {
    await raise({ subject: { kind: 'agent', id: 'pay-bot' }, level: 'high' });
    expect((await act('payments.pay')).status).toBe(202);
    await raise({ subject: { kind: 'tool', id: 'payments.pay' }, level: 'low' });
    expect((await act('payments.pay')).status).toBe(202);
    await clearAll();
    expect((await act('payments.pay')).status).toBe(200);
  });

  test('about a tool moves the number of the policy on, and leaves the policy and its history as they are', async () => {
    const current = (await call('GET', '/v1/policies/current')).body;
    const numberOf = async () => (await act('crm.read')).body.decision.policy_revision as number;
    const before = await numberOf();
    const { body: risk } = await raise({ subject: { kind: 'tool', id: 'payments.pay' }, level: 'low' });
    await call('POST', `/v1/risks/${risk.id}/clear`, { body: {} });
    const after = await numberOf();
    expect(after).toBe(before + 2);
    expect((await call('GET', '/v1/policies/current')).body).toEqual(current);
    // a record names the number, and finds the policy that it stood for
    expect((await call('GET', `/v1/policies/${after}`)).body).toEqual(current);
    expect((await call('GET', `/v1/policies/${after + 1}`)).status).toBe(404);
  });

  test('ends by itself', async () => {
    await raise({ subject: { kind: 'agent', id: 'pay-bot' }, level: 'critical', expires_in_seconds: 1 });
    expect((await act('payments.pay')).status).toBe(403);
    await vi.waitFor(async () => expect((await act('payments.pay')).status).toBe(200), {
      timeout: 5_000,
      interval: 50,
    });
    expect((await call('GET', '/v1/risks?limit=1')).body.data).toMatchObject([{ status: 'expired' }]);
  });

  test.each([
    [{ kind: 'agent', id: 'nobody' }, 'agent_not_found'],
    [{ kind: 'owner', id: 'nobody@acme.example' }, 'person_not_found'],
    [{ kind: 'tool', id: 'no.such' }, 'capability_not_found'],
  ])('about %j is refused', async (subject, code) => {
    expect((await raise({ subject, level: 'high' })).body.error.code).toBe(code);
  });

  test('is on the log', async () => {
    await vi.waitFor(async () => {
      const { body } = await call('GET', '/v1/audit/events?kind=risk.raised&order=asc&limit=1');
      expect(body.data).toMatchObject([
        { level: 'critical', subject: { kind: 'agent', name: 'pay-bot' }, reason: 'a test' },
      ]);
    });
  });
});

describe('a security event token', () => {
  test.each<[string, object, number]>([
    ['about an agent by its handle', BOT, 403],
    ['about an owner by the e-mail', { format: 'email', email: 'dana@acme.example' }, 403],
    ['about a tool', { format: 'uri', uri: 'hivekey:tool:payments.pay' }, 403],
  ])('%s raises what it says, once', async (_, subject, status) => {
    const set = await event(subject, level('CRITICAL'));
    expect((await push(set)).status).toBe(202);
    expect((await act('payments.pay')).status).toBe(status);
    await clearAll();
    // The same token again is taken without effect.
    expect((await push(set)).status).toBe(202);
    expect((await act('payments.pay')).status).toBe(200);
  });

  test('of CAEP and RISC kinds has a level by its kind; of another kind none', async () => {
    const session = { 'https://schemas.openid.net/secevent/caep/event-type/session-revoked': { event_timestamp: 1 } };
    expect((await push(await event(BOT, session))).status).toBe(202);
    expect((await act('payments.pay')).status).toBe(202);
    await clearAll();
    const verification = { 'https://schemas.openid.net/secevent/ssf/event-type/verification': { state: 'x' } };
    expect((await push(await event(undefined, verification))).status).toBe(202);
    expect((await act('payments.pay')).status).toBe(200);
  });

  const now = () => Math.floor(Date.now() / 1000);
  const forged = async () => (await generateKeyPair('ES256')).privateKey;
  test.each<[string, () => Promise<string>, string]>([
    ['that is none', async () => 'not a token', 'invalid_request'],
    [
      'of an unknown issuer',
      () => event(BOT, level('HIGH'), { claims: { iss: 'https://else.example' } }),
      'invalid_issuer',
    ],
    [
      'for somebody else',
      () => event(BOT, level('HIGH'), { claims: { aud: 'https://else.example' } }),
      'invalid_issuer',
    ],
    ['signed by another key', async () => event(BOT, level('HIGH'), { key: await forged() }), 'authentication_failed'],
    ['of an unknown key', () => event(BOT, level('HIGH'), { header: { kid: 'two' } }), 'invalid_key'],
    ['of another type', () => event(BOT, level('HIGH'), { header: { typ: 'JWT' } }), 'invalid_request'],
    ['that is old', () => event(BOT, level('HIGH'), { claims: { iat: now() - 90_000 } }), 'invalid_request'],
    ['from the future', () => event(BOT, level('HIGH'), { claims: { iat: now() + 600 } }), 'invalid_request'],
    ['without a time', () => event(BOT, level('HIGH'), { claims: { iat: undefined } }), 'invalid_request'],
    ['without a jti', () => event(BOT, level('HIGH'), { claims: { jti: undefined } }), 'invalid_request'],
    ['with two events', () => event(BOT, { ...level('HIGH'), 'urn:x': {} }), 'invalid_request'],
    ['with a level that is none', () => event(BOT, level('PURPLE')), 'invalid_request'],
    ['without a subject', () => event(undefined, level('HIGH')), 'invalid_request'],
    ['about nobody', () => event({ format: 'opaque', id: 'nobody' }, level('HIGH')), 'invalid_request'],
    [
      'without a signature',
      async () => {
        const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
        const payload = { iss: ISSUER, aud: AUDIENCE, jti: 'n', iat: now(), sub_id: BOT, events: level('CRITICAL') };
        return `${part({ alg: 'none', typ: 'secevent+jwt' })}.${part(payload)}.`;
      },
      'authentication_failed',
    ],
  ])('%s is refused', async (_, make, err) => {
    const answer = await push(await make());
    expect([answer.status, answer.body.err]).toEqual([400, err]);
    expect((await act('payments.pay')).status).toBe(200);
  });
});

test('a transmitter is listed and removed, and then believed no more; private keys are refused', async () => {
  const list = await call('GET', '/v1/risk-transmitters');
  expect(list.body.data).toMatchObject([{ name: 'edr', issuer: ISSUER, lasts_seconds: 86_400 }]);
  const jwk = await exportJWK(keys.privateKey);
  const secret = await call('PUT', '/v1/risk-transmitters/bad', {
    body: { issuer: 'x', audience: 'y', jwks: { keys: [jwk] } },
  });
  expect(secret.status).toBe(400);
  const set = await event(BOT, level('CRITICAL'));
  expect((await call('DELETE', '/v1/risk-transmitters/edr')).status).toBe(200);
  expect((await push(set)).body.err).toBe('invalid_issuer');
});
