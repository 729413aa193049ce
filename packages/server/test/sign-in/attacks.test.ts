/** Ways to become somebody else, or to be allowed more: what each would be tried with, beside what is let through. */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { openWorld, type World } from '../agents/world.ts';
import { type Directory, openDirectory } from '../scim/directory.ts';
import { Browser } from './browser.ts';
import { MalleableProvider, type Saying } from './provider.ts';

let world: World;
let idp: MalleableProvider;
let second: MalleableProvider;
let provider: { readonly id: string };
let other: { readonly id: string };
let directory: Directory;
let owner: pg.Client;

const registration = (at: MalleableProvider, more: object = {}) => ({
  kind: 'oidc',
  name: 'Acme',
  issuer: at.issuer,
  client_id: at.clientId,
  client_secret: at.clientSecret,
  ...more,
});

beforeAll(async () => {
  [idp, second] = await Promise.all([MalleableProvider.start(), MalleableProvider.start()]);
  world = await openWorld({ upstream_allow: ['127.0.0.1'] });
  directory = await openDirectory(world);
  const { id: scim_connection } = await world.ok('GET', '/v1/scim-connections/okta');
  provider = await world.ok(
    'POST',
    '/v1/identity-providers',
    registration(idp, { jit_domains: ['acme.example'], scim_connection, directory_claim: 'oid' }),
  );
  other = await world.ok('POST', '/v1/identity-providers', registration(second, { name: 'Other' }));
  owner = new pg.Client({ connectionString: world.server.ownerUrl });
  await owner.connect();
});
afterAll(async () => {
  await owner.end();
  await world.server.close();
  await Promise.all([idp.close(), second.close()]);
});

const newBrowser = () => new Browser(world.call, world.server.url);

async function comeBack(browser: Browser, url: string, saying: Saying, at = idp, id = provider.id): Promise<string> {
  const { code, state } = at.grant(url, saying);
  const query = new URLSearchParams({ code, state, iss: at.issuer });
  const answer = await browser.request('GET', `/v1/sign-in/${id}/callback?${query}`);
  return answer.headers.get('location') ?? '';
}

async function signIn(browser: Browser, saying: Saying, begin: object = {}): Promise<string> {
  const { body } = await browser.request('POST', `/v1/sign-in/${provider.id}/start`, begin);
  return comeBack(browser, body.url, saying);
}

const as = (name: string, more: object = {}): Saying => ({
  claims: { sub: `${name}-1`, email: `${name}@acme.example`, ...more },
});

async function signedIn(name: string): Promise<Browser> {
  const browser = newBrowser();
  expect(await signIn(browser, as(name))).toBe('/');
  await browser.session();
  return browser;
}

const keyOf = async (person: string, more: object = {}): Promise<string> =>
  (await world.ok('POST', '/v1/keys', { name: `k-${randomBytes(4).toString('hex')}`, person, ...more })).key;

const codeOf = async (answer: Promise<{ body: { error?: { code: string } } | null; status: number }>) => {
  const { body, status } = await answer;
  return body?.error?.code ?? status;
};

describe('a key of a person who loses every role', () => {
  const mayList = async (key: string) => (await world.call('GET', '/v1/keys', { key })).status;

  it('does nothing from then on, whichever way the roles went', async () => {
    await world.ok('POST', '/v1/people', { email: 'given@acme.example' });
    await world.ok('POST', '/v1/people', { email: 'grouped@acme.example' });
    const [given, grouped] = [await keyOf('given@acme.example'), await keyOf('grouped@acme.example')];
    // Without roles of their own the key says what it may.
    expect(await mayList(given)).toBe(200);
    await world.ok('PATCH', '/v1/people/given@acme.example', { roles: ['viewer'] });
    await world.ok('PATCH', '/v1/people/grouped@acme.example', { groups: ['watchers'] });
    await world.ok('PUT', '/v1/group-roles', { groups: { watchers: ['viewer'] } });
    expect([await mayList(given), await mayList(grouped)]).toEqual([403, 403]);
    await world.ok('PATCH', '/v1/people/given@acme.example', { roles: [] });
    await world.ok('PUT', '/v1/group-roles', { groups: {} });
    expect([await mayList(given), await mayList(grouped)]).toEqual([403, 403]);
    await world.ok('PATCH', '/v1/people/grouped@acme.example', { groups: [] });
    expect(await mayList(grouped)).toBe(403);
  });

  it('that a directory takes out of a group does nothing more either', async () => {
    const person = await directory.user('pushed@acme.example');
    const group = await directory.group('Watchers of SCIM', [person.id]);
    await world.ok('PUT', '/v1/group-roles', { groups: { 'Watchers-of-SCIM': ['viewer'] } });
    const key = await keyOf('pushed@acme.example');
    expect(await mayList(key)).toBe(403);
    await directory.patch(`/Groups/${group.id}`, { op: 'remove', path: 'members' });
    expect(await mayList(key)).toBe(403);
    await world.ok('PUT', '/v1/group-roles', { groups: {} });
  });
});

describe('an operator', () => {
  it('speaks for nobody in Slack: neither by the channel nor by its signing secret', async () => {
    await world.ok('POST', '/v1/people', { email: 'operator@acme.example' });
    await world.ok('PATCH', '/v1/people/operator@acme.example', { roles: ['operator'] });
    const key = await keyOf('operator@acme.example');
    const slack = {
      bot_token_ref: 'vault://slack-bot',
      signing_secret_ref: 'vault://slack-signing',
      channel: 'C012AB3CD',
    };
    await world.ok('PUT', '/v1/secrets/slack-signing', { value: 'the-real-signing-secret' });
    expect(await world.refused('PUT', '/v1/channels/slack', slack, { key })).toBe('role_missing');
    const { id } = (await owner.query<{ id: string }>('SELECT id FROM workspaces LIMIT 1')).rows[0] ?? { id: '' };
    await owner.query(
      `INSERT INTO channels (workspace_id, kind, settings, team_id, updated_at, updated_by, cursor_seq) VALUES ($1, 'slack', $2, 'T012AB3CD', now(), 'key:first', 0)`,
      [id, JSON.stringify({ ...slack, group_channels: {}, api_url: 'https://slack.com/api/' })],
    );
    const value = { value: 'known-to-the-operator' };
    for (const body of [value, { ...value, staged: true }])
      expect(await world.refused('PUT', '/v1/secrets/slack-signing', body, { key })).toBe('role_missing');
    await world.ok('PUT', '/v1/secrets/slack-signing', { ...value, staged: true });
    expect(await world.refused('POST', '/v1/secrets/slack-signing/versions/2/promote', {}, { key })).toBe(
      'role_missing',
    );
    // Nor is the credential sent to where the operator reads it.
    const spy = { namespace: 'spy', endpoint: second.issuer };
    const ref = { credential_ref: 'vault://slack-signing' };
    expect(await world.refused('POST', '/v1/http/apis', { ...spy, ...ref }, { key })).toBe('credential_of_slack');
    expect(await world.refused('POST', '/v1/mcp/servers', { ...spy, ...ref }, { key })).toBe('credential_of_slack');
    const relay = { host: '127.0.0.1', security: 'none', from: 'a@acme.example', username: 'a' };
    expect(
      await world.refused('PUT', '/v1/channels/email', { ...relay, password_ref: 'vault://slack-signing' }, { key }),
    ).toBe('credential_of_slack');
    await world.ok('PUT', '/v1/secrets/some-crm', value, { key });
    await world.ok('POST', '/v1/http/apis', { ...spy, credential_ref: 'vault://some-crm' }, { key });
    await owner.query(`DELETE FROM channels`);
  });
});

describe('an owner who may only look', () => {
  it('offers an agent to people, and makes none of them by that', async () => {
    const email = 'looks@acme.example';
    await world.ok('POST', '/v1/people', { email });
    await world.ok('PATCH', `/v1/people/${email}`, { roles: ['viewer'] });
    await world.role('owned');
    await world.ok('POST', '/v1/agents', { name: 'owned-bot', role: 'owned', owner: email });
    const by = { key: await keyOf(email) };
    const offer = (to: string) =>
      world.call('POST', '/v1/agents/owned-bot/ownership-transfers', { ...by, body: { to } });
    expect(await codeOf(offer('made-up@acme.example'))).toBe('person_not_found');
    expect(await world.refused('GET', '/v1/people/made-up@acme.example')).toBe('person_not_found');
    expect((await offer('operator@acme.example')).status).toBe(201);
  });
});

describe('an account for emergencies', () => {
  it('has no key, and links no account of a provider, not even by a sign-in that is refused', async () => {
    await world.ok('POST', '/v1/break-glass', { email: 'emergency@acme.example' });
    expect(await world.refused('POST', '/v1/keys', { name: 'em', person: 'emergency@acme.example' })).toBe(
      'break_glass_only',
    );
    const person = await world.ok('GET', '/v1/people/emergency@acme.example');
    const browser = await signedIn('linker');
    const { body } = await browser.request('POST', '/v1/session/link', { provider: other.id });
    // As if the session were that of the account: it signs in with its passkey, which no test holds.
    await owner.query('UPDATE console_sessions SET person_id = $1 WHERE id = $2', [
      person.id,
      (await browser.session()).body.id,
    ]);
    expect(await comeBack(browser, body.url, { claims: { sub: 'em-2' } }, second, other.id)).toBe(
      '/sign-in?refused=break_glass_only',
    );
    expect((await world.ok('GET', '/v1/people/emergency@acme.example/identities')).data).toEqual([]);
  });

  it('is out when its passkey is taken back', async () => {
    const emails = ['lost', 'kept-1', 'kept-2'].map((name) => `${name}@acme.example`);
    for (const email of emails) await world.ok('POST', '/v1/break-glass', { email });
    await owner.query(
      `INSERT INTO passkeys (workspace_id, id, person_id, name, credential_id, public_key, counter, device_type, aaguid, transports, registered_by, created_at)
       SELECT workspace_id, 'psk_' || id, id, 'key', 'cred-' || id, '', 0, 'singleDevice', '', '{}', 'invitation', now()
         FROM people WHERE email = ANY($1)`,
      [emails],
    );
    const browser = await signedIn('finder');
    const { id } = await world.ok('GET', '/v1/people/lost@acme.example');
    await owner.query(`UPDATE console_sessions SET person_id = $1, method = 'passkey' WHERE id = $2`, [
      id,
      (await browser.session()).body.id,
    ]);
    expect((await browser.session()).body.roles).toEqual(['admin']);
    await world.ok('POST', `/v1/passkeys/psk_${id}/revoke`, {});
    expect((await browser.session()).status).toBe(401);
    await owner.query('UPDATE passkeys SET revoked_at = now()');
  });
});

describe('a token of a directory', () => {
  it('makes nobody who has an account of the provider somebody else', async () => {
    await signedIn('boss');
    const { id } = await world.ok('GET', '/v1/people/boss@acme.example');
    const answer = await directory.patch(`/Users/${id}`, { op: 'replace', value: { externalId: 'oid-of-thief' } });
    expect(answer.status).toBe(200);
    const thief = as('thief', { oid: 'oid-of-thief', email: 'boss@acme.example' });
    expect(await signIn(newBrowser(), thief)).toBe('/sign-in?refused=person_not_linked');
    expect((await world.ok('GET', '/v1/people/boss@acme.example/identities')).data).toHaveLength(1);
    // Somebody whom the directory provides and who has none comes in.
    await directory.user('new@acme.example', { externalId: 'oid-new' });
    expect(await signIn(newBrowser(), as('new', { oid: 'oid-new' }))).toBe('/');
  });
});

describe('a group of a directory', () => {
  it('gets no roles by a name that looks like one they come with', async () => {
    await world.ok('PUT', '/v1/group-roles', {
      groups: { 'hivekey-admins': ['admin'], 'hivekey-viewers': ['viewer'] },
    });
    const person = await directory.user('looker@acme.example');
    for (const look of ['hivekey admins', 'hive\u212aey-admins', 'hivekey_admins!'])
      await directory.group(look, [person.id]);
    expect((await world.ok('GET', '/v1/people/looker@acme.example')).effective_roles).toEqual([]);
    await directory.group('hivekey-viewers', [person.id]);
    expect((await world.ok('GET', '/v1/people/looker@acme.example')).effective_roles).toEqual(['viewer']);
    await world.ok('PUT', '/v1/group-roles', { groups: {} });
  });
});

describe('a first sign-in', () => {
  it('adds nobody by an e-mail of which the provider does not say that it is verified', async () => {
    const silent = as('ceo', { email_verified: undefined });
    expect(await signIn(newBrowser(), silent)).toBe('/sign-in?refused=email_not_admitted');
    expect(await signIn(newBrowser(), as('ceo', { email_verified: 'true' }))).toBe(
      '/sign-in?refused=email_not_admitted',
    );
    expect(await signIn(newBrowser(), as('ceo'))).toBe('/');
  });
});

describe('a session that was stolen', () => {
  it('links no account of the thief, unless the person has proven just now that it is them', async () => {
    const browser = await signedIn('robbed');
    const { id } = (await browser.session()).body;
    await owner.query(`UPDATE console_sessions SET authenticated_at = now() - interval '20 minutes' WHERE id = $1`, [
      id,
    ]);
    const asked = () => codeOf(browser.request('POST', '/v1/session/link', { provider: other.id }));
    expect(await asked()).toBe('step_up_required');
    const { body } = await browser.request('POST', '/v1/session/step-up/provider', {});
    expect(await comeBack(browser, body.url, as('robbed'))).toBe('/');
    await browser.session();
    expect(await asked()).toBe(200);
  });
});

describe('a leaver', () => {
  it('leaves no link behind that they made for others, and what they know is told', async () => {
    const people = ['knower', 'invitee', 'agent-owner'].map((name) => `${name}@acme.example`);
    for (const email of people) await world.ok('POST', '/v1/people', { email });
    const [knower = '', invitee = '', owns = ''] = people;
    const key = await keyOf(knower);
    await world.role('plain');
    await world.ok('POST', '/v1/agents', { name: 'others-bot', role: 'plain', owner: owns });
    const by = { key };
    const token = await world.ok('POST', '/v1/tokens', { agent: 'others-bot' }, by);
    const spare = await world.ok('POST', '/v1/keys', { name: 'spare' }, by);
    await world.ok('POST', '/v1/keys', { name: 'own', person: knower }, by);
    await world.ok('POST', '/v1/scim-connections', { name: 'made' }, by);
    const { x, y, crv } = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' });
    const registered = { kind: 'key', name: 'mine', jwk: { kty: 'EC', crv, x, y } };
    const credential = await world.ok('POST', '/v1/agents/others-bot/credentials', registered, by);
    const link = await world.ok('POST', `/v1/people/${invitee}/invitations`, { any_email: true }, by);
    await world.ok('PATCH', `/v1/people/${knower}`, { active: false });
    const invitation = new URLSearchParams(new URL(link.url).hash.slice(1)).get('invitation');
    expect(await codeOf(newBrowser().request('POST', `/v1/sign-in/${provider.id}/start`, { invitation }))).toBe(
      'invitation_over',
    );
    const [left] = await world.events('kind=person.left&limit=1', 1);
    expect(left).toMatchObject({ person: knower, invitations_revoked: 1, credentials_known: 4 });
    const { data } = await world.ok('GET', `/v1/people/${knower}/known-credentials`);
    expect(data.map(({ kind, of }: { kind: string; of: string | null }) => [kind, of])).toEqual(
      expect.arrayContaining([
        ['agent_token', 'others-bot'],
        ['agent_key', 'others-bot'],
        ['key', null],
        ['scim_token', 'made'],
      ]),
    );
    expect(data).toHaveLength(4);
    // What was put in its place, or ended, is not told any more.
    await world.ok('POST', `/v1/tokens/${token.id}/revoke`, {});
    await world.ok('POST', `/v1/agents/others-bot/credentials/${credential.id}/revoke`, {});
    await world.ok('POST', `/v1/keys/${spare.id}/revoke`, {});
    await world.ok('POST', '/v1/scim-connections/made/revoke', {});
    expect((await world.ok('GET', `/v1/people/${knower}/known-credentials`)).data).toEqual([]);
    await world.ok('POST', '/v1/people', { email: 'watcher@acme.example' });
    await world.ok('PATCH', '/v1/people/watcher@acme.example', { roles: ['viewer'] });
    const viewer = { key: await keyOf('watcher@acme.example') };
    expect(await world.refused('GET', `/v1/people/${knower}/known-credentials`, undefined, viewer)).toBe(
      'role_missing',
    );
  });
});

describe('a leaver whose requests wait behind their departure', () => {
  it('gets no credential by them', async () => {
    const email = 'racer@acme.example';
    await world.ok('POST', '/v1/people', { email });
    await world.ok('POST', '/v1/people', { email: 'friend@acme.example' });
    await world.role('raced');
    await world.ok('POST', '/v1/agents', { name: 'raced-bot', role: 'raced', owner: 'friend@acme.example' });
    const key = await keyOf(email);
    await owner.query('BEGIN');
    // As every transaction of the log does: what comes waits, in the order in which it came.
    await owner.query('SELECT FROM workspace_state FOR UPDATE');
    const waiting = async (number: number) =>
      vi.waitFor(async () => {
        const { rows } = await spy.query(
          `SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`,
        );
        expect(rows.length).toBeGreaterThanOrEqual(number);
      }, 5_000);
    const spy = new pg.Client({ connectionString: world.server.ownerUrl });
    await spy.connect();
    const left = world.call('PATCH', `/v1/people/${email}`, { body: { active: false } });
    await waiting(1);
    const late = [
      ['POST', '/v1/keys', { name: 'late' }],
      ['POST', '/v1/tokens', { agent: 'raced-bot' }],
      ['POST', '/v1/scim-connections', { name: 'late' }],
      ['POST', '/v1/people/friend@acme.example/invitations', {}],
      ['POST', '/v1/break-glass', { email: 'late@acme.example' }],
      ['PATCH', '/v1/people/friend@acme.example', { roles: ['admin'] }],
    ].map(([method, path, body], at) =>
      codeOf(world.call(String(method), String(path), { key, body, headers: { 'idempotency-key': `late-${at}` } })),
    );
    // The key of each was found live, and what they ask for is about to be done.
    await vi.waitFor(async () => {
      const { rows } = await spy.query(`SELECT FROM idempotency_keys WHERE key LIKE 'late-%'`);
      expect(rows).toHaveLength(late.length);
    }, 5_000);
    await owner.query('COMMIT');
    expect((await left).status).toBe(200);
    expect(await Promise.all(late)).toEqual(late.map(() => 'credential_over'));
    await spy.end();
  });
});

describe('a workspace that asks for a step-up before upstreams get other credentials', () => {
  it('takes none with a key, which can still put one in place for later', async () => {
    await world.ok('PUT', '/v1/sign-in-settings', { step_up: { secret: 'recent' } });
    const value = { value: 'another-credential' };
    expect(await world.refused('PUT', '/v1/secrets/crm', value)).toBe('step_up_required');
    await world.ok('PUT', '/v1/secrets/crm', { ...value, staged: true });
    expect(await world.refused('POST', '/v1/secrets/crm/versions/1/promote', {})).toBe('step_up_required');
    const browser = await signedIn('keeper');
    await world.ok('PATCH', '/v1/people/keeper@acme.example', { roles: ['operator'] });
    await browser.session();
    const promote = () => codeOf(browser.request('POST', '/v1/secrets/crm/versions/1/promote', {}));
    expect(await promote()).toBe('step_up_required');
    const { body } = await browser.request('POST', '/v1/session/step-up/provider', {});
    await comeBack(browser, body.url, as('keeper'));
    await browser.session();
    expect(await promote()).toBe(200);
    await world.ok('PUT', '/v1/sign-in-settings', { step_up: { secret: 'none' } });
  });
});

describe('where people decide by their own sign-in', () => {
  it('no key says who anybody is, or what they may', async () => {
    const browser = await signedIn('chief');
    await world.ok('PATCH', '/v1/people/chief@acme.example', { roles: ['admin'] });
    const approver = await world.ok('POST', '/v1/people', { email: 'approver@acme.example' });
    const { key } = await world.ok('POST', '/v1/keys', { name: 'chief-key', person: 'chief@acme.example' });
    await browser.session();
    expect((await browser.request('PUT', '/v1/sign-in-settings', { people_decide: 'sessions' })).status).toBe(200);
    const attacks: readonly (readonly [string, string, object])[] = [
      ['PATCH', '/v1/people/approver@acme.example', { roles: ['approver'] }],
      ['PATCH', '/v1/people/approver@acme.example', { groups: ['finance'] }],
      ['PUT', '/v1/group-roles', { groups: { everybody: ['approver'] } }],
      ['POST', '/v1/people/approver@acme.example/invitations', { any_email: true }],
      ['POST', '/v1/identity-providers', registration(second, { issuer: `${second.issuer}` })],
      ['PATCH', `/v1/identity-providers/${provider.id}`, { jit_domains: [] }],
      ['POST', '/v1/scim-connections', { name: 'mine' }],
      ['POST', '/v1/scim-connections/okta/rotate', {}],
      ['PATCH', '/v1/scim-connections/okta', { scopes: ['users', 'groups', 'agents'] }],
      ['POST', '/v1/break-glass', { email: 'mine@acme.example' }],
      ['POST', '/v1/break-glass/emergency@acme.example/invitations', {}],
    ];
    for (const [method, path, body] of attacks)
      expect([path, await codeOf(world.call(method, path, { body }))]).toEqual([path, 'own_session_required']);
    // Nor by a change that needs nobody, as nothing is reviewed here.
    const document = { authority: null, groups: [], roles: ['approver'] };
    const operations = [{ type: 'person_authority', id: approver.id, document }];
    const change = await world.ok('POST', '/v1/changes', { title: 'an approver', operations }, { key });
    expect(await world.refused('POST', `/v1/changes/${change.id}/submit`, {}, { key })).toBe('own_session_required');
    // What lets nobody in takes no more than before, and a person who has signed in may.
    await world.ok('POST', '/v1/people/approver@acme.example/invitations', {});
    await world.ok('POST', `/v1/identity-providers/${other.id}/disable`, {});
    expect(await world.refused('POST', `/v1/identity-providers/${other.id}/enable`, {})).toBe('own_session_required');
    for (const [method, path, body] of attacks.filter(([, path]) => !path.startsWith('/v1/identity-providers')))
      expect((await browser.request(method, path, body)).status).toBeLessThan(300);
    // Nobody is locked out of a workspace in which nobody can sign in.
    await owner.query('DELETE FROM person_identities');
    await world.ok('POST', `/v1/identity-providers/${other.id}/enable`, {});
  });
});
