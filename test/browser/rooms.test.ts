/** Every room in both colour schemes: no serious fault of accessibility, no error, no breach of the policy, nothing beyond the edge. */
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectAccessible, launch, openPage, signIn, type Watched } from './browser.ts';
import { furnish, startWorkspace, type Workspace } from './workspace.ts';

/** Address, and a text that is there once the room has what it shows. */
const ROOMS: readonly (readonly [path: string, shown: string])[] = [
  ['/agents', 'billing-bot'],
  ['/agents?create=true', 'Create agent'],
  ['/agents/billing-bot', 'billing__pay'],
  ['/agents/billing-bot?tab=credentials', 'Mint a token'],
  ['/agents/billing-bot?tab=log', 'billing.list_invoices'],
  ['/agents/billing-bot?tab=stops', 'Never stopped'],
  ['/roles', 'Pays invoices'],
  ['/roles/billing', 'An agent with this role sees'],
  ['/roles/billing?tab=agents', 'dana@acme.example'],
  ['/roles/billing?tab=revisions', 'Revision 1, the first'],
  ['/new-role', 'No guards'],
  ['/matrix', 'may use billing.list_invoices'],
  ['/servers', 'http://127.0.0.1'],
  ['/servers?create=true', 'Namespace'],
  ['/servers/billing', 'Refunds a payment.'],
  ['/servers/billing?definition=billing.pay', 'Definition as last seen'],
  ['/apis/shop', 'GET /orders/{id}'],
  ['/apis/shop?definition=shop.getOrder', 'Definition as last seen'],
  ['/log', 'granted by billing'],
  ['/log?kind=all', 'agent.created'],
  ['/approvals', 'amount'],
  ['/approvals?show=decided', 'None yet'],
  ['/approvals?show=mine', 'belongs to no person'],
  ['/containment', 'refund'],
  ['/containment?tab=quarantine', 'No agent is in quarantine'],
  ['/containment?tab=drills', 'No drill is scheduled'],
  ['/containment?tab=receipts', 'refund audit'],
  ['/signals', 'No risk is signalled'],
  ['/budgets?of=agent', 'Choose an agent'],
  ['/freezes', 'audit'],
  ['/freezes?freeze=audit', 'Never overridden'],
  ['/freezes?create=true', 'Write freeze'],
  ['/dry-run?agent=billing-bot&action=billing.pay', 'Fill in from its schema'],
  ['/system', 'Ready: actions are decided and recorded.'],
  ['/system?tab=keys', 'this session came from it'],
  ['/system?tab=guards', 'No guards'],
  ['/system?tab=channels', 'In Slack they also decide'],
  ['/policy/current', 'billing · rev 1'],
];

let workspace: Workspace;
let browser: Browser;

beforeAll(async () => {
  [workspace, browser] = await Promise.all([startWorkspace(), launch()]);
  const client = await workspace.connect(await furnish(workspace));
  await client.callTool({ name: 'billing__list_invoices', arguments: {} });
  await workspace.api('POST', '/v1/containments', { scope: 'tool', target: 'billing.refund', reason: 'refund audit' });
  await workspace.api('POST', '/v1/http/apis', {
    namespace: 'shop',
    endpoint: 'https://shop.acme.example/api',
    document: {
      openapi: '3.1.0',
      info: { title: 'Shop', version: '1' },
      paths: {
        '/orders/{id}': {
          get: {
            operationId: 'getOrder',
            summary: 'One order',
            parameters: [{ name: 'id', in: 'path', required: true, schema: { type: 'string' } }],
          },
        },
      },
    },
  });
  await workspace.api('PUT', '/v1/freezes/audit', {
    apiVersion: 'policy.hivekey.ai/v1',
    kind: 'Freeze',
    metadata: { name: 'audit', description: 'Nothing is refunded' },
    time_zone: 'UTC',
    starts: '2026-01-01T00:00',
    ends: '2026-01-02T00:00',
    repeats: 'FREQ=DAILY',
    scope: { actions: ['billing.refund'] },
  });
});
afterAll(async () => {
  await browser?.close();
  await workspace?.close();
});

describe('in both colour schemes', () => {
  let watched: Watched;
  beforeAll(async () => {
    watched = await openPage(browser, workspace.server.url);
    const { page } = watched;
    await page.goto('/');
    await page.getByRole('textbox', { name: 'Admin key' }).waitFor();
    await expectAccessible(page);
    await signIn(page, workspace.server.adminKey);
  });
  afterAll(() => watched?.context.close());

  it.each(ROOMS)('%s', async (path, shown) => {
    const { page, complaints } = watched;
    await page.goto(path);
    await page.getByText(shown).first().waitFor();
    await expectAccessible(page);
    // The page itself never scrolls sideways, whatever is in it.
    expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true);
    expect(complaints).toEqual([]);
  });

  it('the palette', async () => {
    const { page } = watched;
    await page.goto('/agents');
    await page.getByText('billing-bot').first().waitFor();
    await page.keyboard.press('Control+k');
    await page.getByPlaceholder('Room, agent, role, server…').waitFor();
    await expectAccessible(page);
  });
});

describe('the console', () => {
  it('is served under a policy that allows nothing inline and nothing from elsewhere', async () => {
    const response = await fetch(workspace.server.url, { headers: { accept: 'text/html' } });
    const policy = response.headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toMatch(/unsafe|data:|blob:|http/);
  });

  it('works on a narrow screen, with the workspace in view', async () => {
    const { page, context } = await openPage(browser, workspace.server.url);
    await signIn(page, workspace.server.adminKey);
    await page.setViewportSize({ width: 420, height: 800 });
    await page.getByText('prod').first().waitFor();
    await page.getByRole('button', { name: 'Menu' }).click();
    await page.getByRole('dialog').getByRole('link', { name: 'Log', exact: true }).click();
    await page.getByRole('heading', { name: 'Log', exact: true }).waitFor();
    expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true);
    await context.close();
  });

  it('remembers the colours that were chosen', async () => {
    const { page, context, complaints } = await openPage(browser, workspace.server.url);
    await signIn(page, workspace.server.adminKey);
    await page.getByRole('button', { name: 'Colours' }).click();
    await page.getByRole('menuitem', { name: 'Dark' }).click();
    const scheme = 'document.documentElement.dataset.mantineColorScheme';
    expect(await page.evaluate(scheme)).toBe('dark');
    await page.reload();
    await page.getByRole('heading', { name: 'Agents' }).waitFor();
    expect(await page.evaluate(scheme)).toBe('dark');
    expect(complaints).toEqual([]);
    await context.close();
  });
});
