/** Agents sign in through a browser: who owns an agent lets a client be it, and everybody else does not. */
import { createHash, randomBytes } from 'node:crypto';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import * as DPoP from 'dpop';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { runCli } from '../../../cli/test/run-cli.ts';
import { Documents } from '../../src/agent-auth/browser/documents.ts';
import { redirectOf } from '../../src/agent-auth/browser/question.ts';
import { addWorkspace } from '../agents/second-workspace.ts';
import { openWorld, type World } from '../agents/world.ts';
import type { Answer } from '../api/client.ts';
import { Browser } from '../sign-in/browser.ts';
import { ClientSite } from './client-site.ts';
import { type Answered, newKey, post, sign } from './clients.ts';

const SYSTEM = getCACertificates('default');
let world: World;
let site: ClientSite;
let desk: string;
/** Admin key of a person of another workspace. */
let strangerKey: string;
/** Admin keys of people. */
const keys: Record<string, string> = {};

beforeAll(async () => {
  site = await ClientSite.start();
  setDefaultCACertificates([...SYSTEM, ClientSite.certificate]);
  world = await openWorld({ upstream_allow: [site.host] });
  await world.capability('tickets.close');
  await world.role('support', ['tickets.close']);
  await world.role('reader', []);
  for (const name of ['dana', 'eve', 'olaf']) {
    await world.ok('POST', '/v1/people', { email: `${name}@acme.example` });
    ({ key: keys[name] } = await world.ok('POST', '/v1/keys', { name, person: `${name}@acme.example` }));
  }
  desk = site.serve('/desk.json');
  strangerKey = await addWorkspace(world.server);
});
afterAll(async () => {
  setDefaultCACertificates(SYSTEM);
  await world.server.close();
  await site.close();
});

let made = 0;
const newAgent = async (change: object = {}): Promise<{ id: string; name: string }> => {
  made += 1;
  return world.agent(`desk-bot-${made}x`, { role: undefined, roles: ['support', 'reader'], ...change });
};

async function browserOf(name: string | undefined, key = keys[name ?? '']): Promise<Browser> {
  const browser = new Browser(world.call, world.server.url);
  if (key !== undefined) {
    expect((await browser.request('POST', '/v1/session', { key })).status).toBe(201);
    await browser.session();
  }
  return browser;
}

/** What no route does. */
async function asOwner(sql: string, values: readonly unknown[] = []): Promise<pg.QueryResult['rows']> {
  const client = new pg.Client({ connectionString: world.server.ownerUrl });
  await client.connect();
  const { rows } = await client.query(sql, [...values]);
  await client.end();
  return rows;
}

const verifierOf = () => randomBytes(32).toString('base64url');
const challengeOf = (verifier: string) => createHash('sha256').update(verifier).digest('base64url');

const asks = (verifier: string, change: Readonly<Record<string, string | undefined>> = {}): string => {
  const all = {
    response_type: 'code',
    client_id: desk,
    redirect_uri: 'https://desk.example/back',
    code_challenge: challengeOf(verifier),
    code_challenge_method: 'S256',
    state: 'state-of-the-client',
    resource: `${world.server.url}/mcp`,
    ...change,
  };
  const kept = Object.entries(all).filter((pair): pair is [string, string] => pair[1] !== undefined);
  return `/oauth/authorize?${new URLSearchParams(kept)}`;
};

/** The id of the request that the browser is asked about. */
async function asked(browser: Browser, target: string): Promise<string> {
  const { status, headers, body } = await browser.request('GET', target);
  expect([status, headers.get('location') ?? body]).toEqual([303, expect.stringMatching(/^\/connect\/[\w-]+$/)]);
  return (headers.get('location') ?? '').slice('/connect/'.length);
}

/** What the client finds at its own address: from the answer of the person. */
async function back(browser: Browser, { status, body }: Answer): Promise<URL> {
  expect([status, body]).toEqual([200, { url: expect.stringContaining(`${world.server.url}/oauth/authorize/`) }]);
  const { headers } = await browser.request('GET', body.url.slice(world.server.url.length));
  return new URL(headers.get('location') ?? '');
}

interface Signed {
  readonly agent: { readonly id: string; readonly name: string };
  readonly code: string;
  readonly verifier: string;
  readonly clientId: string;
}

/** Dana lets the client be an agent of hers. */
async function signed(
  change: Record<string, string | undefined> = {},
  agent?: Signed['agent'],
  body: object = {},
): Promise<Signed> {
  const verifier = verifierOf();
  const which = agent ?? (await newAgent());
  const browser = await browserOf('dana');
  const id = await asked(browser, asks(verifier, change));
  const allowed = await browser.request('POST', `/v1/connection-requests/${id}/allow`, { agent: which.id, ...body });
  const url = await back(browser, allowed);
  return { agent: which, code: url.searchParams.get('code') ?? '', verifier, clientId: change.client_id ?? desk };
}

const redeem = (
  { code, verifier, clientId }: Signed,
  change: Record<string, string> = {},
  headers = {},
): Promise<Answered> =>
  post(
    world,
    '/oauth/token',
    {
      grant_type: 'authorization_code',
      code,
      code_verifier: verifier,
      client_id: clientId,
      redirect_uri: 'https://desk.example/back',
      ...change,
    },
    headers,
  );
const refreshed = (token: string, change: Record<string, string> = {}, headers = {}): Promise<Answered> =>
  post(
    world,
    '/oauth/token',
    { grant_type: 'refresh_token', refresh_token: token, client_id: desk, ...change },
    headers,
  );

/** A token of the whole server, so that the decision API takes it. */
async function connected(agent?: Signed['agent']) {
  const flow = await signed({ resource: world.server.url }, agent);
  const { status, body } = await redeem(flow);
  expect([status, body]).toMatchObject([200, { token_type: 'Bearer' }]);
  return { ...flow, access: body.access_token as string, refresh: body.refresh_token as string };
}
const acts = async (token: string): Promise<string | number> => {
  const { status, body } = await world.act(token, 'tickets.close');
  return status === 200 ? 200 : (body.error?.code ?? status);
};
const errorOf = ({ status, body }: Answered): string => (status === 200 ? 'taken' : body.error);

describe('signing in', () => {
  it('makes the client the agent, on the word of the person who owns it', async () => {
    const agent = await newAgent();
    const browser = await browserOf('dana');
    const verifier = verifierOf();
    const id = await asked(browser, asks(verifier));
    const question = await browser.request('GET', `/v1/connection-requests/${id}`);
    expect(question.body).toMatchObject({
      client_id: desk,
      client_name: 'Desk',
      client_host: site.host,
      redirect_host: 'desk.example',
      redirect_kind: 'public',
      resource: `${world.server.url}/mcp`,
      entrances: ['mcp'],
      person: 'dana@acme.example',
    });
    expect(question.body.agents).toContainEqual({ id: agent.id, name: agent.name, roles: ['support', 'reader'] });
    const allowed = await browser.request('POST', `/v1/connection-requests/${id}/allow`, {
      agent: agent.name,
      role: 'reader',
    });
    const url = await back(browser, allowed);
    expect(url.origin + url.pathname).toBe('https://desk.example/back');
    expect(Object.fromEntries(url.searchParams)).toEqual({
      code: expect.stringMatching(/^[\w-]{43}$/),
      state: 'state-of-the-client',
      iss: world.server.url,
    });
    const code = url.searchParams.get('code') ?? '';
    const answer = await redeem({ agent, code, verifier, clientId: desk });
    expect([answer.status, answer.body]).toEqual([
      200,
      {
        access_token: expect.stringMatching(/^hka_[0-9A-Za-z]{49}$/),
        token_type: 'Bearer',
        expires_in: 300,
        scope: 'mcp',
        refresh_token: expect.stringMatching(/^hkr_[0-9A-Za-z]{49}$/),
      },
    ]);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    const { data } = await world.ok('GET', `/v1/agents/${agent.id}/credentials`);
    expect(data).toMatchObject([
      {
        kind: 'connection',
        name: 'Desk',
        role: 'reader',
        status: 'live',
        created_by: 'key:dana',
        connection: {
          client_id: desk,
          client_host: site.host,
          person: 'dana@acme.example',
          resource: '/mcp',
          entrances: ['mcp'],
        },
      },
    ]);
    const [allowance] = await world.events(`kind=connection.allowed&agent=${agent.name}`, 1);
    expect(allowance).toMatchObject({
      actor: 'key:dana',
      client_id: desk,
      client: 'Desk',
      role: 'reader',
      resource: '/mcp',
    });
    const [added] = await world.events(`kind=credential.added&agent=${agent.name}`, 1);
    expect(added).toMatchObject({
      credential_id: data[0].id,
      credential_kind: 'connection',
      consent_id: allowance.consent_id,
    });
    const [issued] = await world.events(`kind=token.issued&agent=${agent.name}`, 1);
    expect(issued).toMatchObject({ grant: 'authorization_code', token_id: data[0].id, client_id: desk });
    expect(await world.ok('GET', `/v1/agents/${agent.id}/authority`)).toMatchObject({
      credentials: [{ kind: 'connection' }],
    });
  });

  it('goes on with refresh tokens that are good once', async () => {
    const { agent, access, refresh } = await connected();
    expect(await acts(access)).toBe(200);
    const second = await refreshed(refresh);
    expect(second.status).toBe(200);
    expect(await acts(second.body.access_token)).toBe(200);
    const narrowed = await refreshed(second.body.refresh_token, { resource: `${world.server.url}/mcp` });
    expect(narrowed.body).toMatchObject({ scope: 'mcp' });
    expect(await acts(narrowed.body.access_token)).toBe('token_audience');
    // Somebody shows one whose next one was used: all of it ends, also what the thief, or the robbed one, has since.
    expect(errorOf(await refreshed(refresh))).toBe('invalid_grant');
    expect(await acts(second.body.access_token)).toBe('token_revoked');
    expect(errorOf(await refreshed(narrowed.body.refresh_token))).toBe('invalid_grant');
    const [ended] = await world.events(`kind=credential.revoked&agent=${agent.name}`, 1);
    expect(ended).toMatchObject({
      actor: 'system',
      reason: 'a refresh token was used twice',
      credential_kind: 'connection',
    });
  });

  it('gives requests that refresh at a time a token each, of which one goes on', async () => {
    const { access, refresh } = await connected();
    const [first, second] = await Promise.all([refreshed(refresh), refreshed(refresh)]);
    expect([first.status, second.status]).toEqual([200, 200]);
    expect(first.body.refresh_token).not.toBe(second.body.refresh_token);
    const next = await refreshed(second.body.refresh_token);
    expect(next.status).toBe(200);
    for (const token of [access, first.body.access_token, second.body.access_token, next.body.access_token])
      expect(await acts(token)).toBe(200);
    // The other one is in the hands of somebody else, or of whoever that was taken from.
    expect(errorOf(await refreshed(first.body.refresh_token))).toBe('invalid_grant');
    expect(await acts(next.body.access_token)).toBe('token_revoked');
    expect(errorOf(await refreshed(next.body.refresh_token))).toBe('invalid_grant');
  });

  it('ends when a refresh token is shown again later, whatever became of the next one', async () => {
    const { access, refresh } = await connected();
    const next = await refreshed(refresh);
    await asOwner("UPDATE refresh_tokens SET used_at = used_at - interval '11 seconds' WHERE used_at IS NOT NULL");
    expect(errorOf(await refreshed(refresh))).toBe('invalid_grant');
    expect(await acts(access)).toBe('token_revoked');
    expect(await acts(next.body.access_token)).toBe('token_revoked');
  });

  it('comes to nothing when the person says no', async () => {
    const browser = await browserOf('dana');
    const id = await asked(browser, asks(verifierOf()));
    const url = await back(browser, await browser.request('POST', `/v1/connection-requests/${id}/refuse`, {}));
    expect(Object.fromEntries(url.searchParams)).toMatchObject({
      error: 'access_denied',
      state: 'state-of-the-client',
      iss: world.server.url,
    });
    const [refusal] = await world.events('kind=connection.refused', 1);
    expect(refusal).toMatchObject({ actor: 'key:dana', client_id: desk });
    // And is not asked again by the same request.
    expect((await browser.request('GET', `/v1/connection-requests/${id}`)).status).toBe(404);
  });

  it('binds the tokens to a key of the client that proves one', async () => {
    const flow = await signed({ resource: world.server.url });
    const keyPair = await DPoP.generateKeyPair('ES256');
    const htu = `${world.server.url}/oauth/token`;
    const proof = async (nonce?: string) => ({ DPoP: await DPoP.generateProof(keyPair, htu, 'POST', nonce) });
    const first = await redeem(flow, {}, await proof());
    expect(errorOf(first)).toBe('use_dpop_nonce');
    const nonce = first.headers.get('dpop-nonce') ?? '';
    // The code was not spent.
    const { status, body } = await redeem(flow, {}, await proof(nonce));
    expect([status, body.token_type]).toEqual([200, 'DPoP']);
    expect(await acts(body.access_token)).not.toBe(200);
    expect(errorOf(await refreshed(body.refresh_token))).toBe('invalid_dpop_proof');
    expect((await refreshed(body.refresh_token, {}, await proof(nonce))).body.token_type).toBe('DPoP');
  });

  it('serves clients that an administrator has registered, without a document, and any port of their own machine', async () => {
    const client = await world.ok('POST', '/v1/oauth-clients', {
      name: 'Terminal',
      redirect_uris: ['http://localhost/callback'],
    });
    const redirect = 'http://localhost:51234/callback';
    const flow = await signed({ client_id: client.id, redirect_uri: redirect });
    const { status, body } = await redeem(flow, { redirect_uri: redirect });
    expect([status, body.scope]).toEqual([200, 'mcp']);
    expect((await world.ok('GET', '/v1/oauth-clients')).data).toMatchObject([
      { id: client.id, connections: 1, status: 'active' },
    ]);
    expect(await world.ok('DELETE', `/v1/oauth-clients/${client.id}`)).toMatchObject({
      status: 'removed',
      connections: 0,
    });
    expect(errorOf(await refreshed(body.refresh_token, { client_id: client.id }))).toBe('invalid_client');
    const { headers } = await (await browserOf('dana')).request(
      'GET',
      asks(verifierOf(), { client_id: client.id, redirect_uri: redirect }),
    );
    expect(headers.get('location')).toBeNull();
    for (const uri of [
      'http://desk.example/back',
      'https://localhost/back',
      'javascript:alert(1)',
      'https://desk.example/#x',
      'back',
    ])
      expect(await world.refused('POST', '/v1/oauth-clients', { name: 'Bad', redirect_uris: [uri] })).toBe(
        'request_invalid',
      );
  });

  it('takes a client that signs for itself, once for each assertion, and for us alone', async () => {
    const key = await newKey();
    const clientId = site.serve('/signing.json', {
      token_endpoint_auth_method: 'private_key_jwt',
      jwks: { keys: [{ ...key.jwk, kid: 'one', use: 'sig' }] },
    });
    const assertionFor = async (aud: unknown) => ({
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: await sign(key, { iss: clientId, sub: clientId, aud }, { kid: 'one' }),
    });
    const flow = await signed({ client_id: clientId });
    expect(errorOf(await redeem(flow))).toBe('invalid_client');
    for (const aud of [
      `${world.server.url}/oauth/token`,
      [world.server.url, 'https://elsewhere.example'],
      'https://elsewhere.example',
    ])
      expect(errorOf(await redeem(flow, await assertionFor(aud)))).toBe('invalid_client');
    const assertion = await assertionFor(world.server.url);
    const { status, body } = await redeem(flow, assertion);
    expect(status).toBe(200);
    expect(errorOf(await refreshed(body.refresh_token, { client_id: clientId, ...assertion }))).toBe('invalid_client');
    const next = await refreshed(body.refresh_token, {
      client_id: clientId,
      ...(await assertionFor(world.server.url)),
    });
    expect(next.status).toBe(200);
  });
});

describe('a code', () => {
  it('is good once; a second showing ends what was given for the first', async () => {
    const flow = await signed({ resource: world.server.url });
    const first = await redeem(flow);
    expect(first.status).toBe(200);
    expect(await acts(first.body.access_token)).toBe(200);
    expect(errorOf(await redeem(flow))).toBe('invalid_grant');
    expect(await acts(first.body.access_token)).toBe('token_revoked');
    expect(errorOf(await refreshed(first.body.refresh_token))).toBe('invalid_grant');
  });

  it('is given to one of two who show it at a time', async () => {
    const flow = await signed();
    const answers = await Promise.all([redeem(flow), redeem(flow), redeem(flow)]);
    expect(answers.filter(({ status }) => status === 200).length).toBeLessThanOrEqual(1);
    const { data } = await world.ok('GET', `/v1/agents/${flow.agent.id}/credentials`);
    expect(data.length).toBeLessThanOrEqual(1);
  });

  it('is nothing without its verifier, at another address, for another resource or in the hands of another client', async () => {
    const other = site.serve('/other.json');
    const flow = await signed();
    expect(errorOf(await redeem({ ...flow, verifier: verifierOf() }))).toBe('invalid_grant');
    expect(errorOf(await redeem({ ...flow, verifier: '' }))).toBe('invalid_grant');
    expect(errorOf(await redeem(flow, { redirect_uri: 'https://desk.example/other' }))).toBe('invalid_grant');
    expect(errorOf(await redeem({ ...flow, clientId: other }))).toBe('invalid_grant');
    expect(errorOf(await redeem(flow, { code: `${flow.code}x` }))).toBe('invalid_grant');
    // None of that has spent it; but what comes now for another resource has.
    expect(errorOf(await redeem(flow, { resource: `${world.server.url}/http` }))).toBe('invalid_target');
  });

  it.each([
    ['the agent is killed', (id: string) => world.ok('POST', `/v1/agents/${id}/revoke`, { reason: 'a drill' })],
    ['it is suspended', (id: string) => world.ok('POST', `/v1/agents/${id}/suspend`, { reason: 'a drill' })],
    ['clients are let in no more', () => world.ok('PUT', '/v1/browser-sign-in-settings', { enabled: false })],
  ])('is nothing when %s before it is redeemed', async (_why, change) => {
    const flow = await signed();
    await change(flow.agent.id);
    expect(errorOf(await redeem(flow))).toBe('invalid_grant');
    const [refusal] = await world.events(`kind=token.refused&agent=${flow.agent.name}`, 1);
    expect(refusal).toMatchObject({ code: 'invalid_grant' });
    expect((await world.ok('GET', `/v1/agents/${flow.agent.id}/credentials`)).data).toEqual([]);
  });
});

describe('an authorization request', () => {
  /** What comes of it: the error at the client, or the one that it never gets. */
  const refusedAt = async (change: Record<string, string | undefined>, more = ''): Promise<string> => {
    const browser = await browserOf(undefined);
    const { status, headers, body } = await browser.request('GET', asks(verifierOf(), change) + more);
    const location = headers.get('location');
    if (location === null) return `here: ${status} ${body.error}`;
    const url = new URL(location, world.server.url);
    expect(url.origin + url.pathname).toBe('https://desk.example/back');
    // As a response type that is not served would have it, behind the #.
    const said = url.hash === '' ? url.searchParams : new URLSearchParams(url.hash.slice(1));
    expect(said.get('iss')).toBe(world.server.url);
    expect(said.get('code')).toBeNull();
    return `there: ${said.get('error')}`;
  };

  it.each([
    ['no challenge', { code_challenge: undefined, code_challenge_method: undefined }, 'there: invalid_request'],
    ['the verifier as challenge', { code_challenge_method: 'plain' }, 'there: invalid_request'],
    ['a challenge of no method', { code_challenge_method: undefined }, 'there: invalid_request'],
    ['a token at once', { response_type: 'token' }, 'there: unsupported_response_type'],
    ['an answer as a form', { response_mode: 'form_post' }, 'there: invalid_request'],
    ['an answer behind the #', { response_mode: 'fragment' }, 'there: invalid_request'],
    ['another server', { resource: 'https://elsewhere.example/mcp' }, 'there: invalid_target'],
    ['what only agents exchange', { resource: 'AGENTS' }, 'there: invalid_target'],
    ['an unknown scope', { scope: 'mcp admin' }, 'there: invalid_scope'],
    ['a scope of another resource', { scope: 'http' }, 'there: invalid_scope'],
    ['an ID token', { scope: 'openid' }, 'there: invalid_scope'],
    ['no interaction', { prompt: 'none' }, 'there: login_required'],
    ['another address', { redirect_uri: 'https://desk.example/back/../x' }, 'here: 400 invalid_redirect_uri'],
    [
      'an address that begins the same',
      { redirect_uri: 'https://desk.example/back?x=1' },
      'here: 400 invalid_redirect_uri',
    ],
    [
      'the host of somebody else',
      { redirect_uri: 'https://desk.example.evil.example/back' },
      'here: 400 invalid_redirect_uri',
    ],
    ['no address', { redirect_uri: undefined }, 'here: 400 invalid_request'],
    ['no client', { client_id: undefined }, 'here: 400 invalid_request'],
    ['a client that nobody knows', { client_id: 'ocl_nobody' }, 'here: 400 invalid_client'],
  ])('for %s is refused', async (_what, change, expected) => {
    const fixed =
      'resource' in change && change.resource === 'AGENTS'
        ? { resource: `${world.server.url}/agents/desk-bot` }
        : change;
    expect(await refusedAt(fixed)).toBe(expected);
  });

  it('says nothing twice', async () => {
    expect(await refusedAt({}, `&resource=${encodeURIComponent(`${world.server.url}/http`)}`)).toBe(
      'there: invalid_target',
    );
    expect(await refusedAt({}, '&state=another')).toBe('there: invalid_request');
    expect(await refusedAt({}, '&redirect_uri=https%3A%2F%2Fevil.example')).toMatch(/^here: 400/);
  });

  it('is shown to a person in words of our own, in no frame', async () => {
    const target = asks(verifierOf(), { client_id: 'ocl_nobody' });
    const answer = await world.call('GET', target, { key: null, headers: { accept: 'text/html' } });
    expect([answer.status, answer.headers.get('location')]).toEqual([303, '/connect?refused=invalid_client']);
    for (const path of [target, asks(verifierOf()), '/connect/x']) {
      const { headers } = await world.call('GET', path, { key: null, headers: { accept: 'text/html' } });
      expect(headers.get('x-frame-options')).toBe('DENY');
      expect(headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
      expect(headers.get('referrer-policy')).toBe('no-referrer');
    }
  });

  it('keeps no id of what it made in the database', async () => {
    const browser = await browserOf('dana');
    const id = await asked(browser, asks(verifierOf()));
    expect([...browser.cookies.values()]).toContain(id);
    const rows = await asOwner("SELECT payload::text || encode(id_hash, 'escape') AS text FROM oauth_artifacts");
    expect(rows.length).toBeGreaterThan(0);
    expect(rows.filter(({ text }) => text.includes(id))).toEqual([]);
  });
});

describe('a metadata document', () => {
  const refusalOf = async (clientId: string): Promise<string> => {
    const browser = await browserOf(undefined);
    const { status, headers, body } = await browser.request('GET', asks(verifierOf(), { client_id: clientId }));
    return headers.get('location') === null ? `${status} ${body.error}` : 'taken';
  };
  let number = 0;
  const served = (change: object, answer: object = {}): string => {
    number += 1;
    return site.serve(`/document-${number}.json`, change as Record<string, unknown>, answer);
  };

  it.each([
    ['says another id', { client_id: 'https://localhost/else.json' }, {}],
    ['has no name', {}, { status: 404 }],
    ['is elsewhere', {}, { status: 302, headers: { location: 'https://localhost/x' } }],
    ['is long', { padding: 'x'.repeat(6_000) }, {}],
    ['is no JSON', {}, { body: '<html>' }],
    ['has a secret', { client_secret: 'secret' }, {}],
    ['wants a secret', { token_endpoint_auth_method: 'client_secret_basic' }, {}],
    ['goes to http', { redirect_uris: ['http://desk.example/back'] }, {}],
    ['goes to a script', { redirect_uris: ['javascript:alert(1)'] }, {}],
    ['goes nowhere', { redirect_uris: [] }, {}],
  ])('that %s is refused', async (_what, change, answer) => {
    expect(await refusalOf(served(change, answer))).toMatch(/^400 invalid_(client|client_metadata|redirect_uri)$/);
  });

  it('that does not come is not waited for', { timeout: 10_000 }, async () => {
    const startedAt = performance.now();
    expect(await refusalOf(served({}, { hangs: true }))).toBe('400 invalid_client');
    expect(performance.now() - startedAt).toBeLessThan(5_000);
  });

  it('is asked for where the operator lets us, and nowhere inside', async () => {
    for (const id of [
      'https://127.0.0.1/client.json',
      'https://[::1]/client.json',
      'https://[::ffff:7f00:1]/client.json',
      'https://0x7f000001/client.json',
      'https://169.254.169.254/latest/meta-data',
      'https://10.0.0.1/client.json',
      'https://localhost:1/client.json',
      `http://${site.host}/desk.json`,
      `https://${site.host}/`,
      `https://${site.host}`,
      `https://user@${site.host}/desk.json`,
      `https://${site.host}/x/../desk.json`,
      `https://${site.host}/desk.json#x`,
    ])
      expect(await refusalOf(id), id).toBe('400 invalid_client');
  });

  it('inside is asked for where somebody has named its host for clients, wherever upstreams may be', async () => {
    const inside = served({});
    await world.ok('PUT', '/v1/browser-sign-in-settings', { client_hosts: [] });
    expect(await refusalOf(inside)).toBe('400 invalid_client');
    expect(site.asked.filter((path) => inside.endsWith(path))).toEqual([]);
  });

  it('is believed as it last was while its site is down, which key sets are not', async () => {
    const documents = new Documents([site.host], () => Promise.resolve(true));
    const asked = async (url: string, accept: string) => {
      const answer = await documents.fetch(url, { headers: { accept } }).catch(() => undefined);
      return answer === undefined ? 'nothing' : `${answer.status} ${(await answer.text()).slice(0, 12)}`;
    };
    const [document, keySet] = ['application/json', 'application/json, application/jwk-set+json'];
    const url = site.serve('/down.json', {}, { body: 'as it was' });
    for (const accept of [document, keySet]) expect(await asked(url, accept)).toBe('200 as it was');
    site.serve('/down.json', {}, { status: 503, body: 'down' });
    expect(await asked(url, document)).toBe('200 as it was');
    expect(await asked(url, keySet)).toBe('503 down');
    expect(documents.mayFetch(url)).toBe(true);
    // One that was taken away is gone, and one that never was is not asked for at once again.
    site.serve('/gone.json', {}, { body: 'as it was' });
    const gone = `https://${site.host}/gone.json`;
    await asked(gone, document);
    site.serve('/gone.json', {}, { status: 404, body: 'gone' });
    expect(await asked(gone, document)).toBe('404 gone');
    const never = `https://${site.host}/never.json`;
    await asked(never, document);
    expect(documents.mayFetch(never)).toBe(false);
  });

  it('is kept for a while', async () => {
    const id = served({});
    expect(await refusalOf(id)).toBe('taken');
    expect(await refusalOf(id)).toBe('taken');
    expect(site.asked.filter((path) => id.endsWith(path))).toHaveLength(1);
  });
});

describe('an answer', () => {
  const toDana = async () => {
    const browser = await browserOf('dana');
    return { browser, id: await asked(browser, asks(verifierOf())), agent: await newAgent() };
  };

  it('is of the browser that was asked', async () => {
    const { id, agent } = await toDana();
    const other = await browserOf('dana');
    for (const [method, path] of [
      ['GET', ''],
      ['POST', '/allow'],
      ['POST', '/refuse'],
    ] as const) {
      const body = method === 'GET' ? undefined : path === '/allow' ? { agent: agent.id } : {};
      const { status, body: answer } = await other.request(method, `/v1/connection-requests/${id}${path}`, body);
      expect([status, answer.error.code]).toEqual([404, 'connection_request_unknown']);
    }
    // Also when that has a request of its own.
    await asked(other, asks(verifierOf()));
    expect((await other.request('POST', `/v1/connection-requests/${id}/allow`, { agent: agent.id })).status).toBe(404);
    // And the code goes to the one that was asked.
    const { browser, id: own } = await toDana();
    const { body } = await browser.request('POST', `/v1/connection-requests/${own}/allow`, { agent: agent.id });
    const stranger = await world.call('GET', body.url.slice(world.server.url.length), { key: null });
    expect([stranger.status, stranger.headers.get('location')]).toEqual([400, null]);
  });

  it('is of a page of ours, in a session', async () => {
    const { browser, id, agent } = await toDana();
    const cookie = [...browser.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const sent = (headers: Record<string, string>) =>
      world.call('POST', `/v1/connection-requests/${id}/allow`, {
        key: null,
        body: { agent: agent.id },
        headers: { cookie, ...headers },
      });
    const own = { origin: world.server.url };
    expect((await sent({})).body.error.code).toBe('origin_not_allowed');
    expect((await sent(own)).body.error.code).toBe('csrf_token_invalid');
    expect((await sent({ ...own, 'x-csrf-token': 'x'.repeat(43) })).body.error.code).toBe('csrf_token_invalid');
    expect((await sent({ origin: 'https://evil.example', 'x-csrf-token': browser.csrf })).body.error.code).toBe(
      'origin_not_allowed',
    );
    expect((await sent({ ...own, 'x-csrf-token': browser.csrf, 'sec-fetch-site': 'cross-site' })).status).toBe(403);
    const session = cookie.split('; ').filter((each) => !each.startsWith('hivekey='));
    expect((await sent({ cookie: session.join('; ') })).status).toBe(401);
    // A key alone is no session, whoever it belongs to.
    const byKey = await world.call('POST', `/v1/connection-requests/${id}/allow`, {
      key: keys.dana ?? '',
      body: { agent: agent.id },
      headers: { cookie },
    });
    expect(byKey.body.error.code).toBe('own_session_required');
    expect((await sent({ ...own, 'x-csrf-token': browser.csrf })).status).toBe(200);
    expect((await sent({ ...own, 'x-csrf-token': browser.csrf })).body.error.code).toBe('connection_request_answered');
  });

  it('is of the person who owns the agent', async () => {
    const agent = await newAgent();
    const eve = await browserOf('eve');
    const id = await asked(eve, asks(verifierOf()));
    const { body } = await eve.request('GET', `/v1/connection-requests/${id}`);
    expect(body.agents).toEqual([]);
    const refused = await eve.request('POST', `/v1/connection-requests/${id}/allow`, { agent: agent.id });
    expect([refused.status, refused.body.error.code]).toEqual([403, 'agent_not_owned']);
    await expect
      .poll(async () => (await world.ok('GET', '/v1/audit/events?kind=management.refused')).data)
      .toContainEqual(expect.objectContaining({ actor: 'key:eve', code: 'agent_not_owned' }));
    // Nor is a deputy, nor an administrator, nor somebody of another workspace, for whom it is not there.
    await world.ok('PUT', `/v1/agents/${agent.id}/deputies`, { deputies: ['eve@acme.example'] });
    expect(
      (await eve.request('POST', `/v1/connection-requests/${id}/allow`, { agent: agent.id })).body.error.code,
    ).toBe('agent_not_owned');
    const nobody = await browserOf(undefined, world.server.adminKey);
    const theirs = await asked(nobody, asks(verifierOf()));
    expect((await nobody.request('GET', `/v1/connection-requests/${theirs}`)).body.error.code).toBe(
      'own_session_required',
    );
    const stranger = await browserOf(undefined, strangerKey);
    const far = await asked(stranger, asks(verifierOf()));
    expect(
      (await stranger.request('POST', `/v1/connection-requests/${far}/allow`, { agent: agent.id })).body.error.code,
    ).toBe('agent_not_found');
    // A client of the first workspace is none of the second.
    const client = await world.ok('POST', '/v1/oauth-clients', {
      name: 'Ours',
      redirect_uris: ['https://desk.example/back'],
    });
    const foreign = await asked(stranger, asks(verifierOf(), { client_id: client.id }));
    expect((await stranger.request('GET', `/v1/connection-requests/${foreign}`)).body.error.code).toBe(
      'client_not_admitted',
    );
    await world.ok('DELETE', `/v1/oauth-clients/${client.id}`);
  });

  it('is none to an agent that may not act, or does not have the role', async () => {
    const { browser, id, agent } = await toDana();
    const tried = async (body: object) =>
      (await browser.request('POST', `/v1/connection-requests/${id}/allow`, { agent: agent.id, ...body })).body.error
        ?.code;
    expect(await tried({ role: 'refunds' })).toBe('role_not_worn');
    await world.ok('POST', `/v1/agents/${agent.id}/revoke`, { reason: 'a drill' });
    expect(await tried({})).toBe('agent_revoked');
    expect(await tried({ agent: 'nobody' })).toBe('agent_not_found');
    expect(
      (await browser.request('GET', `/v1/connection-requests/${id}`)).body.agents.map(
        (each: { id: string }) => each.id,
      ),
    ).not.toContain(agent.id);
  });

  it('is a sign-in of one’s own where people decide by nothing else', async () => {
    const { browser, id, agent } = await toDana();
    const set = (value: string) =>
      asOwner(
        `INSERT INTO sign_in_settings (workspace_id, idle_seconds, session_seconds, people_decide, step_up, step_up_seconds, author, updated_at)
         SELECT id, 1800, 43200, $1, '{}', 300, 'test', now() FROM workspaces WHERE name <> 'second'
         ON CONFLICT (workspace_id) DO UPDATE SET people_decide = excluded.people_decide`,
        [value],
      );
    await set('sessions');
    const { body } = await browser.request('POST', `/v1/connection-requests/${id}/allow`, { agent: agent.id });
    await set('keys');
    expect(body.error.code).toBe('sign_in_required');
  });
});

describe('a connection', () => {
  const isOver = async ({ access, refresh }: { access: string; refresh: string }, code: string) => {
    expect(await acts(access)).toBe(code);
    expect(errorOf(await refreshed(refresh))).toBe('invalid_grant');
  };

  it.each([
    ['agent_revoked', (id: string) => world.ok('POST', `/v1/agents/${id}/revoke`, { reason: 'a drill' })],
    ['agent_suspended', (id: string) => world.ok('POST', `/v1/agents/${id}/suspend`, { reason: 'a drill' })],
    [
      'token_revoked',
      async (id: string) => {
        const { data } = await world.ok('GET', `/v1/agents/${id}/credentials`);
        await world.ok('POST', `/v1/agents/${id}/credentials/${data[0].id}/revoke`, {});
      },
    ],
  ])('ends at once: %s', async (code, end) => {
    const connection = await connected();
    expect(await acts(connection.access)).toBe(200);
    await end(connection.agent.id);
    await isOver(connection, code);
  });

  it('does not revive with its agent', async () => {
    const connection = await connected();
    const { id } = connection.agent;
    await world.ok('POST', `/v1/agents/${id}/revoke`, { reason: 'a drill' });
    await world.ok('POST', `/v1/agents/${id}/restore`, { reason: 'it was a drill' });
    await isOver(connection, 'token_revoked');
  });

  it('ends when its client revokes it, and by nobody else', async () => {
    const connection = await connected();
    const other = site.serve('/third.json');
    const revoke = (form: Record<string, string>) =>
      post(world, '/oauth/revoke', { token: connection.refresh, ...form });
    expect(errorOf(await revoke({ client_id: other }))).toBe('unauthorized_client');
    expect(await acts(connection.access)).toBe(200);
    expect((await revoke({ client_id: desk })).status).toBe(200);
    await isOver(connection, 'token_revoked');
    expect((await revoke({ client_id: desk })).status).toBe(200);
  });

  it('has the roles that the agent has now', async () => {
    const connection = await connected();
    await world.ok('PATCH', `/v1/agents/${connection.agent.id}`, { roles: ['reader'] });
    expect(await acts(connection.access)).not.toBe(200);
  });

  it('ends with the person: when the agent is given to another, and when they leave', async () => {
    const olafs = await newAgent({ owner: 'olaf@acme.example' });
    const verifier = verifierOf();
    const of = async (agent: Signed['agent']) => {
      const browser = await browserOf('olaf');
      const id = await asked(browser, asks(verifier, { resource: world.server.url }));
      const allowed = await browser.request('POST', `/v1/connection-requests/${id}/allow`, { agent: agent.id });
      const code = (await back(browser, allowed)).searchParams.get('code') ?? '';
      const { body } = await redeem({ agent, code, verifier, clientId: desk });
      return { access: body.access_token as string, refresh: body.refresh_token as string };
    };
    const given = await of(olafs);
    expect(await acts(given.access)).toBe(200);
    await world.ok('PATCH', `/v1/agents/${olafs.id}`, { owner: 'eve@acme.example' });
    await isOver(given, 'token_revoked');
    const [ended] = await world.events(`kind=credential.revoked&agent=${olafs.name}`, 1);
    expect(ended).toMatchObject({ reason: 'the agent has another owner' });
    const kept = await of(await newAgent({ owner: 'olaf@acme.example' }));
    expect(await acts(kept.access)).toBe(200);
    await world.ok('PATCH', '/v1/people/olaf@acme.example', { active: false });
    await isOver(kept, 'agent_suspended');
  });

  it('ends when the workspace lets its client in no more', async () => {
    const connection = await connected();
    const settings = (body: object) => world.ok('PUT', '/v1/browser-sign-in-settings', body);
    await settings({ client_hosts: [site.host, 'claude.ai'] });
    expect(await acts(connection.access)).toBe(200);
    await settings({ client_hosts: ['claude.ai'] });
    await isOver(connection, 'token_revoked');
    const [changed] = await world.events('kind=workspace.changed&limit=1', 1);
    expect(changed).toMatchObject({ change: 'browser_sign_in', connections_ended: expect.any(Number) });
    await settings({ enabled: false, client_hosts: [] });
    expect(await world.ok('GET', '/v1/browser-sign-in-settings')).toMatchObject({ enabled: false, client_hosts: [] });
  });

  it('is refused where it is no refresh token of the client', async () => {
    const { refresh, access } = await connected();
    const other = site.serve('/fourth.json');
    expect(errorOf(await refreshed(refresh, { client_id: other }))).toBe('invalid_grant');
    expect(errorOf(await refreshed(refresh, { resource: 'https://elsewhere.example' }))).toBe('invalid_target');
    expect(errorOf(await refreshed(refresh, { scope: 'mcp admin' }))).toBe('invalid_scope');
    expect(errorOf(await refreshed(access))).toBe('invalid_grant');
    expect(errorOf(await refreshed(`hkr_${'0'.repeat(49)}`))).toBe('invalid_grant');
    expect(await acts(refresh)).not.toBe(200);
    expect((await refreshed(refresh)).status).toBe(200);
  });
});

beforeEach(async () => {
  await world.ok('PUT', '/v1/browser-sign-in-settings', { enabled: true, client_hosts: [site.host] });
});

describe('where the browser goes with the answer', () => {
  it.each([
    ['https://desk.example/back', 'desk.example', 'public'],
    ['http://localhost:51234/callback', 'localhost:51234', 'local'],
    ['http://127.0.0.1:51234/callback', '127.0.0.1:51234', 'local'],
    ['http://[::1]:8/callback', '[::1]:8', 'local'],
    ['https://10.1.2.3/back', '10.1.2.3', 'private'],
    ['https://intranet/back', 'intranet', 'private'],
    ['cursor://anysphere.cursor-mcp/oauth', 'cursor:', 'app'],
  ])('is said of %s', (uri, host, kind) => {
    expect(redirectOf(uri)).toEqual({ host, kind });
  });
});

it('is managed on the command line', async () => {
  const env = { HIVEKEY_URL: world.server.url, HIVEKEY_KEY: world.server.adminKey };
  const run = async (...args: readonly string[]): Promise<string> => {
    const { code, out, err } = await runCli(args, { env });
    expect([code, err]).toEqual([0, '']);
    return out;
  };
  const { agent } = await connected();
  await world.ok('PUT', '/v1/browser-sign-in-settings', { client_hosts: [] });
  expect(await run('credential', 'list', agent.name)).toContain(`${site.host} by dana@acme.example`);
  expect(await run('client', 'settings')).toContain('any host');
  expect(await run('client', 'settings', '--hosts', `${site.host},claude.ai`)).toContain('claude.ai');
  const added = await run('client', 'add', 'Shell', '--redirect', 'http://localhost/callback', 'shell://callback');
  const id = /ocl_\w+/.exec(added)?.[0] ?? '';
  expect(await run('client', 'list')).toContain(id);
  expect(await run('client', 'remove', id)).toContain('Shell is removed');
  // Another workspace knows nothing of it.
  const key = strangerKey;
  expect((await world.call('GET', '/v1/oauth-clients', { key })).body.data).toEqual([]);
  expect(await world.refused('DELETE', `/v1/oauth-clients/${id}`, undefined, { key })).toBe('oauth_client_not_found');
  expect(await run('client', 'settings', '--off')).toContain('do not sign in');
});

it('tells clients what is served', async () => {
  expect(await world.ok('GET', '/.well-known/oauth-authorization-server')).toMatchObject({
    issuer: world.server.url,
    authorization_endpoint: `${world.server.url}/oauth/authorize`,
    response_types_supported: ['code'],
    response_modes_supported: ['query'],
    code_challenge_methods_supported: ['S256'],
    authorization_response_iss_parameter_supported: true,
    client_id_metadata_document_supported: true,
    grant_types_supported: expect.arrayContaining(['authorization_code', 'refresh_token']),
    token_endpoint_auth_methods_supported: expect.arrayContaining(['none', 'private_key_jwt']),
  });
});
