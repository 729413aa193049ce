/** Tie-outs: the log against what tools themselves say, from their files and over their APIs, and what does not tie. */
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import fc from 'fast-check';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { compare, type OwnCall } from '../../src/tie-outs/compare.ts';
import { readCsv } from '../../src/tie-outs/csv.ts';
import { CSV_MAPPINGS, listOfCsv } from '../../src/tie-outs/csv-lists.ts';
import type { ToolRow } from '../../src/tie-outs/rows.ts';
import { startWorkspace, type TestAgent, type Workspace } from '../actions/workspace.ts';
import { addWorkspace } from '../agents/second-workspace.ts';

const KEY = 'rk_test_read_only_4242';

interface Transaction {
  readonly id: string;
  readonly source: string;
  readonly amount: number;
  readonly currency: string;
  readonly created: number;
  readonly type: string;
  readonly status: string;
}

/** Speaks `GET /v1/balance_transactions` of Stripe and `GET /messages/outbound` of Postmark as they are documented. */
class Provider {
  transactions: Transaction[] = [];
  messages: { MessageID: string; ReceivedAt: string; Status: string }[] = [];
  pageSize = 2;
  /** Answered once before what is asked for. */
  limitOnce = true;
  requests: { url: string; authorization: string | undefined }[] = [];
  readonly #server: Server;

  constructor() {
    this.#server = createServer((request, response) => {
      const [status, body, headers = {}] = this.#answer(request);
      response.writeHead(status, { 'content-type': 'application/json', ...headers });
      response.end(JSON.stringify(body));
    });
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  #answer({ url = '', headers }: IncomingMessage): [number, object, Record<string, string>?] {
    this.requests.push({ url, authorization: headers.authorization });
    const { pathname, searchParams: query } = new URL(url, 'http://provider');
    if (pathname === '/messages/outbound') {
      if (headers['x-postmark-server-token'] !== KEY) return [401, { ErrorCode: 10 }];
      const offset = Number(query.get('offset'));
      return [
        200,
        {
          TotalCount: this.messages.length,
          Messages: this.messages.slice(offset, offset + Number(query.get('count'))),
        },
      ];
    }
    if (pathname !== '/v1/balance_transactions') return [404, { error: { type: 'invalid_request_error' } }];
    if (headers.authorization !== `Bearer ${KEY}`) return [401, { error: { type: 'invalid_request_error' } }];
    if (this.limitOnce) {
      this.limitOnce = false;
      return [429, { error: { type: 'rate_limit_error' } }, { 'retry-after': '0' }];
    }
    const after = query.get('starting_after');
    const within = this.transactions.filter(
      ({ created }) => created >= Number(query.get('created[gte]')) && created < Number(query.get('created[lt]')),
    );
    const start = after === null ? 0 : within.findIndex(({ id }) => id === after) + 1;
    const data = within.slice(start, start + this.pageSize);
    return [200, { object: 'list', data, has_more: start + this.pageSize < within.length, url: pathname }];
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

const provider = new Provider();
let url: string;
let workspace: Workspace;
let bot: TestAgent;
let person: string;
let period: { readonly from: string; readonly to: string };
let paidAt: number;

async function pay(n: number, reference: string | undefined): Promise<void> {
  const { body } = await workspace.call('POST', '/v1/actions', {
    key: bot.token,
    body: { action: 'payments.pay', arguments: { amount: n, to: `V-${n}` } },
  });
  await workspace.call('POST', `/v1/actions/${body.permit.id}/outcome`, {
    key: bot.token,
    body: { result: 'success', ...(reference === undefined ? {} : { reference }) },
  });
}

const charge = (n: number, change: Partial<Transaction> = {}): Transaction => ({
  id: `txn_${n}`,
  source: `ch_${n}`,
  amount: 100 * n,
  currency: 'usd',
  created: paidAt,
  type: 'charge',
  status: 'available',
  ...change,
});

const importing = (source: object, change: object = {}) =>
  workspace.call('POST', '/v1/tie-outs', { body: { tool: 'payments', ...period, source, ...change } });
const stripe = () => importing({ kind: 'stripe', credential: 'vault://stripe-read', url });

beforeAll(async () => {
  url = await provider.listen();
  workspace = await startWorkspace({ upstream_allow: ['127.0.0.1'] });
  await workspace.done('PUT', '/v1/secrets/stripe-read', { value: KEY });
  await workspace.capability('payments.pay', {
    impact: { usd: { field: 'amount', currency: 'USD' } },
    reference: 'id',
  });
  await workspace.role('payer', ['payments.pay']);
  bot = await workspace.agent('pay-bot', 'payer');
  const from = new Date(Math.floor(Date.now() / 1000) * 1000 - 60_000).toISOString();
  for (const n of [1, 2, 3, 4, 5]) await pay(n, `ch_${n}`);
  paidAt = Math.floor(Date.now() / 1000);
  period = { from, to: new Date((paidAt + 1) * 1000).toISOString() };
  await vi.waitFor(() => expect(Date.now()).toBeGreaterThan(Date.parse(period.to)), 5_000);
  const { body } = await workspace.done('POST', '/v1/keys', {
    name: 'sam',
    person: 'dana@acme.example',
    roles: ['admin'],
  });
  person = body.key;
}, 60_000);
afterAll(async () => {
  provider.close();
  await workspace.close();
});

describe('over the API of a payment provider', () => {
  it('is equal where it has what the log has, page by page, and leaves out what no call makes', async () => {
    provider.transactions = [1, 2, 3, 4, 5].map((n) => charge(n));
    provider.transactions.push(charge(6, { type: 'stripe_fee', source: 'fee_1' }));
    const { status, body } = await stripe();
    expect(status, JSON.stringify(body)).toBe(201);
    expect(body).toMatchObject({
      state: 'equal',
      compared_by: 'reference',
      matched: 5,
      rows: 6,
      rows_counted: 5,
      left_out: { 'type stripe_fee': 1 },
      ours: { count: 5, sums: { USD: 1_500 } },
      theirs: { count: 5, sums: { USD: 1_500 } },
      source: { kind: 'stripe', credential: 'vault://stripe-read', url },
    });
    expect(provider.requests.filter(({ url: asked }) => asked.includes('starting_after')).length).toBe(2);
    expect(JSON.stringify(body)).not.toContain(KEY);
  });

  it('lists what differs one by one, and a person says why; nothing of it goes away', async () => {
    provider.transactions = [
      charge(1),
      charge(2),
      charge(3, { amount: 301 }),
      charge(5),
      charge(9),
      charge(5, { id: 'txn_x' }),
    ];
    const { body } = await stripe();
    expect(body).toMatchObject({ state: 'different', differences: 4, matched: 4 });
    const path = `/v1/tie-outs/${body.id}/differences`;
    const { body: found } = await workspace.call('GET', path);
    expect(
      found.data.map(({ kind, reference, ours_minor: ours, theirs_minor: theirs }: Record<string, unknown>) => [
        kind,
        reference,
        ours,
        theirs,
      ]),
    ).toEqual([
      ['amount_differs', 'ch_3', 300, 301],
      ['only_here', 'ch_4', 400, null],
      ['twice_there', 'ch_5', null, 500],
      ['only_there', 'ch_9', null, 900],
    ]);
    const explain = (id: string, key: string) =>
      workspace.call('POST', `${path}/${id}/explain`, { key, body: { explanation: 'paid by hand on the day' } });
    expect((await explain(found.data[0].id, workspace.server.adminKey)).body.error.code).toBe('person_required');
    for (const { id } of found.data) expect((await explain(id, person)).status).toBe(200);
    expect((await workspace.call('GET', `/v1/tie-outs/${body.id}`)).body).toMatchObject({
      state: 'explained',
      explained: 4,
    });
    expect((await explain(found.data[0].id, person)).body.explanations).toHaveLength(2);
    for (const statement of [
      'DELETE FROM tie_outs',
      'UPDATE tie_outs SET differences = 0',
      'DELETE FROM tie_out_differences',
      "UPDATE tie_out_differences SET kind = 'only_here', explained_at = now()",
      'DELETE FROM tie_out_explanations',
      'UPDATE tie_out_rows SET amount_minor = 1',
    ])
      await expect(owner(statement)).rejects.toThrow(/append_only/);
  });

  it('is evidence, and says which tools were not compared', async () => {
    await workspace.capability('mail.send', { external: true });
    const { body } = await workspace.call(
      'GET',
      `/v1/evidence/reports/tool-tie-out?from=${period.from}&to=${period.to}`,
    );
    expect(body.tables.map(({ name, row_count: count }: { name: string; row_count: number }) => [name, count])).toEqual(
      [
        ['tool-tie-out', 2],
        ['tie-out-differences', 4],
        ['tie-out-coverage', 1],
      ],
    );
    const { body: coverage } = await workspace.call('GET', `/v1/tie-outs/coverage?from=${period.from}&to=${period.to}`);
    expect(coverage.data).toMatchObject([
      { tool: 'payments', moves: ['usd'], calls: 5, is_covered: true, covered_through: period.to, state: 'explained' },
    ]);
    const { body: longer } = await workspace.call(
      'GET',
      `/v1/tie-outs/coverage?from=${new Date(Date.parse(period.from) - 1_000).toISOString()}&to=${period.to}`,
    );
    expect(longer.data).toMatchObject([{ tool: 'payments', is_covered: false, covered_through: null }]);
  });

  it.each([
    ['tie_out_url_refused', 400, { url: 'http://169.254.169.254/' }],
    ['tie_out_url_invalid', 400, { url: 'ftp://127.0.0.1/' }],
    ['tie_out_unreachable', 502, { url: 'http://127.0.0.1:1' }],
    ['tie_out_refused', 502, { credential: 'vault://other' }],
    ['credential_unavailable', 400, { credential: 'vault://nowhere' }],
    ['tie_out_refused', 502, { kind: 'sendgrid' }],
  ])('answers %s, and keeps nothing', async (code, status, change) => {
    await workspace.done('PUT', '/v1/secrets/other', { value: 'rk_test_another_one' });
    const before = (await workspace.call('GET', '/v1/tie-outs')).body.data.length;
    const answer = await importing({ kind: 'stripe', credential: 'vault://stripe-read', url, ...change });
    expect([answer.body.error?.code, answer.status]).toEqual([code, status]);
    expect((await workspace.call('GET', '/v1/tie-outs')).body.data.length).toBe(before);
  });

  it('of mail counts messages where calls have no reference there', async () => {
    provider.messages = [1, 2, 3, 4, 5].map((n) => ({
      MessageID: `m-${n}`,
      ReceivedAt: new Date(paidAt * 1000).toISOString(),
      Status: 'Sent',
    }));
    const { body } = await importing(
      { kind: 'postmark', credential: 'vault://stripe-read', url },
      { capabilities: ['payments.none'] },
    );
    expect(body).toMatchObject({ compared_by: 'count', differences: 5, ours: { count: 0 }, theirs: { count: 5 } });
  });
});

describe('from a file', () => {
  const csv = (rows: readonly string[]) => ['when,ref,amount,cur,state', ...rows].join('\r\n');
  const mapping = {
    time: 'when',
    reference: 'ref',
    amount: 'amount',
    currency: 'cur',
    status: 'state',
    statuses: ['ok'],
  };

  it('has columns as somebody names them', async () => {
    const at = new Date(paidAt * 1000).toISOString();
    const rows = [1, 2, 3, 4, 5].map((n) => `${at},ch_${n},"${n}.00",USD,ok`);
    const { body } = await importing({
      kind: 'csv',
      file: 'out.csv',
      content: csv([...rows, `${at},ch_7,7,USD,failed`]),
      mapping,
    });
    expect(body).toMatchObject({
      state: 'equal',
      left_out: { 'status failed': 1 },
      source: { kind: 'csv', file: 'out.csv', mapping },
    });
    expect(body.source).not.toHaveProperty('content');
  });

  it.each([
    ['tie_out_csv_invalid', csv(['2026-01-01T00:00:00Z,ch_1,"1.00'])],
    ['tie_out_csv_invalid', csv(['2026-01-01T00:00:00Z,ch_1,1.001,USD,ok'])],
    ['tie_out_csv_invalid', csv(['yesterday,ch_1,1.00,USD,ok'])],
    ['tie_out_column_missing', 'a,b\n1,2\n'],
  ])('is refused as %s', async (code, content) => {
    expect((await importing({ kind: 'csv', content, mapping })).body.error.code).toBe(code);
  });

  it('of Stripe and of SendGrid is read as they write it', () => {
    const balance = `id,Type,Source,Amount,Fee,Net,Currency,Created (UTC)\ntxn_1,charge,ch_1,"1,234.50",1.00,1233.50,usd,2026-07-01 10:00\ntxn_2,stripe_fee,,-0.30,0,-0.30,usd,2026-07-01 10:00\n`;
    const [first, fee] = listOfCsv(balance, CSV_MAPPINGS.stripe_csv).rows;
    expect(first).toMatchObject({
      at: '2026-07-01T10:00:00.000Z',
      reference: 'ch_1',
      aliases: ['txn_1'],
      amountMinor: 123_450,
      currency: 'USD',
    });
    expect(fee).toMatchObject({ leftOut: 'type stripe_fee', amountMinor: 30 });
    const mail =
      'processed,message_id,event,email\n2026-07-01 10:00:00 UTC,m1,delivered,a@b\n2026-07-01 10:00:00 UTC,m2,drop,a@b\n';
    expect(
      listOfCsv(mail, CSV_MAPPINGS.sendgrid_csv).rows.map(({ reference, leftOut }) => [reference, leftOut]),
    ).toEqual([
      ['m1', undefined],
      ['m2', 'status drop'],
    ]);
  });

  it('reads whatever a writer of RFC 4180 wrote', () => {
    const cell = fc.string({ unit: 'grapheme', maxLength: 12 });
    fc.assert(
      fc.property(fc.array(fc.tuple(cell, cell), { maxLength: 12 }), fc.constantFrom('\n', '\r\n'), (rows, end) => {
        const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;
        const text = [['a', 'b'], ...rows].map((row) => row.map(quoted).join(',')).join(end);
        const read = readCsv(text, 100);
        expect(read.ok && read.rows.map((row) => [row.get('a'), row.get('b')])).toEqual(rows);
      }),
    );
    expect(readCsv('a\n1\n2\n', 1).ok).toBe(false);
  });
});

describe('a comparison', () => {
  const call = (n: number, change: Partial<OwnCall> = {}): OwnCall => ({
    eventId: `evt_${n}`,
    at: '2026-07-01T10:00:00.000Z',
    reference: `r${n}`,
    amountMinor: n,
    currency: 'USD',
    outcome: 'success',
    ...change,
  });
  const row = (n: number, change: Partial<ToolRow> = {}): ToolRow => ({
    at: '2026-07-01T10:00:00.000Z',
    reference: `r${n}`,
    aliases: [],
    type: '',
    status: '',
    amountMinor: n,
    currency: 'USD',
    quantity: 1,
    ...change,
  });

  it('is equal for one list, whatever its order, and finds each thing that is taken out or put in', () => {
    const numbers = fc.uniqueArray(fc.integer({ min: 1, max: 500 }), { maxLength: 30 });
    fc.assert(
      fc.property(numbers, numbers, (ours, theirs) => {
        const { differences, matched } = compare(
          ours.map((n) => call(n)),
          { kind: 'rows', rows: theirs.toReversed().map((n) => row(n)) },
        );
        const [only, there] = [ours.filter((n) => !theirs.includes(n)), theirs.filter((n) => !ours.includes(n))];
        expect(matched).toBe(ours.length - only.length);
        const kindOf = (kind: string) =>
          differences
            .filter((each) => each.kind === kind)
            .map(({ reference }) => reference)
            .sort();
        expect(kindOf('only_here')).toEqual(only.map((n) => `r${n}`).sort());
        expect(kindOf('only_there')).toEqual(there.map((n) => `r${n}`).sort());
      }),
    );
  });

  it('ties what has no reference by count and sum, and lists it one by one where it does not', () => {
    const unnamed = [call(1, { reference: null }), call(2, { reference: null, outcome: 'unknown' })];
    const rows = [row(2, { reference: null }), row(1, { reference: 'x' })];
    expect(compare(unnamed, { kind: 'rows', rows })).toMatchObject({
      comparedBy: 'count',
      matched: 2,
      differences: [],
    });
    const off = compare(unnamed, { kind: 'rows', rows: rows.slice(1) }).differences;
    expect(off.map(({ kind }) => kind)).toEqual(['only_here', 'only_here', 'only_there']);
    expect(off[1]?.words).toContain('not known');
  });

  it('of totals is by day', () => {
    const calls = [call(1), call(2), call(3, { at: '2026-07-02T23:59:59.999Z' })];
    const days = [row(0, { quantity: 2, reference: null }), row(0, { at: '2026-07-03T00:00:00.000Z', quantity: 1 })];
    expect(
      compare(calls, { kind: 'day', rows: days }).differences.map(({ at, oursCount, theirsCount }) => [
        at?.slice(8, 10),
        oursCount,
        theirsCount,
      ]),
    ).toEqual([
      ['02', 1, 0],
      ['03', 0, 1],
    ]);
  });
});

it('another workspace sees none of it', async () => {
  const other = await addWorkspace(workspace.server);
  const { body } = await workspace.call('GET', '/v1/tie-outs');
  expect((await workspace.call('GET', `/v1/tie-outs/${body.data[0].id}`, { key: other })).body.error.code).toBe(
    'tie_out_not_found',
  );
  expect((await workspace.call('GET', '/v1/tie-outs', { key: other })).body.data).toEqual([]);
});

async function owner(sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: workspace.server.ownerUrl });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
