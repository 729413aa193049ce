/** Asking the log: every filter against the records themselves, counts that are the rows, and what is kept of a question. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addWorkspace } from '../agents/second-workspace.ts';
import type { Answer } from '../api/client.ts';
import { type ChangesWorld, openChanges, type Person } from '../changes/world.ts';

type Event = Answer['body'];

let world: ChangesWorld;
let owner: pg.Client;
let dana: Person;
let erin: Person;
let agentId: string;
let all: Event[];

beforeAll(async () => {
  world = await openChanges();
  owner = new pg.Client({ connectionString: world.server.ownerUrl });
  await owner.connect();
  dana = await world.person('dana', ['operator']);
  erin = await world.person('erin', ['viewer']);
  for (const name of ['crm.read', 'crm.write', 'pay.out']) await world.capability(name);
  await world.role(
    'support',
    ['crm.read', 'crm.write', 'pay.out'],
    [
      { id: 'small', action: 'pay.out', when: { field: 'amount', gte: 500 }, effect: 'deny' },
      { id: 'asked', action: 'pay.out', when: { field: 'amount', gte: 100 }, effect: 'review' },
    ],
  );
  ({ id: agentId } = await world.agent('one-bot', { owner: dana.email }));
  await world.agent('two-bot', { owner: erin.email });
  const [one, two] = [await world.token('one-bot'), await world.token('two-bot')];
  const act = (key: string, action: string, args: object, more: object = {}) =>
    world.call('POST', '/v1/actions', {
      key,
      headers: { prefer: 'respond-async' },
      body: { action, arguments: args, ...more },
    });
  for (let n = 0; n < 6; n += 1) {
    await act(
      one,
      'crm.read',
      { table: n % 2 === 0 ? 'customers' : '100%_sure' },
      { session_id: 'ses-1', run_id: 'run-1' },
    );
    await act(two, 'crm.write', { table: 'orders' }, { session_id: 'ses-2' });
  }
  await act(one, 'pay.out', { amount: 700 }, { run_id: 'run-2' });
  await act(one, 'pay.out', { amount: 200 }, { run_id: 'run-2' });
  await act(two, 'crm.purge', {});
  await world.ok('POST', '/v1/agents/two-bot/quarantine', { reason: 'odd' });
  await world.events('kind=quarantine.entered', 1);
  all = await everything('order=asc');
});
afterAll(async () => {
  await owner.end();
  await world.server.close();
});

const now = () => new Date().toISOString();

/** All pages of a list. */
async function everything(query: string, limit = 7): Promise<Event[]> {
  const found: Event[] = [];
  let cursor = '';
  do {
    const page = await world.ok('GET', `/v1/audit/events?${query}&limit=${limit}${cursor}`);
    found.push(...page.data);
    cursor = page.next_cursor === null ? '' : `&cursor=${encodeURIComponent(page.next_cursor)}`;
  } while (cursor !== '');
  return found;
}

const words = (event: Event, text: string) =>
  typeof event.reason === 'string' && event.reason.toLowerCase().includes(text);
const middle = () => all[Math.floor(all.length / 2)].ts;

/** Filter, and what it means. */
const FILTERS: readonly (readonly [string, () => Record<string, string>, (event: Event) => boolean])[] = [
  ['an agent by handle', () => ({ agent: 'one-bot' }), ({ agent_id: id }) => id === agentId],
  ['an agent by id', () => ({ agent: agentId }), ({ agent_id: id }) => id === agentId],
  ['an owner', () => ({ owner: erin.email }), ({ owner: mail }) => mail === erin.email],
  ['a capability', () => ({ action: 'crm.write' }), ({ action }) => action === 'crm.write'],
  ['a verdict', () => ({ verdict: 'deny' }), ({ verdict }) => verdict === 'deny'],
  [
    'a verdict of an agent',
    () => ({ verdict: 'allow', agent: 'two-bot' }),
    ({ verdict, agent }) => verdict === 'allow' && agent === 'two-bot',
  ],
  ['a class of reasons', () => ({ reason_class: 'guard' }), ({ reason_class: of }) => of === 'guard'],
  ['the class of what is granted', () => ({ reason_class: 'granted' }), ({ reason_class: of }) => of === 'granted'],
  ['a tool', () => ({ tool: 'crm.read' }), ({ tool, kind }) => tool === 'crm.read' && kind === 'tool.call'],
  [
    'results of a tool',
    () => ({ tool: 'crm.read', kind: 'tool.result' }),
    ({ tool, kind }) => tool === 'crm.read' && kind === 'tool.result',
  ],
  ['a kind', () => ({ kind: 'agent.created' }), ({ kind }) => kind === 'agent.created'],
  ['calls', () => ({ kind: 'tool.call' }), ({ kind }) => kind === 'tool.call'],
  ['a session', () => ({ session: 'ses-2' }), ({ session_id: id }) => id === 'ses-2'],
  ['a run', () => ({ run: 'run-2' }), ({ run_id: id }) => id === 'run-2'],
  ['a time', () => ({ from: middle() }), ({ ts }) => ts >= middle()],
  ['the time before', () => ({ to: middle() }), ({ ts }) => ts < middle()],
  ['words of reasons', () => ({ q: 'GRANTED' }), (event) => words(event, 'granted')],
  [
    'words of refusals',
    () => ({ q: 'scope', verdict: 'deny' }),
    (event) => words(event, 'scope') && event.verdict === 'deny',
  ],
  ['no pattern', () => ({ q: '%' }), (event) => words(event, '%')],
  [
    'words of arguments',
    () => ({ args: 'CUSTOMERS' }),
    ({ args, kind }) => kind === 'tool.call' && JSON.stringify(args).includes('customers'),
  ],
  [
    'no pattern of arguments',
    () => ({ args: '0%_s' }),
    ({ args, kind }) => kind === 'tool.call' && JSON.stringify(args).includes('0%_s'),
  ],
  ['nothing', () => ({ agent: 'nobody' }), () => false],
];

describe('a filter', () => {
  it.each(FILTERS)('of %s selects what the records say, in either order', async (_, query, isMeant) => {
    const text = new URLSearchParams({ to: all.at(-1).ts, ...query() }).toString();
    const until = (event: Event) => event.ts < (query().to ?? all.at(-1).ts);
    const expected = all.filter((event) => until(event) && isMeant(event)).map(({ seq }) => seq);
    expect((await everything(`${text}&order=asc`, 200)).map(({ seq }) => seq)).toEqual(expected);
    expect((await everything(`${text}&order=desc`)).map(({ seq }) => seq)).toEqual(expected.toReversed());
  });

  it('of an approval selects the held call and every step of it', async () => {
    const [request] = await world.events('kind=approval.requested', 1);
    const found = await everything(`approval=${request.approval_id}&order=asc`);
    expect(found.map(({ kind }) => kind)).toEqual(['tool.call', 'approval.requested']);
  });

  it('of everything about an agent has its calls, its tokens and what was done to it', async () => {
    const found = await everything(`about=two-bot&order=asc`);
    const kinds = found.map(({ kind }) => kind);
    for (const kind of [
      'agent.created',
      'token.minted',
      'object.versioned',
      'tool.call',

      'quarantine.entered',
    ])
      expect(kinds).toContain(kind);
    expect(
      found.every(
        ({ agent, object_id: id, agent_id: of }) => agent === 'two-bot' || id !== undefined || of === undefined,
      ),
    ).toBe(true);
    expect(found.map(({ seq }) => seq)).toEqual(found.map(({ seq }) => seq).toSorted((a, b) => a - b));
    expect(found.some(({ agent }) => agent === 'one-bot')).toBe(false);
  });

  it('gives pages that do not move when entries come', async () => {
    const first = await world.ok('GET', '/v1/audit/events?kind=tool.call&limit=3');
    await world.act(await world.token('one-bot'), 'crm.read', { table: 'late' });
    await world.events('args=late', 1);
    const second = await world.ok(
      'GET',
      `/v1/audit/events?kind=tool.call&limit=3&cursor=${encodeURIComponent(first.next_cursor)}`,
    );
    const seqs = [...first.data, ...second.data].map(({ seq }: Event) => seq);
    expect(seqs).toEqual([...new Set(seqs)].toSorted((a, b) => b - a));
  });
});

describe('counts', () => {
  const differences = async () => {
    const { rows } = await owner.query(
      `WITH expected AS (
         SELECT d.grain, d.dimension, d.value, date_trunc(d.grain, r.ts, 'UTC') AS at, r.kind, coalesce(r.verdict, '') AS verdict, count(*) AS n
           FROM actions r CROSS JOIN LATERAL log_counted(r.agent_id, r.owner, r.action, r.reason_class, r.record) d
          GROUP BY 1, 2, 3, 4, 5, 6),
       kept AS (SELECT grain, dimension, value, at, kind, verdict, n FROM log_counts WHERE n <> 0)
       SELECT * FROM expected e FULL JOIN kept k USING (grain, dimension, value, at, kind, verdict) WHERE e.n IS DISTINCT FROM k.n`,
    );
    return rows;
  };

  it('are what the rows say, whatever becomes of the rows', async () => {
    expect(await differences()).toEqual([]);
    await owner.query('BEGIN');
    await owner.query(`DELETE FROM actions WHERE seq % 3 = 0`);
    expect(await differences()).toEqual([]);
    await owner.query(`UPDATE actions SET owner = NULL, record = record - 'namespace' WHERE seq % 2 = 0`);
    expect(await differences()).toEqual([]);
    await owner.query(`UPDATE actions SET outcome = 'unknown'`);
    await owner.query(
      "INSERT INTO actions SELECT workspace_id, seq + 1000000, ts + interval '1 month', event_id, kind, agent_id, agent, agent_seq, owner, action, verdict, reason_class, reason, outcome, call_event_id, session_id, policy, shard_id, shard_seq, entry_hash, prev_hash, hash, record FROM actions",
    );
    expect(await differences()).toEqual([]);
    await owner.query('DELETE FROM actions');
    const { rows } = await owner.query('SELECT count(*)::int AS n FROM log_counts');
    expect(rows[0].n).toBe(0);
    await owner.query('ROLLBACK');
  });

  it('make a histogram of each counted thing that has as many as the list, and as counting row by row', async () => {
    for (const query of [
      '',
      'agent=one-bot',
      `owner=${erin.email}`,
      'action=crm.write',
      'reason_class=guard',
      'kind=tool.call&verdict=allow',
      'verdict=deny&agent=one-bot',
    ]) {
      const histogram = await world.ok('GET', `/v1/audit/histogram?bucket=day&${query}`);
      expect(histogram.source, query).toBe('counted');
      const listed = await everything(`${query}&to=${encodeURIComponent(now())}`, 200);
      // Reading is on the log too.
      const isClosed = query.includes('=') && !query.startsWith('kind');
      if (isClosed) expect(histogram.total, query).toBe(listed.length);
      const minutes = await world.ok('GET', `/v1/audit/histogram?bucket=minute&${query}`);
      expect(minutes.source).toBe('scanned');
      if (isClosed) expect(minutes.total, query).toBe(histogram.total);
      for (const { total, allow, deny, review, none } of histogram.buckets)
        expect(total).toBe(allow + deny + review + none);
    }
    const both = await world.ok('GET', '/v1/audit/histogram?agent=one-bot&action=crm.read');
    expect(both).toMatchObject({
      source: 'scanned',
      total: (await everything('agent=one-bot&action=crm.read')).length,
    });
    const year = await world.ok(
      'GET',
      `/v1/audit/histogram?bucket=minute&from=2026-01-01T00:00:00Z&to=${encodeURIComponent(now())}`,
    );
    expect((year.to - year.from) / year.bucket_seconds).toBeLessThanOrEqual(760);
  });

  it('name the most frequent values, counted or looked for', async () => {
    const from = encodeURIComponent(new Date(Date.now() - 7 * 86_400_000).toISOString());
    const facet = (query: string) => world.ok('GET', `/v1/audit/facets?from=${from}&${query}`);
    const actions = await facet('by=action&kind=tool.call');
    expect(actions).toMatchObject({ source: 'counted', by: 'action' });
    expect(actions.top[0]).toMatchObject({ value: 'crm.read', name: null });
    const agents = await facet('by=agent&kind=tool.call&limit=1');
    expect(agents).toMatchObject({ values: 2, top: [{ value: agentId, name: 'one-bot' }] });
    expect(await facet('by=verdict&agent=one-bot&kind=tool.call')).toMatchObject({ source: 'counted', values: 3 });
    const ofOne = await facet('by=action&agent=one-bot&kind=tool.call');
    expect(ofOne).toMatchObject({ source: 'scanned', values: 2 });
    expect(ofOne.top.map(({ value }: Event) => value)).toEqual(['crm.read', 'pay.out']);
  });

  it('say in numbers everything that an agent did', async () => {
    const activity = await world.ok('GET', '/v1/audit/activity?agent=one-bot');
    const mine = await everything('agent=one-bot', 200);
    const calls = mine.filter(({ kind }) => kind === 'tool.call');
    expect(activity).toMatchObject({ agent: 'one-bot', agent_id: agentId, entries: mine.length, complete: true });
    expect(activity.verdicts).toEqual({
      allow: calls.filter(({ verdict }) => verdict === 'allow').length,
      deny: 1,
      review: 1,
    });
    expect(activity.calls).toMatchObject({
      decisions: calls.length,
      missing: 0,
      first_seq: calls.at(-1).seq,
      last_event: calls[0].event_id,
      owners: [{ owner: dana.email }],
      tokens: 2,
      on_behalf: 0,
    });
    expect(activity.calls.actions[0]).toMatchObject({ action: 'crm.read', deny: 0, review: 0 });
    expect(await world.refused('GET', '/v1/audit/activity?agent=nobody')).toBe('agent_not_found');
  });
});

describe('a file of what a query selects', () => {
  it('has what the list has, oldest first, and is on the log', async () => {
    const listed = await everything('agent=two-bot&order=asc', 200);
    const file = async (format: string) =>
      (await world.call('GET', `/v1/audit/events/export?agent=two-bot&format=${format}`)).body;
    const lines = (await file('jsonl'))
      .trimEnd()
      .split('\n')
      .map((line: string) => JSON.parse(line));
    expect(lines).toEqual(listed);
    const rows = (await file('csv')).trimEnd().split('\r\n');
    expect(rows).toHaveLength(listed.length + 1);
    expect(rows[1]).toContain(listed[0].event_id);
    const [record] = await world.events('kind=log.exported', 2);
    expect(record).toMatchObject({ format: 'csv', selection: { agent: 'two-bot' } });
  });

  it('can be Parquet, which DuckDB reads as a table with a column for each field', async () => {
    const listed = await everything('agent=one-bot&kind=tool.call&order=asc', 200);
    const response = await fetch(
      `${world.server.url}/v1/audit/events/export?agent=one-bot&kind=tool.call&format=parquet`,
      {
        headers: { authorization: `Bearer ${world.server.adminKey}` },
      },
    );
    const file = join(world.server.config.data, 'entries.parquet');
    await writeFile(file, Buffer.from(await response.arrayBuffer()));
    const duck = await DuckDBInstance.create();
    const connection = await duck.connect();
    const read = await connection.runAndReadAll(`SELECT seq, verdict FROM read_parquet('${file}') ORDER BY seq`);
    const rows = read.getRowObjects();
    expect(rows.map(({ seq, verdict }) => [Number(seq), verdict])).toEqual(
      listed.map(({ seq, verdict }) => [seq, verdict]),
    );
    connection.closeSync();
    duck.closeSync();
  });
});

describe('reading', () => {
  it.each(['histogram', 'facets?by=kind', 'activity?agent=one-bot'])('of %s is itself on the log', async (what) => {
    const { key, name } = await world.ok('POST', '/v1/keys', { name: `reader-${what.slice(0, 4)}` });
    await world.ok('GET', `/v1/audit/${what}`, undefined, { key });
    const reads = await world.events('kind=log.read&limit=200', 1);
    await expect
      .poll(async () =>
        (await world.ok('GET', '/v1/audit/events?kind=log.read&limit=200')).data.map(
          ({ actor, read }: Event) => `${actor} ${read}`,
        ),
      )
      .toContain(`key:${name} ${what.split('?')[0]}`);
    expect(reads.length).toBeGreaterThan(0);
  });

  it('that would take too long ends with what to do', async () => {
    const blocker = new pg.Client({ connectionString: world.server.ownerUrl });
    await blocker.connect();
    await blocker.query('BEGIN; LOCK TABLE actions IN ACCESS EXCLUSIVE MODE');
    const [wide, slow] = await Promise.all([
      world.call('GET', '/v1/audit/histogram?agent=one-bot&action=crm.read', { key: dana.key }),
      world.call('GET', '/v1/audit/events?agent=one-bot', { key: dana.key }),
    ]);
    await blocker.query('ROLLBACK');
    await blocker.end();
    expect(wide).toMatchObject({ status: 422, body: { error: { code: 'log_query_wide' } } });
    expect(slow).toMatchObject({ status: 503, body: { error: { code: 'log_query_slow' } } });
    expect((await world.ok('GET', '/v1/audit/events?agent=one-bot')).data.length).toBeGreaterThan(0);
  }, 20_000);
});

describe('a kept query', () => {
  const query = (change: object = {}) => ({ name: 'Refused', filter: { verdict: 'deny' }, ...change });
  const as = (by: Person) => ({ key: by.key });

  it('is one’s own until it is shared, and each change is on the log', async () => {
    const mine = await world.ok('POST', '/v1/audit/queries', query(), as(dana));
    expect(mine).toMatchObject({ name: 'Refused', owner: dana.email, mine: true, shared: false });
    const names = async (by: Person) =>
      (await world.ok('GET', '/v1/audit/queries', undefined, as(by))).data.map(({ id }: Event) => id);
    expect(await names(erin)).not.toContain(mine.id);
    expect(await world.refused('PUT', `/v1/audit/queries/${mine.id}`, query(), as(erin))).toBe('query_not_found');
    expect(await world.refused('DELETE', `/v1/audit/queries/${mine.id}`, undefined, as(erin))).toBe('query_not_found');
    await world.ok('PUT', `/v1/audit/queries/${mine.id}`, query({ shared: true, last_seconds: 3_600 }), as(dana));
    expect(await names(erin)).toContain(mine.id);
    expect(await world.refused('PUT', `/v1/audit/queries/${mine.id}`, query(), as(erin))).toBe('query_not_found');
    expect(await world.refused('POST', '/v1/audit/queries', query({ name: 'refused', shared: true }), as(erin))).toBe(
      'query_name_taken',
    );
    expect(await world.refused('POST', '/v1/audit/queries', query({ filter: { verdicts: 'deny' } }), as(erin))).toBe(
      'request_invalid',
    );
    expect(
      await world.refused('POST', '/v1/audit/queries', query({ filter: { from: now() }, last_seconds: 60 }), as(erin)),
    ).toBe('request_invalid');
    expect(await world.refused('POST', '/v1/audit/queries', query())).toBe('person_required');
    const stranger = { key: await addWorkspace(world.server) };
    expect((await world.ok('GET', '/v1/audit/queries', undefined, stranger)).data).toEqual([]);
    expect(await world.refused('PUT', `/v1/audit/queries/${mine.id}`, query(), stranger)).toBe('query_not_found');
    expect(await world.refused('DELETE', `/v1/audit/queries/${mine.id}`, undefined, stranger)).toBe('query_not_found');
    expect((await world.ok('GET', '/v1/audit/histogram', undefined, stranger)).total).toBeLessThan(5);
    expect(await world.refused('GET', '/v1/audit/activity?agent=one-bot', undefined, stranger)).toBe('agent_not_found');
    await world.ok('DELETE', `/v1/audit/queries/${mine.id}`);
    const records = await world.events('kind=log_query.changed', 3);
    expect(records.map(({ change, person }) => [change, person])).toEqual([
      ['removed', undefined],
      ['replaced', dana.email],
      ['saved', dana.email],
    ]);
    const { data } = await world.ok('GET', '/v1/audit/presets');
    expect(data[0]).toMatchObject({ name: 'everything-an-agent-did', needs: ['about'] });
  });
});
