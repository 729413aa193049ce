/** People and their ways in, as administrators and the people themselves meet them: a real server, SCIM, an OpenID provider, passkeys. In order. */
import pg from 'pg';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MalleableProvider } from '../../packages/server/test/sign-in/provider.ts';
import { startTestServer, type TestServer } from '../setup/server.ts';
import { expectAccessible, launch, openPage, signIn, type Watched } from './browser.ts';

/** A group so large that nothing should read it whole. */
const CROWD = 5_000;

let server: TestServer;
let browser: Browser;
let idp: MalleableProvider;
/** Holds the first admin key. */
let admin: Watched;
let page: Page;
/** Comes in by the provider. */
let dana: Watched;

beforeAll(async () => {
  [server, browser, idp] = await Promise.all([
    // Passkeys are bound to a name, and 127.0.0.1 is none.
    startTestServer({ host: 'localhost', upstream_allow: ['127.0.0.1'] }),
    launch(),
    MalleableProvider.start(),
  ]);
  admin = await openPage(browser, server.url);
  page = admin.page;
});
afterAll(async () => {
  await browser?.close();
  await server?.close();
  await idp?.close();
});

const button = (name: string | RegExp) => page.getByRole('button', { name });
const dialog = () => page.getByRole('dialog');
const tab = (name: string) => page.getByRole('tab', { name });
const table = (name: string) => page.getByRole('table', { name });
const said = (words: string) => page.getByText(words).first().waitFor();

/** Scrolls a list as far as it goes now. */
const toItsEnd = (label: string) =>
  page.evaluate(`document.querySelector('[aria-label="${label}"]').scrollTo(0, Number.MAX_SAFE_INTEGER)`);

async function call(method: string, path: string, body?: object, token = server.adminKey) {
  const response = await fetch(new URL(path, server.url), {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', prefer: 'respond-async' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, body: text === '' ? undefined : JSON.parse(text) };
}

async function asOwner(sql: string, values?: readonly unknown[]): Promise<void> {
  const owner = new pg.Client({ connectionString: server.ownerUrl });
  await owner.connect();
  await owner.query(sql, values === undefined ? undefined : [...values]);
  await owner.end();
}

/** A page in a browser of its own, with an authenticator that says yes to everything. */
async function openWithAuthenticator(): Promise<Watched> {
  const watched = await openPage(browser, server.url);
  const devtools = await watched.context.newCDPSession(watched.page);
  await devtools.send('WebAuthn.enable');
  await devtools.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
    },
  });
  return watched;
}

/** At the provider there is a page with one button, which comes back with what the provider says. */
async function answerAtProvider({ context }: Watched, claims: object): Promise<void> {
  await context.route(`${idp.issuer}/authorize**`, async (route) => {
    const { code, state } = idp.grant(route.request().url(), { claims: { ...claims } });
    const back = new URL(new URL(route.request().url()).searchParams.get('redirect_uri') ?? '');
    back.search = String(new URLSearchParams({ code, state, iss: idp.issuer }));
    await route.fulfill({
      contentType: 'text/html',
      body: `<a href="${back.href.replaceAll('&', '&amp;')}">Continue</a>`,
    });
  });
}

describe('people', () => {
  it('are none at first, and are added', async () => {
    await signIn(page, server.adminKey);
    await page.getByRole('navigation', { name: 'Rooms' }).getByRole('link', { name: 'People' }).click();
    await said('Nobody yet');
    await button('Add a person').click();
    await dialog().getByRole('textbox', { name: 'E-mail' }).fill('lee@acme.example');
    await dialog().getByRole('textbox', { name: 'Name' }).fill('Lee');
    await dialog().getByRole('button', { name: 'Add' }).click();
    await table('People').getByRole('link', { name: 'lee@acme.example' }).click();
    await said('Without a role the person sees nothing here');
  });

  it('have roles and groups', async () => {
    await button('Change the roles of lee@acme.example').click();
    await page.getByRole('checkbox', { name: 'auditor' }).check();
    expect(await page.getByRole('checkbox', { name: 'operator' }).isDisabled()).toBe(true);
    await page.getByRole('checkbox', { name: 'auditor' }).uncheck();
    await page.getByRole('checkbox', { name: 'operator' }).check();
    await button('Save roles').click();
    await said('has these roles from the next request on');
    await button('Change lee@acme.example').click();
    await page.getByRole('combobox', { name: 'Groups' }).fill('finance');
    await page.keyboard.press('Enter');
    await expectAccessible(page);
    await button('Save').click();
    await said('lee@acme.example is saved.');
    expect((await call('GET', '/v1/people/lee@acme.example')).body).toMatchObject({
      roles: ['operator'],
      groups: ['finance'],
    });
  });

  it('are invited by a link that is shown once', async () => {
    await button('Invite…').click();
    await dialog().getByRole('button', { name: 'Make the link' }).click();
    await dialog().getByText('Copy the link now').waitFor();
    await dialog().getByText('/sign-in#invitation=').waitFor();
    await dialog().getByRole('button', { name: 'Done' }).click();
    await button('End the invitation').click();
    await button('End the invitation').waitFor({ state: 'detached' });
  });
});

describe('groups', () => {
  it('of thousands are looked into without reading them whole', async () => {
    await asOwner(
      `INSERT INTO people (workspace_id, id, email, display_name, groups)
       SELECT w.id, 'per_crowd' || n, 'crowd' || lpad(n::text, 5, '0') || '@acme.example', 'One of many', '{everybody}'
         FROM workspaces w, generate_series(1, $1::int) AS n`,
      [CROWD],
    );
    await page.goto('/people?tab=groups');
    await table('Groups').getByRole('row').filter({ hasText: 'everybody' }).getByText('5,000').waitFor();
    await table('Groups').getByRole('link', { name: 'everybody' }).click();
    const members = dialog().getByRole('list', { name: 'Members of everybody' });
    await members.getByText('crowd00001@acme.example').waitFor();
    await expectAccessible(page);
    // The next hundred come as the end of those that are there comes near.
    await expect
      .poll(async () => {
        await toItsEnd('Members of everybody');
        return members.getByText('crowd00200@acme.example').isVisible();
      })
      .toBe(true);
    expect(await members.getByRole('listitem').count()).toBeLessThan(60);
    await dialog().getByRole('button', { name: 'Close' }).click();
  });

  it('bring roles, also those that only a provider names', async () => {
    await button('Give a group roles').click();
    await dialog().getByRole('textbox', { name: 'Group' }).fill('platform-admins');
    await dialog().getByRole('checkbox', { name: 'admin' }).check();
    await dialog().getByRole('checkbox', { name: 'approver' }).check();
    await dialog().getByRole('button', { name: 'Save' }).click();
    await table('Roles by group').getByText('platform-admins').waitFor();
    await button('Give a group roles').click();
    await dialog().getByRole('textbox', { name: 'Group' }).fill('finance');
    await dialog().getByRole('checkbox', { name: 'approver' }).check();
    await dialog().getByRole('button', { name: 'Save' }).click();
    await table('Groups').getByRole('row').filter({ hasText: 'finance' }).getByText('approver').waitFor();
    await expectAccessible(page);
  });

  it('narrow the list of people, which is searched at the server', async () => {
    await tab('People').click();
    await page.getByRole('textbox', { name: 'E-mail or name contains' }).fill('crowd04999');
    await table('People').getByRole('link', { name: 'crowd04999@acme.example' }).waitFor();
    await page.goto('/people?group=finance');
    await table('People').getByRole('link', { name: 'lee@acme.example' }).waitFor();
    expect(await table('People').getByRole('row').count()).toBe(2);
    await page.goto('/people?q=no-such-person');
    await said('Nobody fits these filters');
    // Nobody approved of the crowd: it is drift as long as it is there. Nothing refers to it, which need not be looked up.
    await asOwner(`SET session_replication_role = replica; DELETE FROM people WHERE id LIKE 'per_crowd%'`);
  });
});

describe('sign-in', () => {
  it('by a provider is set up in a form that says what to do there', async () => {
    await page.goto('/people?tab=sign-in');
    await said('Nobody signs in by a provider yet');
    await button('Add a provider').click();
    await dialog().getByText('Applications → Create App Integration').first().waitFor();
    await dialog().getByRole('textbox', { name: 'Name', exact: true }).fill('Acme SSO');
    await dialog().getByRole('textbox', { name: 'Issuer' }).fill(idp.issuer);
    await dialog().getByRole('textbox', { name: 'Client id' }).fill(idp.clientId);
    await dialog().getByRole('textbox', { name: 'Client secret' }).fill(idp.clientSecret);
    await dialog().getByRole('combobox', { name: 'People who are not known yet' }).click();
    await page.getByRole('option', { name: 'whoever the provider lets in' }).click();
    await expectAccessible(page);
    await dialog().getByRole('button', { name: 'Add provider' }).click();
    await dialog()
      .getByText(/\/v1\/sign-in\/idp_\w+\/callback/)
      .waitFor();
    await dialog().getByRole('button', { name: 'Close' }).click();
    await table('Identity providers').getByRole('link', { name: 'Acme SSO' }).click();
    await button('Test').click();
    await dialog().getByText('nothing is wrong').waitFor();
    await button('Change…').click();
    await dialog().getByRole('button', { name: 'Save' }).click();
    await said('Acme SSO is saved.');
    await button('Change…').waitFor();
    await dialog().getByRole('button', { name: 'Close' }).click();
  });

  it('says on its page why somebody was sent back', async () => {
    dana = await openWithAuthenticator();
    await dana.page.goto('/sign-in?refused=person_unknown');
    await dana.page.getByText('You are not known here yet').waitFor();
    await dana.page.getByRole('button', { name: 'Sign in with Acme SSO' }).waitFor();
    await expectAccessible(dana.page);
  });

  it('lets somebody in who has no role, to that and nothing else', async () => {
    await answerAtProvider(dana, { sub: 'dana-1', email: 'dana@acme.example', name: 'Dana' });
    await dana.page.goto('/people');
    await dana.page.getByRole('button', { name: 'Sign in with Acme SSO' }).click();
    await dana.page.getByRole('link', { name: 'Continue' }).click();
    await dana.page.getByText('have no role in this workspace yet').waitFor();
  });

  it('brings the roles of the groups that the provider names', async () => {
    await dana.page.getByRole('button', { name: 'Sign out' }).click();
    await dana.page.getByRole('link', { name: 'Sign out at your provider too' }).waitFor();
    await answerAtProvider(dana, { sub: 'dana-1', email: 'dana@acme.example', groups: ['platform-admins'] });
    await dana.page.getByRole('button', { name: 'Sign in with Acme SSO' }).click();
    await dana.page.getByRole('link', { name: 'Continue' }).click();
    await dana.page.getByRole('heading', { name: 'Agents', level: 1 }).waitFor();
    await dana.page.goto('/people/dana@acme.example');
    await dana.page.getByText('Your own roles are changed by another administrator.').waitFor();
    await dana.page.getByRole('table', { name: 'Accounts at identity providers' }).getByText('dana-1').waitFor();
    await expectAccessible(dana.page);
  });
});

describe('provisioning', () => {
  it('is a connection whose token is shown once, with its health', async () => {
    await tab('Provisioning').click();
    await said('No directory provisions people yet');
    await button('New connection').click();
    await dialog().getByRole('textbox', { name: 'Name' }).fill('okta');
    await dialog().getByRole('button', { name: 'Create connection' }).click();
    await dialog().getByText('Copy the token now').waitFor();
    const [base = '', token = ''] = await dialog().locator('pre').allTextContents();
    await dialog().getByRole('button', { name: 'Done' }).click();
    const user = {
      schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'],
      userName: 'sam@acme.example',
      emails: [{ value: 'sam@acme.example', primary: true }],
      active: true,
    };
    expect(await call('POST', `${base}/Users`, user, token)).toMatchObject({ status: 201 });
    expect(await call('POST', `${base}/Users`, user, token)).toMatchObject({ status: 409 });
    await page.goto('/people?tab=provisioning');
    await table('SCIM connections').getByText('409').waitFor();
    await table('SCIM connections').getByRole('link', { name: 'okta' }).click();
    await dialog().getByText('uniqueness').first().waitFor();
    await expectAccessible(page);
    await button('Rotate the token…').click();
    await dialog().last().getByRole('button', { name: 'Rotate', exact: true }).click();
    await dialog().getByText('Copy the token now').waitFor();
    await dialog().getByRole('button', { name: 'Done' }).click();
    await page.goto('/people?source=directory');
    await table('People').getByRole('row').filter({ hasText: 'sam@acme.example' }).getByText('okta').waitFor();
  });
});

describe('passkeys', () => {
  it('open the accounts for emergencies, and nothing else does', async () => {
    await page.goto('/people?tab=sign-in');
    await button('Set up an account').click();
    await dialog().getByRole('textbox', { name: 'E-mail' }).fill('emergency@acme.example');
    await dialog().getByRole('button', { name: 'Set it up' }).click();
    await dialog().getByText('Open this link on the device').waitFor();
    const [link = ''] = await dialog().locator('pre').allTextContents();
    await dialog().getByRole('button', { name: 'Done' }).click();
    const safe = await openWithAuthenticator();
    await safe.page.goto(link);
    await safe.page.getByRole('textbox', { name: 'Name' }).fill('Key in the safe');
    await safe.page.getByRole('button', { name: 'Register the passkey' }).click();
    await safe.page.getByRole('link', { name: 'sign in' }).click();
    await safe.page.getByRole('button', { name: 'Emergency account, with its passkey' }).click();
    await safe.page.getByRole('heading', { name: 'Agents', level: 1 }).waitFor();
    await safe.page.goto('/account');
    await safe.page.getByRole('table', { name: 'Passkeys' }).getByText('Key in the safe').waitFor();
    expect(safe.complaints).toEqual([]);
    await safe.context.close();
  });

  it('are registered by the people themselves', async () => {
    await dana.page.goto('/account');
    await dana.page.getByRole('button', { name: 'Register a passkey' }).click();
    await dana.page.getByRole('textbox', { name: 'Name' }).fill('Laptop');
    await dana.page.getByRole('button', { name: 'Register', exact: true }).click();
    await dana.page.getByRole('table', { name: 'Passkeys' }).getByText('Laptop').waitFor();
  });

  it('prove who it is where a setting asks for that, and what was wanted then goes on', async () => {
    await dana.page.goto('/people?tab=sign-in');
    await dana.page.getByRole('combobox', { name: 'Lifting stops, restoring, releasing quarantines' }).click();
    await dana.page.getByRole('option', { name: 'A recent step-up' }).click();
    await dana.page.getByRole('button', { name: 'Save' }).click();
    await dana.page.getByText('Saved; it counts from the next request on.').waitFor();
    await call('POST', '/v1/containments', { scope: 'owner', target: 'lee@acme.example', reason: 'drill' });
    await dana.page.goto('/containment');
    await dana.page.getByRole('button', { name: 'Lift the stop of owner lee@acme.example' }).click();
    await dana.page.getByRole('button', { name: 'Lift stop' }).click();
    await dana.page.getByRole('dialog', { name: 'Confirm that it is you' }).waitFor();
    await expectAccessible(dana.page);
    await dana.page.getByRole('button', { name: 'Confirm with a passkey' }).click();
    await dana.page.getByText('Nothing is contained').waitFor();
    // The refusal that asked for it is an error line of the browser, not of the page.
    const refusals = dana.complaints.splice(0).filter((text) => !text.startsWith('a request left for '));
    expect(refusals).toEqual([expect.stringContaining('403')]);
  });

  it('sign what is approved, which is shown word for word before', async () => {
    await call('PUT', '/v1/capabilities/notes.add', {
      description: 'Adds notes',
      access: 'write',
      input_schema: { type: 'object', properties: { count: { type: 'number' } } },
    });
    await call('PUT', '/v1/roles/notes', {
      apiVersion: 'policy.hivekey.ai/v1',
      kind: 'Role',
      metadata: { name: 'notes' },
      scope: { allow: ['notes.add'] },
      guards: [{ id: 'many', action: 'notes.add', when: { field: 'count', gt: 9 }, effect: 'review' }],
    });
    await call('POST', '/v1/agents', { name: 'notes-bot', roles: ['notes'], owner: 'lee@acme.example' });
    const { body: minted } = await call('POST', '/v1/tokens', { agent: 'notes-bot' });
    const { body: held } = await call(
      'POST',
      '/v1/actions',
      { action: 'notes.add', arguments: { count: 12 } },
      minted.token,
    );
    await dana.page.goto('/people?tab=sign-in');
    await dana.page.getByRole('combobox', { name: 'Approving held calls' }).click();
    await dana.page.getByRole('option', { name: 'A passkey over the decision' }).click();
    await dana.page.getByRole('button', { name: 'Save' }).click();
    await dana.page.getByText('Saved; it counts from the next request on.').waitFor();
    await dana.page.goto(`/approvals/${held.approval.id}`);
    await dana.page.getByRole('button', { name: 'Approve…' }).click();
    await dana.page.getByRole('textbox', { name: 'Reason' }).fill('a dozen is fine');
    await dana.page.getByRole('button', { name: 'Go on to sign' }).click();
    await dana.page.getByRole('region', { name: 'decision to be signed' }).getByText('a dozen is fine').waitFor();
    await expectAccessible(dana.page);
    await dana.page.getByRole('button', { name: 'Sign and approve' }).click();
    await dana.page.getByRole('dialog').waitFor({ state: 'detached' });
    expect((await call('GET', `/v1/approvals/${held.approval.id}/signatures`)).body.data).toMatchObject([
      { person: 'dana@acme.example' },
    ]);
    expect(dana.complaints).toEqual([]);
  });
});

describe('leaving', () => {
  it('shows what it will do, and what it did with the times', async () => {
    await page.goto('/people/lee@acme.example');
    await table('Agents owned').getByRole('link', { name: 'notes-bot' }).waitFor();
    await button('Deactivate…').click();
    await dialog().getByText('1 agent suspended, 0 calls in flight aborted').waitFor();
    await dialog().getByRole('textbox').fill('lee@acme.example');
    await dialog().getByRole('button', { name: 'Deactivate', exact: true }).click();
    const left = page.getByRole('region', { name: 'Left' });
    await left.getByText('1 agent suspended of 1').waitFor();
    await left
      .getByText(/\+[\d.,]+ ms/)
      .first()
      .waitFor();
    await left.getByText('1 of 1 wait for an owner').waitFor();
    await expectAccessible(page);
  });
});

describe('sessions', () => {
  it('of others are ended', async () => {
    await page.goto('/people?tab=sessions');
    await button(/End the session of dana@acme\.example/).click();
    await dialog().getByRole('button', { name: 'End session' }).click();
    await said('The session is ended.');
    await dana.page.reload();
    await dana.page.getByRole('button', { name: 'Sign in with Acme SSO' }).waitFor();
  });

  it('of those who only read have what they may not do turned off, with the reason', async () => {
    const { body } = await call('POST', '/v1/keys', { name: 'reader', roles: ['viewer'] });
    const reader = await openPage(browser, server.url);
    await reader.page.goto('/sign-in');
    await reader.page.getByRole('button', { name: 'Sign in with an admin key' }).click();
    await reader.page.getByRole('textbox', { name: 'Admin key' }).fill(body.key);
    await reader.page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await reader.page.getByRole('heading', { name: 'Agents', level: 1 }).waitFor();
    await reader.page.goto('/people');
    const add = reader.page.getByRole('button', { name: 'Add a person' });
    expect(await add.getAttribute('aria-disabled')).toBe('true');
    await add.hover();
    await reader.page.getByRole('tooltip', { name: 'This takes the role admin; you are viewer.' }).waitFor();
    await reader.page.goto('/people?tab=provisioning');
    await reader.page.getByText('Not for your roles').waitFor();
    await reader.page.goto('/people/dana@acme.example');
    await reader.page.getByText('Workspace roles').waitFor();
    await expectAccessible(reader.page);
    // Nothing was asked for that would have been refused.
    expect(reader.complaints).toEqual([]);
  });
});

describe('the browser', () => {
  it('shows each room on a narrow screen', async () => {
    await page.setViewportSize({ width: 420, height: 900 });
    for (const path of [
      '/people',
      '/people?tab=groups',
      '/people?tab=sign-in',
      '/people/lee@acme.example',
      '/account',
    ]) {
      await page.goto(path);
      await page.getByRole('heading', { level: 1 }).waitFor();
      expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true);
    }
  });

  it('had no error on all these ways', () => {
    expect(admin.complaints).toEqual([]);
  });
});
