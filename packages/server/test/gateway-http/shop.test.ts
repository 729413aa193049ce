/** A REST API with 50 operations, governed from its OpenAPI file through the proxy, end to end. */
import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, settledEvent, startSecondNode, type TestAgent } from '../actions/workspace.ts';
import { type Decider, type Office, openOffice } from '../approvals/office.ts';
import { type Service, SHOP_DOCUMENT, startShop } from '../http-apis/shop.ts';
import { agentOf } from './client.ts';

const KEY = 'shop-key-7Qm2Zk9LwX';
const ASYNC = { prefer: 'respond-async' };

let office: Office;
let shop: Service;
let bot: TestAgent;
let ask: ReturnType<typeof agentOf>;
let erin: Decider;

beforeAll(async () => {
  shop = await startShop(KEY);
  office = await openOffice({ upstream_allow: ['127.0.0.1'] });
  await office.done('PUT', '/v1/secrets/shop-key', { value: KEY });
  await office.done('POST', '/v1/http/apis', {
    namespace: 'shop',
    endpoint: shop.endpoint,
    credential_ref: 'vault://shop-key',
  });
  await office.role('clerk', []);
  bot = await office.agent('clerk-bot', 'clerk');
  ask = agentOf(office.server.url, bot.token);
  erin = await office.person('erin');
});
afterAll(async () => {
  await office.close();
  await shop.close();
});

async function putDocument(text: string) {
  return office.call('PUT', '/v1/http/apis/shop/document', {
    body: text,
    headers: { 'content-type': 'application/yaml' },
  });
}

interface OperationView {
  readonly capability: string;
  readonly pin: string;
  readonly status: string;
  readonly access: string;
}

async function operations(): Promise<readonly OperationView[]> {
  return (await office.call('GET', '/v1/http/apis/shop/operations?limit=100')).body.data;
}

async function approveAll(): Promise<void> {
  for (const { capability, pin, status } of await operations())
    if (status !== 'live' && status !== 'gone')
      await office.done('POST', `/v1/http/apis/shop/operations/${capability}/approve`, { pin });
}

const GRANTED = [
  'shop.listCustomers',
  'shop.getCustomer',
  'shop.createCustomer',
  'shop.createPayment',
  'shop.getTicket',
  'shop.deleteTicket',
  'shop.createTicket',
];

async function clerk(allow: readonly string[] = GRANTED): Promise<void> {
  await office.role('clerk', allow, [
    { id: 'review', action: 'shop.createPayment', when: { field: 'amount', gte: 200 }, effect: 'review' },
    {
      id: 'cap',
      action: 'shop.createPayment',
      when: { field: 'sum(usd, 24h)', lte: 1000 },
      effect: 'allow',
      otherwise: 'deny',
    },
    {
      id: 'mail',
      action: 'shop.createCustomer',
      when: { field: 'email', endsWith: '@acme.com' },
      effect: 'allow',
      otherwise: 'deny',
    },
    { id: 'never', action: 'shop.deleteTicket', when: { field: 'id', ne: '' }, effect: 'deny' },
  ]);
}

describe('from the document to what an agent may call', () => {
  it('makes 50 operations of it, off, with classes by method, and follows no address in it', async () => {
    const { status, body } = await putDocument(SHOP_DOCUMENT);
    expect(status).toBe(200);
    expect(body).toMatchObject({ operations: 50, changed: [], gone: [] });
    expect(body.added).toHaveLength(50);
    const all = await operations();
    expect(new Set(all.map(({ status: each }) => each))).toEqual(new Set(['off']));
    expect(all.filter(({ access }) => access === 'read')).toHaveLength(20);
    expect((await ask('GET', '/http/shop/customers')).status).toBe(404);
    expect(shop.seen).toEqual([]);
  });

  it('makes capabilities of what is approved, and grants them to nobody', async () => {
    await approveAll();
    const { body } = await office.call('GET', '/v1/capabilities?limit=200');
    const found = body.data.filter(({ name }: { name: string }) => name.startsWith('shop.'));
    expect(found).toHaveLength(50);
    const named = (name: string) => found.find((each: { name: string }) => each.name === name);
    expect(named('shop.deleteOrder')).toMatchObject({ access: 'write', destructive: true });
    expect(named('shop.createPayment')).toMatchObject({
      access: 'write',
      destructive: false,
      impact: { usd: { field: 'amount' } },
    });
    expect((await ask('GET', '/http/shop')).body.paths).toEqual({});
  });

  it('answers a hidden operation with the bytes of an absent one', async () => {
    const hidden = await ask('POST', '/http/shop/orders', { body: { customer: 'c', total: 1 } });
    const absent = await ask('POST', '/http/shop/nothing', { body: { customer: 'c', total: 1 } });
    const elsewhere = await ask('POST', '/http/nowhere/orders', { body: { customer: 'c', total: 1 } });
    expect(hidden.status).toBe(404);
    expect(hidden.text).toBe(absent.text);
    expect(hidden.text).toBe(elsewhere.text);
    const heads = [hidden, absent, elsewhere].map(({ headers: { date: _date, ...rest } }) => rest);
    expect(heads[0]).toEqual(heads[1]);
    expect(heads[0]).toEqual(heads[2]);
    expect(shop.seen).toEqual([]);
  });

  it('lists what is granted as an OpenAPI document', async () => {
    await clerk();
    const { body } = await ask('GET', '/http/shop');
    expect(Object.keys(body.paths).sort()).toEqual([
      '/customers',
      '/customers/{id}',
      '/payments',
      '/tickets',
      '/tickets/{id}',
    ]);
    expect(Object.keys(body.paths['/payments'])).toEqual(['post']);
    expect(Object.keys(body.components.schemas).sort()).toEqual(['NewCustomer', 'NewPayment', 'NewTicket']);
  });
});

describe('a call', () => {
  it('is forwarded with the same bytes and the credential, and its answer comes back without what is not for the agent', async () => {
    const text = '{ "name": "Caf\u00e9",\n "email":"a@acme.com" }';
    const answer = await ask('POST', '/http/shop/customers', {
      body: text,
      headers: { cookie: 'a=b', 'x-other': '1', accept: 'application/json' },
    });
    expect(answer.status).toBe(201);
    const sent = shop.seen.at(-1);
    expect(sent?.url).toBe('/api/customers');
    expect(Buffer.from(sent?.body ?? '', 'latin1').toString()).toBe(text);
    expect(sent?.headers.authorization).toBe(`Bearer ${KEY}`);
    expect(Object.keys(sent?.headers ?? {}).sort()).toEqual(
      [
        'accept',
        'accept-encoding',
        'authorization',
        'connection',
        'content-length',
        'content-type',
        'host',
        'user-agent',
      ].sort(),
    );
    expect(answer.headers['set-cookie']).toBeUndefined();
    expect(answer.headers['x-shop']).toBe('yes');
    expect(answer.headers.location).toBe(`/http/shop/customers/${answer.body.id}`);
    const event = await settledEvent(office, String(answer.headers['hivekey-event-id']));
    expect(event.event).toMatchObject({
      entrance: 'http',
      action: 'shop.createCustomer',
      tool: 'POST /customers',
      verdict: 'allow',
      args: { name: 'Café', email: 'a@acme.com' },
    });
    expect(event.result).toMatchObject({ outcome: 'success', upstream_code: 201 });
    expect((await ask('GET', String(answer.headers.location))).body.name).toBe('Café');
  });

  it('has its query written anew from what was decided', async () => {
    const answer = await ask('GET', '/http/shop/customers?q=a+b%2Fc&limit=5&ids=x,y');
    expect(answer.status).toBe(200);
    expect(shop.seen.at(-1)?.url).toBe('/api/customers?limit=5&ids=x,y&q=a%20b%2Fc');
  });

  it.each([
    ['a query that is not declared', 'GET', '/http/shop/customers?admin=1', undefined],
    ['a query given twice', 'GET', '/http/shop/customers?limit=1&limit=2', undefined],
    ['a query of another type', 'GET', '/http/shop/customers?limit=ten', undefined],
    ['a query out of bounds', 'GET', '/http/shop/customers?limit=101', undefined],
    ['a body without what is required', 'POST', '/http/shop/customers', '{"name":"x"}'],
    [
      'a member that is not declared',
      'POST',
      '/http/shop/customers',
      '{"name":"x","email":"a@acme.com","role":"admin"}',
    ],
    [
      'a member given twice',
      'POST',
      '/http/shop/customers',
      '{"name":"x","email":"a@acme.com","email":"b@evil.example"}',
    ],
    ['a body where none belongs', 'GET', '/http/shop/customers', '{}'],
    ['an amount at the bound', 'POST', '/http/shop/payments', '{"to":"a","amount":0}'],
  ])('is refused with %s', async (_what, method, path, body) => {
    const before = shop.seen.length;
    const answer = await ask(method, path, body === undefined ? {} : { body });
    expect(answer.status).toBe(400);
    expect(answer.body.code).toBe('arguments_invalid');
    expect(shop.seen).toHaveLength(before);
    expect((await settledEvent(office, answer.body.event_id)).event.verdict).toBe('deny');
  });

  it('is refused by a guard, with its rule and what would make it pass', async () => {
    const answer = await ask('POST', '/http/shop/customers', { body: { name: 'x', email: 'x@evil.example' } });
    expect(answer.status).toBe(403);
    expect(answer.headers['content-type']).toBe('application/problem+json');
    expect(answer.body).toMatchObject({ code: 'action_denied', reason_class: 'guard' });
    expect(answer.body.rule).toContain('mail');
    expect((await ask('DELETE', '/http/shop/tickets/tickets-1')).status).toBe(403);
  });

  it('says what the API said when that was an error', async () => {
    const answer = await ask('GET', '/http/shop/customers/nobody');
    expect(answer.status).toBe(404);
    expect(answer.body).toEqual({ error: 'no such thing' });
    const { result } = await settledEvent(office, String(answer.headers['hivekey-event-id']));
    expect(result).toMatchObject({ outcome: 'error', upstream_code: 404 });
  });

  it('may be a HEAD only where the document has one', async () => {
    for (const method of ['HEAD', 'OPTIONS', 'TRACE', 'PUT'])
      expect((await ask(method, '/http/shop/customers')).status).toBe(404);
  });
});

describe('a payment', () => {
  it('is held, approved, and carried out once from the stored bytes', async () => {
    const body = '{"to":"vendor", "amount": 300, "card": "4111"}';
    const held = await ask('POST', '/http/shop/payments', { body, headers: ASYNC });
    expect(held.status).toBe(202);
    expect(held.body).toMatchObject({ code: 'approval_pending', approval: { status: 'pending' } });
    expect(held.headers.location).toBe(held.body.approval.url);
    expect(held.headers['retry-after']).toBeDefined();
    expect((await ask('GET', held.body.approval.url)).body.status).toBe('pending');
    const again = await ask('POST', '/http/shop/payments', { body, headers: ASYNC });
    expect(again.body.approval.id).toBe(held.body.approval.id);
    const sent = shop.seen.length;

    const { body: asked } = await office.call('GET', `/v1/approvals/${held.body.approval.id}`);
    expect(asked).toMatchObject({ action: 'shop.createPayment', entrance: 'http', impact: { usd: 30_000 } });
    expect((await erin.approve(held.body.approval.id)).status).toBe(200);
    const [one, other] = await Promise.all([
      ask('POST', '/http/shop/payments', { body }),
      ask('POST', '/http/shop/payments', { body }),
    ]);
    expect([one.status, other.status]).toEqual([201, 201]);
    expect(one.text).toBe(other.text);
    expect(shop.seen.slice(sent).map((each) => each.body)).toEqual([body]);
    await eventually(async () => {
      const { body: over } = await office.call('GET', `/v1/approvals/${held.body.approval.id}`);
      return over.status === 'finished' && over.outcome === 'success' ? true : undefined;
    });
  });

  it('is not carried out when it was denied', async () => {
    const body = { to: 'vendor', amount: 250 };
    const { body: held } = await ask('POST', '/http/shop/payments', { body, headers: ASYNC });
    const sent = shop.seen.length;
    const waiting = ask('POST', '/http/shop/payments', { body });
    await erin.deny(held.approval.id, 'unknown payee');
    const answer = await waiting;
    expect(answer.status).toBe(403);
    expect(answer.body).toMatchObject({ code: 'approval_denied', approval: { id: held.approval.id } });
    expect(shop.seen).toHaveLength(sent);
  });

  it('is not carried out when the address changed after it was asked for', async () => {
    const body = { to: 'vendor', amount: 260 };
    const { body: held } = await ask('POST', '/http/shop/payments', { body, headers: ASYNC });
    await office.done('PATCH', '/v1/http/apis/shop', { timeout_seconds: 200 });
    await erin.approve(held.approval.id);
    const answer = await ask('POST', '/http/shop/payments', { body });
    expect(answer.status).toBe(403);
    expect(answer.body.code).toBe('action_denied');
    const { body: over } = await office.call('GET', `/v1/approvals/${held.approval.id}`);
    expect(over).toMatchObject({ status: 'stopped', stop_code: 'target_changed' });
    expect((await ask('POST', '/http/shop/payments', { body, headers: ASYNC })).status).toBe(202);
  });

  it('meets the cap', async () => {
    const pay = (amount: number) => ask('POST', '/http/shop/payments', { body: { to: 'vendor', amount } });
    for (let count = 0; count < 4; count += 1) expect((await pay(150)).status).toBe(201);
    const over = await pay(150);
    expect(over.status).toBe(403);
    expect(over.body).toMatchObject({ code: 'action_denied', reason_class: 'cap', remaining: 10_000 });
    expect(Number(over.headers['retry-after'])).toBeGreaterThan(0);
    expect((await pay(100)).status).toBe(201);
  });
});

describe('another document', () => {
  it('suspends what changed until it is approved, adds what is new as off, and lets go of what is gone', async () => {
    expect((await ask('GET', '/http/shop/customers')).status).toBe(200);
    const changed = SHOP_DOCUMENT.replace(
      'operationId: listCustomers\n      summary: Lists customers',
      'operationId: listCustomers\n      summary: Lists customers and their cards',
    ).replaceAll('operationId: getTicket\n', 'operationId: readTicket\n');
    const { body } = await putDocument(changed);
    expect(body).toMatchObject({
      added: ['shop.readTicket'],
      changed: ['shop.listCustomers'],
      gone: ['shop.getTicket'],
    });
    expect((await ask('GET', '/http/shop/customers')).status).toBe(404);
    expect((await ask('GET', '/http/shop/tickets/tickets-1')).status).toBe(404);
    const stale = await office.call('POST', '/v1/http/apis/shop/operations/shop.listCustomers/approve', {
      body: { pin: `sha256:${'0'.repeat(64)}` },
    });
    expect(stale.body.error.code).toBe('pin_mismatch');
    await putDocument(SHOP_DOCUMENT);
    // Also when it changed back: somebody has to look.
    expect((await ask('GET', '/http/shop/customers')).status).toBe(404);
    await approveAll();
    expect((await ask('GET', '/http/shop/customers')).status).toBe(200);
  });
});

describe('a stop', () => {
  /** Resolves with the first bytes; `cut` tells when the connection ended. */
  async function openSlow(token: string): Promise<{ readonly eventId: string; readonly cut: Promise<boolean> }> {
    const { hostname, port } = new URL(office.server.url);
    const sent = request({
      hostname,
      port,
      path: '/http/shop/tickets/slow',
      agent: false,
      headers: { authorization: `Bearer ${token}` },
    });
    sent.on('error', () => undefined);
    return new Promise((resolve) => {
      sent.on('response', (response) => {
        const cut = new Promise<boolean>((done) => response.on('close', () => done(!response.complete)));
        response.on('error', () => undefined);
        response.once('data', () => resolve({ eventId: String(response.headers['hivekey-event-id']), cut }));
      });
      sent.end();
    });
  }

  it('of the capability ends the call in flight, and says that its fate is unknown', async () => {
    const open = await openSlow(bot.token);
    const { body: stop } = await office.done('POST', '/v1/containments', {
      scope: 'tool',
      target: 'shop.getTicket',
      reason: 'drill',
    });
    expect(await open.cut).toBe(true);
    expect((await settledEvent(office, open.eventId)).result).toMatchObject({
      outcome: 'unknown',
      error_code: 'aborted_by_stop',
    });
    expect((await ask('GET', '/http/shop/tickets/slow')).body).toMatchObject({
      code: 'action_denied',
      reason_class: 'containment',
    });
    await office.done('POST', `/v1/containments/${stop.id}/lift`, { reason: 'over' });
  });

  it('of the agent ends calls in flight, and nothing of it begins afterwards', async () => {
    const doomed = await office.agent('doomed-bot', 'clerk');
    const calls = await Promise.all([openSlow(doomed.token), openSlow(doomed.token), openSlow(doomed.token)]);
    const { body: receipt } = await office.done('POST', `/v1/agents/${doomed.id}/revoke`, { reason: 'drill' });
    expect(receipt).toBeDefined();
    const sent = shop.seen.length;
    expect(await Promise.all(calls.map(({ cut }) => cut))).toEqual([true, true, true]);
    for (const { eventId } of calls) expect((await settledEvent(office, eventId)).result.outcome).toBe('unknown');
    const after = await agentOf(office.server.url, doomed.token)('GET', '/http/shop/customers');
    expect(after.status).toBe(401);
    expect(after.body.code).toBe('agent_revoked');
    expect(after.headers['www-authenticate']).toContain('invalid_token');
    expect(shop.seen).toHaveLength(sent);
  });

  it('on another node takes an API out of use, and what is in flight breaks here', async () => {
    const other = await startSecondNode(office);
    const open = await openSlow(bot.token);
    await other.done('POST', '/v1/http/apis/shop/disable', {});
    expect(await open.cut).toBe(true);
    expect((await settledEvent(office, open.eventId)).result.outcome).toBe('unknown');
    await other.done('POST', '/v1/http/apis/shop/enable', {});
    expect((await agentOf(other.server.url, bot.token)('GET', '/http/shop/customers')).status).toBe(200);
    await eventually(async () => ((await ask('GET', '/http/shop/customers')).status === 200 ? true : undefined));
    await other.close();
  });

  it('a disabled API is gone, and its namespace stays its own', async () => {
    await office.done('POST', '/v1/http/apis/shop/disable', {});
    expect((await ask('GET', '/http/shop/customers')).status).toBe(404);
    await office.done('POST', '/v1/http/apis/shop/enable', {});
    expect((await ask('GET', '/http/shop/customers')).status).toBe(200);
    const taken = await office.call('POST', '/v1/mcp/servers', {
      body: { namespace: 'shop', endpoint: shop.endpoint },
    });
    expect(taken.body.error.code).toBe('namespace_taken');
  });

  it('removed, it leaves nothing that could be called', async () => {
    const { body } = await office.done('DELETE', '/v1/http/apis/shop', undefined);
    expect(body.namespace).toBe('shop');
    expect((await ask('GET', '/http/shop/customers')).status).toBe(404);
    expect((await office.call('GET', '/v1/http/apis/shop')).status).toBe(404);
    const { body: capabilities } = await office.call('GET', '/v1/capabilities?limit=200');
    expect(capabilities.data.filter(({ name }: { name: string }) => name.startsWith('shop.'))).toEqual([]);
  });
});
