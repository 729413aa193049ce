/** An unmodified MCP client logs in through a browser: the person signs in, says which agent it may be, and it is. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import {
  Client,
  type OAuthClientInformation,
  type OAuthClientProvider,
  type OAuthDiscoveryState,
  type OAuthTokens,
  StreamableHTTPClientTransport,
  UnauthorizedError,
} from '@modelcontextprotocol/client';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ClientSite } from '../../packages/server/test/agent-auth/client-site.ts';
import { expectAccessible, launch, openPage } from './browser.ts';
import { furnish, startWorkspace, type Workspace } from './workspace.ts';

const SYSTEM = getCACertificates('default');
let workspace: Workspace;
let browser: Browser;
let site: ClientSite;
let key: string;

beforeAll(async () => {
  site = await ClientSite.start();
  setDefaultCACertificates([...SYSTEM, ClientSite.certificate]);
  [workspace, browser] = await Promise.all([startWorkspace({ upstream_allow: [site.host] }), launch()]);
  await furnish(workspace);
  await workspace.api('PUT', '/v1/browser-sign-in-settings', { client_hosts: [site.host] });
  const made = await workspace.api('POST', '/v1/keys', { name: 'dana', person: 'dana@acme.example' });
  ({ key } = made as { key: string });
});
afterAll(async () => {
  setDefaultCACertificates(SYSTEM);
  await browser?.close();
  await workspace?.close();
  await site?.close();
});

/** Where the client waits for the browser, as programs on somebody's machine do. */
class Callback {
  readonly url: string;
  readonly came: Promise<URLSearchParams>;
  readonly close: () => void;

  private constructor(server: ReturnType<typeof createServer>, port: number) {
    this.url = `http://localhost:${port}/callback`;
    this.close = () => {
      server.closeAllConnections();
      server.close();
    };
    this.came = new Promise((resolve) => {
      server.on('request', ({ url = '' }, response) => {
        const { pathname, searchParams } = new URL(url, this.url);
        response.end('You can close this window.');
        if (pathname === '/callback') resolve(searchParams);
      });
    });
  }

  static async open(): Promise<Callback> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    return new Callback(server, address !== null && typeof address === 'object' ? address.port : 0);
  }
}

/** What a client of the SDK keeps, and where it would open a browser. */
class Memory implements OAuthClientProvider {
  readonly redirectUrl: string;
  readonly clientMetadataUrl: string;
  readonly clientMetadata;
  kept: OAuthTokens | undefined;
  /** The newest one: its open stream asks as well as its calls. */
  opens = '';
  #client: OAuthClientInformation | undefined;
  #verifier = '';
  #discovered: OAuthDiscoveryState | undefined;

  constructor(redirectUrl: string, clientMetadataUrl: string) {
    this.redirectUrl = redirectUrl;
    this.clientMetadataUrl = clientMetadataUrl;
    this.clientMetadata = { redirect_uris: [redirectUrl], client_name: 'Desk' };
  }

  clientInformation = () => this.#client;
  saveClientInformation = (client: OAuthClientInformation): void => {
    this.#client = client;
  };
  tokens = () => this.kept;
  saveTokens = (tokens: OAuthTokens): void => {
    this.kept = tokens;
  };
  codeVerifier = () => this.#verifier;
  saveCodeVerifier = (verifier: string): void => {
    this.#verifier = verifier;
  };
  redirectToAuthorization = (url: URL): void => {
    this.opens = url.href;
  };
  invalidateCredentials = (): void => {
    this.kept = undefined;
  };
  saveDiscoveryState = (state: OAuthDiscoveryState): void => {
    this.#discovered = state;
  };
  discoveryState = () => this.#discovered;
}

async function asked(page: Page): Promise<void> {
  await page.getByRole('heading', { name: 'Let Desk be one of your agents?' }).waitFor();
}

it('logs in, acts as the agent, goes on by itself, and is out when the person says so', {
  timeout: 60_000,
}, async () => {
  const callback = await Callback.open();
  const clientId = site.serve('/desk.json', { redirect_uris: ['http://localhost/callback'] });
  const { page, context, complaints } = await openPage(browser, workspace.server.url);
  const url = new URL('/mcp', workspace.server.url);
  const memory = new Memory(callback.url, clientId);
  const transport = new StreamableHTTPClientTransport(url, { authProvider: memory });
  await expect(new Client({ name: 'desk', version: '1' }).connect(transport)).rejects.toThrow(UnauthorizedError);
  await page.goto(memory.opens);

  // Nobody is signed in yet, and comes back to the question.
  await page.getByRole('textbox', { name: 'Admin key' }).fill(key);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await asked(page);
  await page.getByText('goes to a program on this computer').waitFor();
  expect(await page.getByText(site.host).first().isVisible()).toBe(true);
  await page.getByRole('combobox', { name: 'Agent' }).click();
  await page.getByRole('option', { name: 'billing-bot' }).click();
  await expectAccessible(page);
  expect(complaints).toEqual([]);
  await page.getByRole('button', { name: 'Allow' }).click();
  await transport.finishAuth(await callback.came);

  const client = new Client({ name: 'desk', version: '1' });
  await client.connect(new StreamableHTTPClientTransport(url, { authProvider: memory }));
  expect((await client.listTools()).tools.map(({ name }) => name)).toContain('billing__list_invoices');
  await client.callTool({ name: 'billing__list_invoices', arguments: {} });

  // An access token that is not good any more is replaced without anybody, by each request that finds out.
  const first = memory.kept;
  await fetch(new URL('/oauth/revoke', url), {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ token: first?.access_token ?? '' }),
  });
  await Promise.all([1, 2, 3].map(() => client.callTool({ name: 'billing__list_invoices', arguments: {} })));
  expect(memory.kept?.refresh_token).not.toBe(first?.refresh_token);

  await page.goto('/agents/billing-bot?tab=credentials');
  await page.getByText('browser sign-in').first().waitFor();
  await expectAccessible(page);
  await page.getByRole('button', { name: `Revoke Desk ${site.host}` }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click();
  await page.getByText('The browser sign-in Desk is dead.').waitFor();
  // It asks again, as nothing that it has is good.
  await expect(client.callTool({ name: 'billing__list_invoices', arguments: {} })).rejects.toThrow(UnauthorizedError);
  await page.goto(memory.opens);
  await asked(page);
  await page.getByRole('button', { name: 'Refuse' }).click();
  await page.getByText('You can close this window.').waitFor();
  expect(new URL(page.url()).searchParams.get('error')).toBe('access_denied');
  await client.close();
  callback.close();
  await context.close();
});

it('shows what it does not send on, and who is let in', async () => {
  const { page, context, complaints } = await openPage(browser, workspace.server.url);
  await page.goto('/oauth/authorize?response_type=code&client_id=ocl_nobody&redirect_uri=https://evil.example');
  await page.getByRole('heading', { name: 'The client was not connected' }).waitFor();
  await expectAccessible(page);
  await page.goto('/connect/nothing');
  await page.getByRole('textbox', { name: 'Admin key' }).fill(workspace.server.adminKey);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByText('connection_request_unknown').waitFor();
  await expectAccessible(page);
  // The browser prints what the server refused.
  complaints.splice(
    0,
    complaints.length,
    ...complaints.filter((each) => !each.includes('/v1/connection-requests/nothing')),
  );
  await page.goto('/agents?tab=clients');
  await page.getByText('No client is registered').waitFor();
  await page.getByRole('button', { name: 'Register a client' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('textbox', { name: 'Name' }).fill('Claude');
  await dialog.getByRole('textbox', { name: 'Redirect addresses' }).fill('https://claude.ai/api/mcp/auth_callback');
  await dialog.getByRole('button', { name: 'Register' }).click();
  await page.getByText('ocl_').first().waitFor();
  await page.getByText('Hosts of clients').waitFor();
  await expectAccessible(page);
  expect(complaints).toEqual([]);
  await context.close();
});
