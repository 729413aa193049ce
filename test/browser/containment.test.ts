/** Containment as people meet it: the board, two people, quarantine, breakers, risks, sources and budgets, against a real server and a real MCP server. In order. */
import { readFile } from 'node:fs/promises';
import type { Client } from '@modelcontextprotocol/client';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectAccessible, launch, openPage, signIn, type Watched } from './browser.ts';
import { furnish, startWorkspace, type Workspace } from './workspace.ts';

let workspace: Workspace;
let browser: Browser;
/** Two people, each with a key of their own. */
let first: Watched;
let second: Watched;
let page: Page;
let client: Client;

beforeAll(async () => {
  [workspace, browser] = await Promise.all([startWorkspace(), launch()]);
  client = await workspace.connect(await furnish(workspace));
  await workspace.api('POST', '/v1/agents', { name: 'prober', roles: ['read-only'], owner: 'lee@acme.example' });
  const keyOf = async (name: string, person: string) => {
    await workspace.api('POST', '/v1/people', { email: person });
    return ((await workspace.api('POST', '/v1/keys', { name, person })) as { key: string }).key;
  };
  first = await as(await keyOf('ana', 'ana@acme.example'));
  second = await as(await keyOf('ben', 'ben@acme.example'));
  page = first.page;
});
afterAll(async () => {
  await browser?.close();
  await workspace?.close();
});

async function as(key: string): Promise<Watched> {
  const watched = await openPage(browser, workspace.server.url);
  await signIn(watched.page, key);
  return watched;
}

const button = (name: string | RegExp) => page.getByRole('button', { name });
const dialog = () => page.getByRole('dialog');
const tab = (name: string) => page.getByRole('tab', { name });
const table = (name: string) => page.getByRole('table', { name });
const said = (words: string) => page.getByText(words).first().waitFor();
const list = async () => JSON.stringify(await client.callTool({ name: 'billing__list_invoices', arguments: {} }));
const toolNames = async () => (await client.listTools()).tools.map(({ name }) => name);

async function choose(field: string, option: string): Promise<void> {
  await page.getByRole('combobox', { name: field, exact: true }).click();
  await page.getByRole('option', { name: option, exact: true }).click();
}

describe('the board', () => {
  it('says that nothing is contained, and what can be', async () => {
    await page.getByRole('navigation', { name: 'Rooms' }).getByRole('link', { name: 'Containment' }).click();
    await said('Nothing is contained');
    await said('0stops in force');
    await said('No stop was ordered yet');
    await expectAccessible(page);
  });

  it('tells whom and what a stop would cover, before it is ordered', async () => {
    const slow = client.callTool({ name: 'billing__slow_report', arguments: {} }).catch((error: unknown) => error);
    await workspace.billing.slowCall();
    await page.getByText('Role', { exact: true }).click();
    await choose('Role', 'billing');
    await said('1 agent · 1 call in flight · 0 held approvals');
    await button('Stop…').click();
    await dialog().getByText('1 agent · 1 call in flight · 0 held approvals').waitFor();
    await button('Cancel').click();
    workspace.billing.release();
    await slow;
    await said('1 agent · 0 calls in flight · 0 held approvals');
  });
});

describe('quarantine', () => {
  it('is placed on an agent, which reads on and does nothing else', async () => {
    expect(await toolNames()).toContain('billing__pay');
    await page.goto('/agents/billing-bot');
    await page.getByRole('link', { name: 'Quarantine' }).click();
    await dialog().getByRole('textbox', { name: 'Reason' }).fill('odd hours');
    await dialog().getByRole('button', { name: 'Place in quarantine' }).click();
    await table('Agents in quarantine').getByText('odd hours').waitFor();
    expect(await list()).toContain('INV-1');
    expect(await toolNames()).not.toContain('billing__pay');
  });

  it('stands on the board, and ends with a review that has a reason', async () => {
    await tab('Board').click();
    const row = table('Contained now').getByRole('row').filter({ hasText: 'agent billing-bot' });
    await row.getByText('reads only').waitFor();
    await row.getByRole('button', { name: 'Review billing-bot' }).click();
    const release = dialog().getByRole('button', { name: 'Release' });
    await dialog().getByText('odd hours').waitFor();
    expect(await release.isDisabled()).toBe(true);
    await dialog().getByRole('textbox', { name: 'Reason' }).fill('a test of the night shift');
    await release.click();
    await table('Ended quarantines').getByText('a test of the night shift').waitFor();
    expect(await toolNames()).toContain('billing__pay');
  });
});

describe('a breaker', () => {
  it('is set in a form that says in words what it does', async () => {
    await tab('Breakers').click();
    await said('No breaker is set');
    await button('New breaker').click();
    await dialog().getByRole('textbox', { name: 'Name' }).fill('probing');
    await choose('Counts', 'Probes: calls of tools it does not have');
    await dialog().getByRole('textbox', { name: 'Limit, in calls' }).fill('3');
    await said('Trips when 3 calls of tools that the agent does not have within 5 min; then quarantine');
    await expectAccessible(page);
    await dialog().getByRole('button', { name: 'Set breaker' }).click();
    await dialog().getByText('0 calls of a limit of 3 calls').waitFor();
  });

  it('shows its reading against the limit, and trips', async () => {
    const { token } = (await workspace.api('POST', '/v1/tokens', { agent: 'prober' })) as { token: string };
    const prober = await workspace.connect(token);
    const probe = (name: string) => prober.callTool({ name, arguments: {} }).catch((error: unknown) => error);
    await probe('vault__get');
    await dialog().getByText('1 call of a limit of 3 calls').waitFor();
    await expectAccessible(page);
    await probe('vault__list');
    await probe('root__shell');
    await dialog().getByText('3 calls in 300 s of tools it does not have').waitFor();
    await dialog().getByRole('button', { name: 'Close' }).click();
    await table('Trips of breakers').getByText('prober').waitFor();
    await tab('Board').click();
    const row = table('Contained now').getByRole('row').filter({ hasText: 'agent prober' });
    await row.getByText('by breaker probing').waitFor();
  });

  it('puts on trial whom a person releases, is changed and removed', async () => {
    await button('Review prober').click();
    await dialog().getByText('Released, it is on trial').waitFor();
    await dialog().getByRole('textbox', { name: 'Reason' }).fill('a scanner, turned off');
    await dialog().getByRole('button', { name: 'Release' }).click();
    await tab('Board').click();
    await table('Contained now').getByText('on trial').waitFor();
    await tab('Breakers').click();
    await table('Circuit breakers').getByRole('link', { name: 'probing' }).click();
    await dialog().getByRole('button', { name: 'Edit…' }).click();
    await dialog().last().getByRole('textbox', { name: 'Limit, in calls' }).fill('4');
    await dialog().last().getByRole('button', { name: 'Save' }).click();
    await dialog().getByText('4 calls of tools that the agent does not have within 5 min').waitFor();
    await dialog().getByRole('button', { name: 'Remove…' }).click();
    await dialog().last().getByRole('button', { name: 'Remove', exact: true }).click();
    await said('No breaker is set');
  });
});

describe('two people', () => {
  it('are asked for by a setting', async () => {
    await tab('Two people').click();
    await page.getByRole('group', { name: 'To stop' }).getByRole('checkbox', { name: 'a tool' }).check();
    await expectAccessible(page);
    await button('Save').click();
    await said('Saved; it counts from the next order on.');
  });

  it('stop together: the first proposes, and does not confirm', async () => {
    await page.goto('/containment?scope=tool&target=billing.list_invoices');
    await said('It takes two people');
    await button('Propose a stop…').click();
    await dialog().getByRole('textbox', { name: 'Reason' }).fill('wrong invoices');
    await dialog()
      .getByRole('textbox', { name: /to confirm/ })
      .fill('billing.list_invoices');
    await dialog().getByRole('button', { name: 'Propose' }).click();
    await said('You proposed it: another person has to confirm.');
    expect(await button('Confirm…').isDisabled()).toBe(true);
    await expectAccessible(page);
    expect(await list()).toContain('INV-1');

    await second.page.goto('/containment');
    const waiting = second.page.getByRole('region', { name: 'Waits for a second person' });
    await waiting.getByText('wrong invoices').waitFor();
    await waiting.getByRole('button', { name: 'Confirm…' }).click();
    await second.page.getByRole('dialog').getByRole('button', { name: 'Confirm', exact: true }).click();
    await second.page.getByRole('table', { name: 'Contained now' }).getByText('wrong invoices').waitFor();
    expect(await list()).not.toContain('INV-1');
  });

  it('leave a receipt with a line for each tool and node, signed, to take away', async () => {
    // What waited is gone as well: the page moves no more.
    await page.getByRole('region', { name: 'Waits for a second person' }).waitFor({ state: 'detached' });
    await table('Contained now').getByRole('link', { name: 'tool billing.list_invoices' }).click();
    const signed = page.getByTestId('signed-receipt');
    await signed.getByText('Proposed by ana@acme.example').waitFor();
    await signed.getByText('confirmed by ben@acme.example').waitFor();
    await signed.getByRole('table', { name: 'Nodes in the receipt' }).getByText('node_').waitFor();
    await expectAccessible(page);
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      button('Download the signed receipt').click(),
    ]);
    expect(download.suggestedFilename()).toMatch(/^stop_\w+\.receipt\.json$/);
    const kept = JSON.parse(await readFile(await download.path(), 'utf8'));
    expect(kept.receipt.containment).toMatchObject({ scope: 'tool', target: 'billing.list_invoices' });
    expect(kept.note).toContain('HiveKey containment receipt');
    await dialog().getByRole('button', { name: 'Close' }).click();
    await button('Lift the stop of tool billing.list_invoices').click();
    await dialog().getByRole('button', { name: 'Lift stop' }).click();
    await said('Nothing is contained');
    expect(await list()).toContain('INV-1');
  });
});

describe('drills', () => {
  it('press the kill switch on a shadow, and the board says how fast it was', async () => {
    await said('The kill switch has not been rehearsed');
    await tab('Drills').click();
    await said('No drill is scheduled');
    await button('New drill').click();
    await dialog().getByRole('textbox', { name: 'Name' }).fill('monthly');
    await choose('Agent', 'billing-bot');
    await dialog().getByLabel('First').fill('2027-01-04T08:00');
    await dialog().getByRole('button', { name: 'Schedule' }).click();
    await table('Drills').getByText('not run yet').waitFor();
    await button('Run now: monthly').click();
    const shown = page.getByTestId('rehearsal');
    await shown.getByText('First refusal after').waitFor();
    await shown.getByText('billing.pay').waitFor();
    await expectAccessible(page);
    await dialog().getByRole('button', { name: 'Close' }).click();
    await tab('Board').click();
    const last = page.getByTestId('last-drill');
    await last.getByText(/slowest after [\d.,]+ ms of 1,000 ms allowed/).waitFor();
    await last.getByText('The next one is due').waitFor();
    await expectAccessible(page);
    // The agent itself goes on.
    expect(await list()).toContain('INV-1');
  });
});

describe('signals', () => {
  it('of risk are raised and ended', async () => {
    await page.getByRole('navigation', { name: 'Rooms' }).getByRole('link', { name: 'Signals' }).click();
    await said('No risk is signalled');
    await button('Raise a signal').click();
    await choose('Agent', 'billing-bot');
    await dialog().getByRole('textbox', { name: 'Reason' }).fill('new device');
    await dialog().getByRole('button', { name: 'Raise' }).click();
    await table('Signals in force').getByText('new device').waitFor();
    await button('End the signal about billing-bot').click();
    await dialog().getByRole('button', { name: 'End signal' }).click();
    await table('Ended signals').getByText('new device').waitFor();
  });

  it('say of a server whether it is trusted, in the document and in the log', async () => {
    await tab('Sources').click();
    await page.getByRole('radiogroup', { name: 'Content of billing' }).getByText('Trusted', { exact: true }).click();
    const text = page.getByRole('textbox', { name: 'Sources' });
    expect(await text.inputValue()).toContain('- billing.*');
    await expectAccessible(page);
    await button('Save…').click();
    await dialog().getByRole('button', { name: 'Save', exact: true }).click();
    await said('revision 1 by ana');
    const { trusted } = (await workspace.api('GET', '/v1/workspace/sources')) as { trusted: string[] };
    expect(trusted).toEqual(['billing.*']);
  });

  it('say where a document of sources is wrong', async () => {
    await page
      .getByRole('textbox', { name: 'Sources' })
      .fill('apiVersion: policy.hivekey.ai/v1\nkind: Sources\nunmarked: perhaps\n');
    await button('Save…').click();
    await dialog().getByRole('button', { name: 'Save', exact: true }).click();
    await dialog().getByText('3:1 "perhaps" is no provenance').waitFor();
    // A refused write is an error line of the browser, not of the page.
    expect(first.complaints.splice(0)).toEqual([expect.stringContaining('422')]);
    await button('Cancel').click();
    await button('Discard').click();
  });

  it('come from transmitters, each with its keys', async () => {
    await tab('Transmitters').click();
    await button('New transmitter').click();
    await dialog().getByRole('textbox', { name: 'Name' }).fill('edr');
    await dialog().getByRole('textbox', { name: 'Issuer' }).fill('https://detector.acme.example');
    const { publicKey } = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign']);
    const { kty, crv, x, y } = await crypto.subtle.exportKey('jwk', publicKey);
    const keys = dialog().getByRole('textbox', { name: 'Public keys, as a JSON Web Key Set' });
    await keys.fill('{');
    await said('this is no JSON object');
    await keys.fill(JSON.stringify({ keys: [{ kty, crv, x, y, kid: 'one', alg: 'ES256' }] }));
    await expectAccessible(page);
    await dialog().getByRole('button', { name: 'Let it push' }).click();
    await table('Transmitters').getByText('https://detector.acme.example').waitFor();
    await button('Remove edr').click();
    await dialog().getByRole('button', { name: 'Remove', exact: true }).click();
    await said('Nobody may push signals');
  });
});

describe('budgets', () => {
  it('are those of the workspace, and of whom one chooses', async () => {
    const cap = (limit: number, id: string) => ({
      id,
      action: 'billing.*',
      when: { field: 'rate.per_hour', scope: 'workspace', lte: limit },
      effect: 'allow',
      otherwise: 'deny',
    });
    await workspace.api('PUT', '/v1/workspace/guards', { guards: [cap(50, 'fair-share')] });
    await list();
    await page.getByRole('navigation', { name: 'Rooms' }).getByRole('link', { name: 'Budgets' }).click();
    await table('Budgets').getByText('1 call of 50 calls').waitFor();
    await expectAccessible(page);
    await page.getByText('Agent', { exact: true }).click();
    await said('Choose an agent');
    await choose('Agent', 'billing-bot');
    await table('Budgets').getByText('1 call of 50 calls').waitFor();
  });
});

describe('the browser', () => {
  it('shows each room on a narrow screen', async () => {
    await page.setViewportSize({ width: 420, height: 900 });
    for (const path of [
      '/containment?scope=role&target=billing',
      '/containment?tab=breakers',
      '/signals',
      '/budgets',
    ]) {
      await page.goto(path);
      await page.getByRole('heading', { level: 1 }).waitFor();
      expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true);
    }
  });

  it('had no error on all these ways', () => {
    expect([...first.complaints, ...second.complaints]).toEqual([]);
  });
});
