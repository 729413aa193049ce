/** Agents prove themselves by keys, workloads and on behalf of others; and lose all of it at once. */
import { createServer, type Server } from 'node:http';
import { Client, PrivateKeyJwtProvider, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import * as DPoP from 'dpop';
import { SignJWT, UnsecuredJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mcpServerCommand } from '../../../../test/setup/company.ts';
import { runCli } from '../../../cli/test/run-cli.ts';
import { addWorkspace } from '../agents/second-workspace.ts';
import { openWorld, type World } from '../agents/world.ts';
import {
  ACCESS_TOKEN,
  type Answered,
  assertion,
  type Claims,
  EXCHANGE,
  JWT_BEARER,
  type Key,
  login,
  newKey,
  post,
  sign,
  thumbprintOf,
  tokenOf,
} from './clients.ts';

let world: World;
let issuer: Server;
let issuerKeys: { keys: unknown[] } = { keys: [] };
let issuerUrl: string;

beforeAll(async () => {
  issuer = createServer((_req, res) => {
    res.setHeader('content-type', 'application/json');
    res.end(JSON.stringify(issuerKeys));
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => issuer.once('listening', resolve));
  const address = issuer.address();
  const port = address !== null && typeof address === 'object' ? address.port : 0;
  issuerUrl = `http://127.0.0.1:${port}/jwks`;
  world = await openWorld({ upstream_allow: [`127.0.0.1:${port}`] });
  await world.capability('tickets.close');
  await world.capability('tickets.read', { access: 'read' });
  await world.role('support', ['tickets.close', 'tickets.read']);
  await world.role('reader', ['tickets.read']);
});
afterAll(async () => {
  issuer.close();
  await world.server.close();
});

let made = 0;
/** An agent with a key. */
async function keyed(change: object = {}, credential: object = {}) {
  made += 1;
  const key = await newKey();
  const agent = await world.agent(`keyed-bot-${made}x`, { role: undefined, roles: ['support', 'reader'], ...change });
  const added = await world.ok('POST', `/v1/agents/${agent.id}/credentials`, {
    kind: 'key',
    jwk: key.jwk,
    ...credential,
  });
  return { id: agent.id as string, name: agent.name as string, key, credential: added };
}

const act = async (token: string, action = 'tickets.close', headers: object = {}) => {
  const answer = await fetch(`${world.server.url}/v1/actions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ action, arguments: {} }),
  });
  return { status: answer.status, headers: answer.headers, body: (await answer.json()) as Answered['body'] };
};
const acted = async (token: string, action?: string): Promise<string | number> => {
  const { status, body } = await act(token, action);
  return status === 200 ? 200 : (body.error?.code ?? body.code ?? status);
};

describe('a key of the agent', () => {
  it('gets an access token of five minutes, with which the agent acts', async () => {
    const agent = await keyed();
    const { status, body, headers } = await login(world, agent.id, agent.key);
    expect(status).toBe(200);
    expect(body).toEqual({
      access_token: expect.stringMatching(/^hka_[0-9A-Za-z]{49}$/),
      token_type: 'Bearer',
      expires_in: 300,
      scope: 'mcp http actions',
    });
    expect(headers.get('cache-control')).toBe('no-store');
    expect(await acted(body.access_token)).toBe(200);
    const [call] = await world.events(`kind=tool.call&agent=${agent.name}`, 1);
    expect(call).toMatchObject({ token_id: agent.credential.id });
    const { data } = await world.ok('GET', `/v1/agents/${agent.id}/credentials`);
    expect(data).toMatchObject([
      { id: agent.credential.id, kind: 'key', status: 'live', last_used_at: expect.any(Number) },
    ]);
    expect(await world.ok('GET', `/v1/agents/${agent.id}`)).toMatchObject({ first_credential_at: expect.any(Number) });
  });

  it.each(['EdDSA', 'ES384', 'PS256', 'RS256'])('may be one for %s', async (alg) => {
    const agent = await keyed();
    const key = await newKey(alg);
    await world.ok('POST', `/v1/agents/${agent.id}/credentials`, { kind: 'key', jwk: key.jwk });
    expect((await login(world, agent.id, key)).status).toBe(200);
  });

  it('is refused where it is no usable public key', async () => {
    const agent = await keyed();
    const add = (jwk: object) => world.refused('POST', `/v1/agents/${agent.id}/credentials`, { kind: 'key', jwk });
    const { jwk, privateJwk } = await newKey();
    expect(await add(privateJwk)).toBe('key_invalid');
    expect(await add({ kty: 'oct', k: 'c2VjcmV0' })).toBe('key_invalid');
    expect(await add({ ...jwk, x: jwk.y, y: jwk.x })).toBe('key_invalid');
    expect(await add({ ...jwk, alg: 'HS256' })).toBe('key_invalid');
    expect(await add({ ...jwk, crv: 'secp256k1' })).toBe('key_invalid');
    const small = await crypto.subtle.generateKey(
      { name: 'RSASSA-PKCS1-v1_5', modulusLength: 1024, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-256' },
      true,
      ['sign'],
    );
    const { kty = 'RSA', n, e } = await crypto.subtle.exportKey('jwk', small.publicKey);
    expect(await add({ kty, n, e })).toBe('key_invalid');
    expect(await add(agent.key.jwk)).toBe('key_known');
  });

  it('does nothing for an assertion that is not exactly for us, from it, and new', async () => {
    const { id, key } = await keyed();
    const other = await keyed();
    const now = Math.floor(Date.now() / 1000);
    const refusedWith = async (claims: Claims, header: object = {}, signer: Key = key) => {
      const form = { grant_type: 'client_credentials', ...(await assertion(world, id, signer, claims, header)) };
      const { status, body } = await post(world, '/oauth/token', form);
      return status === 200 ? 'taken' : `${status} ${body.error}`;
    };
    expect(await refusedWith({})).toBe('taken');
    for (const claims of [
      { aud: 'https://elsewhere.example' },
      { aud: [world.server.url] },
      { aud: [world.server.url, 'https://elsewhere.example'] },
      { aud: `${world.server.url}/oauth/token` },
      { aud: undefined },
      { sub: other.id },
      { sub: undefined },
      { iss: other.id },
      { jti: undefined },
      { jti: '' },
      { exp: undefined },
      { iat: undefined },
      { exp: now + 3600 },
      { iat: now - 400, exp: now - 100 },
      { iat: now + 120, exp: now + 180 },
      { nbf: now + 120 },
    ])
      expect([claims, await refusedWith(claims)]).toEqual([claims, '401 invalid_client']);
    expect(await refusedWith({}, {}, other.key)).toBe('401 invalid_client');
    expect(await refusedWith({}, { typ: 'dpop+jwt' })).toBe('401 invalid_client');
    expect(await refusedWith({}, { kid: 'nobody' })).toBe('401 invalid_client');
    expect(await refusedWith({}, { kid: await thumbprintOf(key) })).toBe('taken');
    const once = await assertion(world, id, key);
    const form = { grant_type: 'client_credentials', ...once };
    const both = await Promise.all([post(world, '/oauth/token', form), post(world, '/oauth/token', form)]);
    expect(both.map(({ status }) => status).sort()).toEqual([200, 401]);
    const [refusal] = await world.events(`kind=token.refused`, 1);
    expect(refusal).toMatchObject({ code: 'invalid_client', agent_id: expect.any(String) });
  });

  it('is not taken for another algorithm', async () => {
    const { id, key } = await keyed();
    const claims = { iss: id, sub: id, aud: world.server.url, jti: 'confused' };
    const none = new UnsecuredJWT(claims).setIssuedAt().setExpirationTime('2m').encode();
    const publicBytes = new TextEncoder().encode(JSON.stringify(key.jwk));
    const hmac = await new SignJWT(claims)
      .setProtectedHeader({ alg: 'HS256' })
      .setIssuedAt()
      .setExpirationTime('2m')
      .sign(publicBytes);
    for (const client_assertion of [none, hmac, 'x', '..', `${hmac}.x`]) {
      const form = {
        grant_type: 'client_credentials',
        client_assertion,
        client_assertion_type: (await assertion(world, id, key)).client_assertion_type,
      };
      expect((await post(world, '/oauth/token', form)).body.error).toBe('invalid_client');
    }
  });

  it('gets nothing that is not known or not the agent’s', async () => {
    const { id, key } = await keyed();
    const error = async (more: Record<string, string>) => (await login(world, id, key, more)).body.error;
    expect(await error({ resource: 'https://elsewhere.example/mcp' })).toBe('invalid_target');
    expect(await error({ resource: `${world.server.url}.evil.example/mcp` })).toBe('invalid_target');
    expect(await error({ resource: `${world.server.url}/v1/agents` })).toBe('invalid_target');
    expect(await error({ scope: 'mcp admin' })).toBe('invalid_scope');
    expect(await error({ scope: 'role:treasurer' })).toBe('invalid_scope');
    expect(await error({ scope: 'http', resource: `${world.server.url}/mcp` })).toBe('invalid_scope');
    expect(await error({ grant_type: 'password' })).toBe('unsupported_grant_type');
    const reader = await tokenOf(login(world, id, key, { scope: 'actions role:reader' }));
    expect(await acted(reader, 'tickets.read')).toBe(200);
    expect((await act(reader, 'tickets.close')).status).toBe(403);
  });

  it('is shown for this resource alone', async () => {
    const { id, key } = await keyed();
    const mcp = await tokenOf(login(world, id, key, { resource: `${world.server.url}/mcp` }));
    const narrow = await act(mcp);
    expect([narrow.status, narrow.body.error.code]).toEqual([401, 'token_audience']);
    const http = await tokenOf(login(world, id, key, { scope: 'http' }));
    const scoped = await act(http);
    expect([scoped.status, scoped.body.error.code]).toEqual([403, 'scope_missing']);
    expect(scoped.headers.get('www-authenticate')).toMatch(/error="insufficient_scope".*scope="actions"/);
  });
});

describe('every entrance', () => {
  it('takes what is for it, and says where the rest is from', async () => {
    const { id, key } = await keyed();
    const { url } = world.server;
    const at = async (path: string, more: Record<string, string>) => {
      const authorization = `Bearer ${await tokenOf(login(world, id, key, more))}`;
      const { status, headers } = await fetch(url + path, {
        method: path === '/mcp' ? 'POST' : 'GET',
        headers: { authorization },
      });
      const challenge = headers.get('www-authenticate') ?? '';
      return [status, /error="(\w+)"/.exec(challenge)?.[1], /resource_metadata="([^"]*)"/.exec(challenge)?.[1]];
    };
    expect((await at('/http/none', { resource: `${url}/http` }))[0]).not.toBe(401);
    const metadata = `${url}/.well-known/oauth-protected-resource`;
    expect(await at('/http/none', { resource: `${url}/mcp` })).toEqual([401, 'invalid_token', `${metadata}/http`]);
    expect(await at('/http/none', { scope: 'mcp' })).toEqual([403, 'insufficient_scope', `${metadata}/http`]);
    expect((await at('/v1/actions/capabilities', { resource: `${url}/v1` }))[0]).not.toBe(401);
    expect(await at('/v1/actions/capabilities', { resource: `${url}/http` })).toEqual([
      401,
      'invalid_token',
      `${metadata}/v1`,
    ]);
    // An access token manages nothing.
    expect(await at('/v1/agents', {})).toEqual([401, undefined, undefined]);
  });
});

describe('the command line', () => {
  it('registers, lists and ends', async () => {
    const agent = await world.agent('cli-keyed-bot', { role: 'support' });
    const { jwk } = await newKey();
    const env = { HIVEKEY_URL: world.server.url, HIVEKEY_KEY: world.server.adminKey };
    const run = (...args: string[]) => runCli(['--json', 'credential', ...args], { env, input: JSON.stringify(jwk) });
    const added = await run('add-key', agent.name, '--jwk', '-', '--dpop', '--expires', '30d');
    expect([added.code, added.err]).toEqual([0, '']);
    const made = JSON.parse(added.out);
    expect(made).toMatchObject({ kind: 'key', dpop: 'required', status: 'live' });
    expect(JSON.parse((await run('list', agent.name)).out)).toMatchObject({ data: [{ id: made.id }] });
    expect(JSON.parse((await run('revoke', agent.name, made.id)).out)).toMatchObject({ status: 'revoked' });
  });
});

describe('forms', () => {
  it('hold each parameter once, and are forms', async () => {
    const { id, key } = await keyed();
    const form = new URLSearchParams({
      grant_type: 'client_credentials',
      ...(await assertion(world, id, key)),
    }).toString();
    const error = async (body: string, headers: Record<string, string> = {}) =>
      (await post(world, '/oauth/token', body, headers)).body.error;
    expect(await error(`${form}&scope=mcp&scope=http`)).toBe('invalid_request');
    expect(await error(`${form}&grant_type=client_credentials`)).toBe('invalid_request');
    expect(await error(`${form}&x=%zz`)).toBe('invalid_request');
    expect(await error(`${form}&x=%ff`)).toBe('invalid_request');
    expect(await error('')).toBe('invalid_request');
    expect(await error(form, { 'content-type': 'application/json' })).toBe('invalid_request');
    expect(await error(`${form}&client_secret=x`)).toBe('invalid_client');
    expect(await error(form)).toBeUndefined();
  });
});

describe('ending', () => {
  it.each([
    [
      'the credential',
      (a: Awaited<ReturnType<typeof keyed>>) =>
        world.ok('POST', `/v1/agents/${a.id}/credentials/${a.credential.id}/revoke`),
    ],
    [
      'the agent',
      (a: Awaited<ReturnType<typeof keyed>>) => world.ok('POST', `/v1/agents/${a.id}/revoke`, { reason: 'test' }),
    ],
    [
      'the agent for a while',
      (a: Awaited<ReturnType<typeof keyed>>) => world.ok('POST', `/v1/agents/${a.id}/suspend`, { reason: 'test' }),
    ],
  ])('%s ends access tokens at once, and no more are given', async (_, end) => {
    const agent = await keyed();
    const token = await tokenOf(login(world, agent.id, agent.key));
    expect(await acted(token)).toBe(200);
    await end(agent);
    expect(await acted(token)).toMatch(/^(token_revoked|agent_revoked|agent_suspended)$/);
    expect((await login(world, agent.id, agent.key)).body.error).toBe('invalid_client');
  });

  it('the token itself, by its client or whoever holds it', async () => {
    const agent = await keyed();
    const other = await keyed();
    const token = await tokenOf(login(world, agent.id, agent.key));
    const narrowed = await tokenOf(
      post(world, '/oauth/token', {
        grant_type: EXCHANGE,
        subject_token: token,
        subject_token_type: ACCESS_TOKEN,
        scope: 'actions',
      }),
    );
    expect(await acted(narrowed)).toBe(200);
    const foreign = await post(world, '/oauth/revoke', { token, ...(await assertion(world, other.id, other.key)) });
    expect([foreign.status, foreign.body.error]).toEqual([400, 'unauthorized_client']);
    const look = (text: string, key = world.server.adminKey) =>
      post(world, '/oauth/introspect', { token: text }, { authorization: `Bearer ${key}` });
    expect((await look(token)).body).toMatchObject({ active: true, sub: agent.id, scope: 'mcp http actions' });
    expect((await look(token, 'hk_live_x')).status).toBe(401);
    expect(
      (await post(world, '/oauth/revoke', { token, ...(await assertion(world, agent.id, agent.key)) })).status,
    ).toBe(200);
    expect(await acted(token)).toBe('token_revoked');
    expect(await acted(narrowed)).toBe('token_revoked');
    expect((await look(token)).body).toEqual({ active: false });
    expect((await look('hka_nonsense')).body).toEqual({ active: false });
    expect((await post(world, '/oauth/revoke', { token: 'hka_nonsense' })).status).toBe(200);
  });
});

describe('workloads', () => {
  const subject = {
    sub: 'repo:acme/ops:environment:production',
    repository_id: '101',
    repository_owner_id: '7',
    environment: 'production',
  };
  const rule = { repository_id: '101', repository_owner_id: '7', environment: 'production' };

  it('are let in by exact claims of a trusted issuer', async () => {
    const signer = await newKey('RS256', 'one');
    issuerKeys = { keys: [signer.jwk] };
    const iss = 'https://token.actions.example';
    await world.ok('POST', '/v1/workload-issuers', { name: 'ci', kind: 'github', issuer: iss, jwks_url: issuerUrl });
    const agent = await world.agent('deploy-bot', { role: 'support' });
    const add = (claims: object) =>
      world.refused('POST', `/v1/agents/${agent.id}/credentials`, { kind: 'federation', issuer: 'ci', claims });
    expect(await add({ sub: 'repo:acme/*' })).toBe('claims_invalid');
    expect(await add({ repository: 'acme/ops', environment: 'production' })).toBe('claims_invalid');
    await world.ok('POST', `/v1/agents/${agent.id}/credentials`, { kind: 'federation', issuer: 'ci', claims: rule });
    const ask = async (claims: object, by: Key = signer, header: object = { kid: 'one' }) => {
      const jwt = await sign(by, { iss, aud: world.server.url, ...subject, ...claims }, header);
      return post(world, '/oauth/token', { grant_type: JWT_BEARER, assertion: jwt });
    };
    expect(await acted(await tokenOf(ask({})))).toBe(200);
    for (const claims of [
      { repository_id: '102' },
      { repository_id: 101 },
      { environment: undefined },
      { environment: ['production'] },
      { aud: 'sts.elsewhere.example' },
      { aud: [world.server.url, 'sts.elsewhere.example'] },
      { iss: `${iss}/` },
      { exp: Math.floor(Date.now() / 1000) - 60 },
      { exp: undefined },
      { jti: undefined },
    ])
      expect([claims, (await ask(claims)).body.error]).toEqual([claims, 'invalid_grant']);
    const stranger = await newKey('RS256', 'one');
    expect((await ask({}, stranger)).body.error).toBe('invalid_grant');
    const jwt = await sign(signer, { iss, aud: world.server.url, ...subject }, { kid: 'one' });
    expect((await post(world, '/oauth/token', { grant_type: JWT_BEARER, assertion: jwt })).status).toBe(200);
    expect((await post(world, '/oauth/token', { grant_type: JWT_BEARER, assertion: jwt })).body.error).toBe(
      'invalid_grant',
    );
    const token = await tokenOf(ask({}));
    expect(await acted(token)).toBe(200);
    await world.ok('DELETE', '/v1/workload-issuers/ci');
    expect(await acted(token)).toBe('token_revoked');
    expect((await ask({})).body.error).toBe('invalid_grant');
  });

  it('of Kubernetes and SPIFFE show what their kind has', async () => {
    const signer = await newKey('ES256', 'k');
    const iss = 'https://kubernetes.default.svc';
    await world.ok('POST', '/v1/workload-issuers', {
      name: 'cluster',
      kind: 'kubernetes',
      issuer: iss,
      jwks: { keys: [signer.jwk] },
    });
    await world.ok('POST', '/v1/workload-issuers', {
      name: 'mesh',
      kind: 'spiffe',
      issuer: 'spiffe://prod.acme.example',
      jwks: { keys: [{ ...signer.jwk, use: 'jwt-svid' }] },
    });
    const pod = await world.agent('pod-bot', { role: 'support' });
    const claims = { 'kubernetes.io': { namespace: 'ops', serviceaccount: { uid: 'u-1' } } };
    await world.ok('POST', `/v1/agents/${pod.id}/credentials`, { kind: 'federation', issuer: 'cluster', claims });
    const svid = await world.agent('mesh-bot', { role: 'support' });
    const sub = 'spiffe://prod.acme.example/ns/ops/sa/bot';
    await world.ok('POST', `/v1/agents/${svid.id}/credentials`, {
      kind: 'federation',
      issuer: 'mesh',
      claims: { sub },
    });
    const ask = async (token: Promise<string>) =>
      post(world, '/oauth/token', { grant_type: JWT_BEARER, assertion: await token });
    const now = Math.floor(Date.now() / 1000);
    const account = { iss, sub: 'system:serviceaccount:ops:bot', aud: [world.server.url], exp: now + 3600 };
    const projected = sign(
      signer,
      {
        ...account,
        'kubernetes.io': { namespace: 'ops', pod: { name: 'p' }, serviceaccount: { name: 'bot', uid: 'u-1' } },
      },
      { kid: 'k' },
    );
    expect((await ask(projected)).status).toBe(200);
    expect((await ask(projected)).status).toBe(200);
    const again = sign(
      signer,
      { ...account, 'kubernetes.io': { namespace: 'ops', serviceaccount: { name: 'bot', uid: 'u-2' } } },
      { kid: 'k' },
    );
    expect((await ask(again)).body.error).toBe('invalid_grant');
    expect(
      (await ask(sign(signer, { iss: undefined, jti: undefined, sub, aud: world.server.url }, { kid: 'k' }))).status,
    ).toBe(200);
    expect(
      (await ask(sign(signer, { sub, aud: world.server.url, iat: now - 900, exp: now + 60 }, { kid: 'k' }))).body.error,
    ).toBe('invalid_grant');
    expect((await ask(sign(signer, { sub: `${sub}2`, aud: world.server.url }, { kid: 'k' }))).body.error).toBe(
      'invalid_grant',
    );
    const { data } = await world.ok('GET', '/v1/workload-issuers');
    expect(data).toMatchObject([
      { name: 'mesh', rules: 1 },
      { name: 'cluster', rules: 1, key_ids: ['k'] },
      { name: 'ci', status: 'removed' },
    ]);
  });

  it('have no keys fetched from inside', async () => {
    const add = (jwks_url: string) =>
      world.refused('POST', '/v1/workload-issuers', {
        name: 'inside',
        kind: 'oidc',
        issuer: 'https://inside.example',
        jwks_url,
      });
    for (const url of [
      'http://127.0.0.1:1/jwks',
      'https://127.0.0.1/jwks',
      'https://169.254.169.254/latest',
      'https://[::ffff:127.0.0.1]/x',
      'https://0x7f000001/x',
      'file:///etc/passwd',
    ])
      expect(await add(url)).toMatch(/^provider_url_(refused|invalid)$/);
  });
});

describe('proofs of possession', () => {
  it('are asked for, checked, and count once', async () => {
    const agent = await keyed({}, { dpop: 'required' });
    const keypair = await DPoP.generateKeyPair('ES256', { extractable: true });
    const tokenUrl = `${world.server.url}/oauth/token`;
    const bare = await login(world, agent.id, agent.key);
    expect(bare.body.error).toBe('invalid_dpop_proof');
    const first = await login(
      world,
      agent.id,
      agent.key,
      {},
      { dpop: await DPoP.generateProof(keypair, tokenUrl, 'POST') },
    );
    expect(first.body.error).toBe('use_dpop_nonce');
    const nonce = first.headers.get('dpop-nonce') ?? '';
    const proof = await DPoP.generateProof(keypair, tokenUrl, 'POST', nonce);
    const given = await login(world, agent.id, agent.key, {}, { dpop: proof });
    expect(given.body).toMatchObject({ token_type: 'DPoP' });
    expect((await login(world, agent.id, agent.key, {}, { dpop: proof })).body.error).toBe('invalid_dpop_proof');
    const token: string = given.body.access_token;
    const url = `${world.server.url}/v1/actions`;
    const use = async (dpop: string, scheme = 'DPoP') => {
      const { status, body, headers } = await act(token, 'tickets.close', {
        authorization: `${scheme} ${token}`,
        dpop,
      });
      return status === 200
        ? 200
        : `${body.error.code} ${/^\w+|error="\w+"/.exec(headers.get('www-authenticate') ?? '')}`;
    };
    const good = () => DPoP.generateProof(keypair, url, 'POST', nonce, token);
    const kept = await good();
    expect(await use(kept)).toBe(200);
    expect(await use(kept)).toMatch(/^proof_invalid DPoP/);
    expect(await use(await good(), 'Bearer')).toMatch(/^proof_invalid/);
    expect(await acted(token)).toBe('proof_invalid');
    const thief = await DPoP.generateKeyPair('ES256');
    for (const wrong of [
      DPoP.generateProof(thief, url, 'POST', nonce, token),
      DPoP.generateProof(keypair, `${world.server.url}/mcp`, 'POST', nonce, token),
      DPoP.generateProof(keypair, url, 'GET', nonce, token),
      DPoP.generateProof(keypair, url, 'POST', nonce, 'hka_other'),
      DPoP.generateProof(keypair, url, 'POST', nonce),
    ])
      expect(await use(await wrong)).toMatch(/^proof_invalid/);
    expect(await use(await DPoP.generateProof(keypair, url, 'POST', undefined, token))).toMatch(/^proof_nonce/);
    expect(await use(await DPoP.generateProof(keypair, url, 'POST', `${nonce}x`, token))).toMatch(/^proof_nonce/);
    expect(await use(await good())).toBe(200);
    const plain = await world.token(agent.name);
    expect((await act(plain, 'tickets.close', { authorization: `DPoP ${plain}` })).status).toBe(401);
  });
});

describe('acting for another agent', () => {
  const delegate = async (
    parent: Awaited<ReturnType<typeof keyed>>,
    child: string,
    more: Record<string, string> = {},
  ) => tokenOf(login(world, parent.id, parent.key, { resource: `${world.server.url}/agents/${child}`, ...more }));
  const exchange = async (
    child: Awaited<ReturnType<typeof keyed>>,
    subject_token: string,
    more: Record<string, string> = {},
  ) =>
    post(world, '/oauth/token', {
      grant_type: EXCHANGE,
      subject_token,
      subject_token_type: ACCESS_TOKEN,
      ...(await assertion(world, child.id, child.key)),
      ...more,
    });

  it('takes a token made for it, and is never more than either of both', async () => {
    const parent = await keyed({ roles: ['reader'] });
    const child = await keyed({ roles: ['support', 'reader'] });
    const other = await keyed();
    const handed = await delegate(parent, child.name);
    expect(await acted(handed)).toBe('token_audience');
    expect((await exchange(other, handed)).body.error).toBe('invalid_grant');
    expect((await exchange(child, await tokenOf(login(world, parent.id, parent.key)))).body.error).toBe(
      'invalid_grant',
    );
    const token = await tokenOf(exchange(child, handed));
    expect(await acted(token, 'tickets.read')).toBe(200);
    expect((await act(token, 'tickets.close')).status).toBe(403);
    const [call] = await world.events(`kind=tool.call&agent=${child.name}`, 2);
    expect(call).toMatchObject({
      agent: child.name,
      chain: [{ agent: parent.name, agent_id: parent.id, owner: 'dana@acme.example' }],
    });
    await world.ok('PATCH', `/v1/agents/${parent.id}`, { roles: ['support'] });
    expect((await act(token, 'tickets.read')).status).toBe(200);
    await world.ok('POST', `/v1/agents/${parent.id}/suspend`, { reason: 'test' });
    expect(await acted(token)).toBe('delegation_ended');
    expect(await acted(await tokenOf(login(world, child.id, child.key)))).toBe(200);
  });

  it('ends with the token, the credential or the quarantine of the one it is for', async () => {
    for (const end of [
      async (parent: Awaited<ReturnType<typeof keyed>>, handed: string) =>
        post(world, '/oauth/revoke', { token: handed, ...(await assertion(world, parent.id, parent.key)) }),
      (parent: Awaited<ReturnType<typeof keyed>>) =>
        world.ok('POST', `/v1/agents/${parent.id}/credentials/${parent.credential.id}/revoke`),
      (parent: Awaited<ReturnType<typeof keyed>>) =>
        world.ok('POST', `/v1/agents/${parent.id}/quarantine`, { reason: 'test' }),
    ]) {
      const parent = await keyed();
      const child = await keyed();
      const handed = await delegate(parent, child.name);
      const token = await tokenOf(exchange(child, handed));
      expect(await acted(token)).toBe(200);
      await end(parent, handed);
      expect(await acted(token)).toBe('delegation_ended');
    }
  });

  it('spends what the one it is for may spend, and cannot be held', async () => {
    await world.capability('mail.send', { impact: { mails: { field: 'count' } } });
    await world.capability('mail.recall');
    await world.role(
      'mailer',
      ['mail.send', 'mail.recall'],
      [
        { id: 'pace', action: 'mail.send', effect: 'allow', when: { field: 'sum(mails, 24h)', lte: 10 } },
        {
          id: 'people',
          action: 'mail.recall',
          when: { field: 'why', exists: true },
          effect: 'review',
        },
      ],
    );
    const parent = await keyed({ roles: ['mailer'] });
    const child = await keyed({ roles: ['mailer'] });
    const own = await tokenOf(login(world, parent.id, parent.key));
    const token = await tokenOf(exchange(child, await delegate(parent, child.name)));
    const send = async (by: string, count: number) => {
      const { status, body } = await world.act(by, 'mail.send', { count });
      return status === 403 ? `refused: ${body.error.code}` : status;
    };
    expect(await send(own, 6)).toBe(200);
    // The child's own ten are untouched; of the parent's four are left.
    expect(await send(token, 5)).toBe('refused: action_denied');
    expect(await send(token, 4)).toBe(200);
    expect(await send(own, 1)).toBe('refused: action_denied');
    const alone = await tokenOf(login(world, child.id, child.key));
    expect(await send(alone, 7)).toBe('refused: action_denied');
    expect(await send(alone, 6)).toBe(200);
    const held = await world.call('POST', '/v1/actions', {
      key: token,
      body: { action: 'mail.recall', arguments: { why: 'x' } },
      headers: { prefer: 'respond-async' },
    });
    expect(held.status).not.toBe(200);
    expect((await world.ok('GET', '/v1/approvals')).data).toEqual([]);
  });

  it('never begins after the stop of the one it is for', async () => {
    const parent = await keyed();
    const child = await keyed();
    const token = await tokenOf(exchange(child, await delegate(parent, child.name)));
    expect(await acted(token)).toBe(200);
    const asking = Array.from({ length: 20 }, () => acted(token));
    await world.ok('POST', `/v1/agents/${parent.id}/revoke`, { reason: 'test' });
    const after = Array.from({ length: 20 }, () => acted(token));
    expect(new Set(await Promise.all(after))).toEqual(new Set(['delegation_ended']));
    await Promise.all(asking);
    const records = await world.events(`agent=${child.name}&kind=tool.call&limit=100`, 40);
    const [stop] = await world.events(`agent=${parent.name}&kind=agent.revoked`, 1);
    expect(records.filter(({ verdict, seq }) => verdict === 'allow' && seq > stop.seq)).toEqual([]);
  });

  it('goes no deeper than three, and in no circle', async () => {
    const chain = [await keyed(), await keyed(), await keyed(), await keyed(), await keyed()];
    const [first, second] = chain;
    if (first === undefined || second === undefined) throw new Error('there are five');
    let handed = await delegate(first, second.name);
    for (const [i, agent] of chain.slice(1).entries()) {
      const next = chain[i + 2];
      const answer = await exchange(
        agent,
        handed,
        next === undefined ? {} : { resource: `${world.server.url}/agents/${next.name}` },
      );
      if (i === 3) expect(answer.body.error).toBe('invalid_grant');
      else handed = answer.body.access_token;
      if (i === 0)
        expect(
          (
            await exchange(
              first,
              await tokenOf(
                exchange(agent, await delegate(first, agent.name), {
                  resource: `${world.server.url}/agents/${first.name}`,
                }),
              ),
            )
          ).body.error,
        ).toBe('invalid_grant');
    }
  });
});

describe('other workspaces', () => {
  it('neither see nor end credentials and issuers', async () => {
    const agent = await keyed();
    const token = await tokenOf(login(world, agent.id, agent.key));
    const key = await addWorkspace(world.server);
    const refused = (method: string, path: string, body?: unknown) => world.refused(method, path, body, { key });
    expect(await refused('GET', `/v1/agents/${agent.id}/credentials`)).toBe('agent_not_found');
    expect(await refused('POST', `/v1/agents/${agent.id}/credentials/${agent.credential.id}/revoke`)).toBe(
      'agent_not_found',
    );
    expect(await refused('DELETE', '/v1/workload-issuers/cluster')).toBe('issuer_not_found');
    expect((await world.ok('GET', '/v1/workload-issuers', undefined, { key })).data).toEqual([]);
    const look = await post(world, '/oauth/introspect', { token }, { authorization: `Bearer ${key}` });
    expect(look.body).toEqual({ active: false });
  });
});

describe('clients of MCP', () => {
  it('find out how to log in, and do', async () => {
    await world.ok('POST', '/v1/mcp/servers', {
      namespace: 'memory',
      command: mcpServerCommand('memory'),
      default_access: 'read-write',
      trust_annotations: true,
    });
    await world.role('rememberer', ['memory.read_graph']);
    const agent = await keyed({ roles: ['rememberer'] });
    const { key } = agent;
    const url = `${world.server.url}/mcp`;
    const bare = await fetch(url, { method: 'POST', body: '{}', headers: { 'content-type': 'application/json' } });
    expect(bare.status).toBe(401);
    expect(bare.headers.get('www-authenticate')).toBe(
      `Bearer realm="hivekey", resource_metadata="${world.server.url}/.well-known/oauth-protected-resource/mcp", scope="mcp"`,
    );
    const metadata = await (await fetch(`${world.server.url}/.well-known/oauth-protected-resource/mcp/crm`)).json();
    expect(metadata).toMatchObject({ resource: `${url}/crm`, authorization_servers: [world.server.url] });
    const authProvider = new PrivateKeyJwtProvider({
      clientId: agent.id,
      privateKey: { ...key.privateJwk },
      algorithm: 'ES256',
      expectedIssuer: world.server.url,
    });
    const client = new Client({ name: 'test', version: '1' });
    await client.connect(new StreamableHTTPClientTransport(new URL(url), { authProvider }));
    const [tool] = (await client.listTools()).tools;
    expect(tool?.name).toBe('memory__read_graph');
    expect(await client.callTool({ name: 'memory__read_graph', arguments: {} })).toMatchObject({
      content: [{ type: 'text' }],
    });
    expect(authProvider.tokens()).toMatchObject({ scope: 'mcp', token_type: 'Bearer' });
    expect(await acted(String(authProvider.tokens()?.access_token))).toBe('token_audience');
    await client.close();
  });
});
