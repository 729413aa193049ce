import { parseVerifierKey, verifyProof } from '@hivekey/action-log';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, settledEvent, startWorkspace, type TestAgent, type Workspace } from '../actions/workspace.ts';
import { download, entriesOf, verify } from './archive.ts';

let workspace: Workspace;
let agent: TestAgent;
const events: string[] = [];

async function act(target = 'staging'): Promise<string> {
  const body = { action: 'deploy', arguments: { target }, session_id: `ses-${target}` };
  return (await workspace.call('POST', '/v1/actions', { key: agent.token, body })).body.id;
}

/** A key of its own: once a minute for each reader a read is recorded. */
async function reader(): Promise<{ id: string; name: string; key: string }> {
  const name = `reader-${Math.random().toString(36).slice(2)}`;
  return (await workspace.call('POST', '/v1/keys', { body: { name } })).body;
}

beforeAll(async () => {
  workspace = await startWorkspace();
  await workspace.capability('deploy', {});
  await workspace.role(
    'ops',
    ['deploy'],
    [
      {
        id: 'staging-only',
        action: 'deploy',
        when: { field: 'target', eq: 'staging' },
        effect: 'allow',
        otherwise: 'deny',
      },
    ],
  );
  agent = await workspace.agent('ops-agent', 'ops');
  for (let i = 0; i < 5; i += 1) events.push(await act());
  events.push(await act('production'));
  const last = events.at(-1);
  await settledEvent(workspace, last ?? '');
});
afterAll(() => workspace.close());

describe('the list of events', () => {
  const list = async (query: string) => (await workspace.call('GET', `/v1/audit/events${query}`)).body;

  it('has flat events with place and hashes, newest first', async () => {
    const { object, data } = await list('?agent=ops-agent&kind=tool.call');
    expect(object).toBe('list');
    expect(data.map((event: { event_id: string }) => event.event_id)).toEqual(events.toReversed());
    expect(data[0]).toMatchObject({
      seq: expect.any(Number),
      kind: 'tool.call',
      agent: 'ops-agent',
      owner: 'dana@acme.example',
      verdict: 'deny',
      outcome: 'not_attempted',
      entry_hash: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
      prev_hash: expect.stringMatching(/^sha256:/),
      hash: expect.stringMatching(/^sha256:/),
    });
  });

  it.each([
    ['agent=ops-agent&verdict=deny', 1],
    ['action=deploy&verdict=allow', 5],
    ['session=ses-production', 1],
    ['owner=dana%40acme.example&kind=tool.call', 6],
    ['agent=nobody', 0],
    [`kind=tool.call&to=2020-01-01T00:00:00Z`, 0],
    [`kind=tool.call&from=2020-01-01T00:00:00%2B02:00`, 6],
  ])('by %s', async (query, count) => {
    expect((await list(`?${query}`)).data).toHaveLength(count);
  });

  it('is paged without a gap, with cursors nobody else can make', async () => {
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const page = await list(`?kind=tool.call&order=asc&limit=4${cursor === null ? '' : `&cursor=${cursor}`}`);
      seen.push(...page.data.map((event: { event_id: string }) => event.event_id));
      cursor = page.next_cursor;
      expect(page.has_more).toBe(cursor !== null);
    } while (cursor !== null);
    expect(seen).toEqual(events);

    const { next_cursor: mine } = await list('?kind=tool.call&limit=2');
    for (const query of [
      `?kind=tool.result&limit=2&cursor=${mine}`,
      `?kind=tool.call&limit=2&cursor=${mine}x`,
      '?cursor=c2VxOjE',
    ])
      expect(await list(query)).toMatchObject({ error: { code: 'cursor_invalid' } });
  });

  it.each(['limit=0', 'limit=201', 'verdict=maybe', 'from=yesterday', 'unknown=1'])('refuses %s', async (query) => {
    expect(await list(`?${query}`)).toMatchObject({ error: { code: 'request_invalid' } });
  });
});

describe('a single event', () => {
  it('comes with its result', async () => {
    const id = await act();
    const event = await eventually(async () => {
      const answer = await workspace.call('GET', `/v1/audit/events/${id}`);
      return answer.status === 200 ? answer.body : undefined;
    });
    expect(event).toMatchObject({ event: { event_id: id, verdict: 'allow' }, result: null });
  });

  it('has a proof that needs no server', async () => {
    const { body: proof } = await workspace.call('GET', `/v1/audit/events/${events[0]}/proof`);
    const { body } = await workspace.call('GET', '/v1/audit/key');
    const report = verifyProof(proof, parseVerifierKey(body.key));
    expect(report.findings).toEqual([]);
    expect(report.isVerified).toBe(true);
  });

  it.each(['', '/proof'])('that is not there is not found%s', async (suffix) => {
    const answer = await workspace.call('GET', `/v1/audit/events/evt_00000000000000000000000000${suffix}`);
    expect(answer).toMatchObject({ status: 404, body: { error: { code: 'event_not_found' } } });
  });

  it('stands under a checkpoint', async () => {
    const { body } = await workspace.call('GET', '/v1/audit/checkpoint');
    expect(body.checkpoint).toContain(`\n${body.tree_size}\n`);
    expect(body.tree_size).toBeGreaterThan(events.length);
  });
});

describe('who reads the log', () => {
  it('is on it, once for each question', async () => {
    const { id, name, key } = await reader();
    for (let i = 0; i < 3; i += 1) await workspace.call('GET', '/v1/audit/events?kind=tool.call&limit=2', { key });
    for (const event of events.slice(0, 2)) await workspace.call('GET', `/v1/audit/events/${event}`, { key });
    const reads = await eventually(async () => {
      const { body } = await workspace.call('GET', '/v1/audit/events?kind=log.read');
      const found = body.data.filter((event: { key_id: string }) => event.key_id === id);
      return found.length > 1 ? found : undefined;
    });
    expect(reads).toMatchObject([
      { actor: `key:${name}`, read: 'event', selection: { event: events[0] }, count: 1 },
      { actor: `key:${name}`, read: 'list', selection: { kind: 'tool.call' }, count: 2 },
    ]);
  });

  it('needs an admin key', async () => {
    for (const path of ['events', `events/${events[0]}`, 'stream', 'export', 'key', 'checkpoint']) {
      expect((await workspace.call('GET', `/v1/audit/${path}`, { key: null })).status).toBe(401);
      expect((await workspace.call('GET', `/v1/audit/${path}`, { key: agent.token })).status).toBe(401);
    }
  });
});

describe('an export', () => {
  it('verifies, and is on the log each time', async () => {
    const { body } = await workspace.call('GET', '/v1/audit/key');
    const files = await download(workspace.server.url, workspace.server.adminKey);
    const report = await verify(files, body.key);
    expect(report.findings).toEqual([]);
    expect(report).toMatchObject({ isVerified: true, isWhole: true });
    const exported = entriesOf(files).map(({ record }) => record.event_id);
    expect(exported).toEqual(expect.arrayContaining(events));

    await download(workspace.server.url, workspace.server.adminKey);
    const records = await eventually(async () => {
      const { body: list } = await workspace.call('GET', '/v1/audit/events?kind=log.exported&order=asc');
      return list.data.length === 2 ? list.data : undefined;
    });
    expect(records[0]).toMatchObject({
      first_seq: 1,
      last_seq: exported.length,
      actor: expect.stringMatching(/^key:/),
    });
  });

  it('of a period holds every entry of it', async () => {
    const { body } = await workspace.call('GET', '/v1/audit/events?kind=tool.call&order=asc&limit=2');
    const [, second] = body.data;
    const files = await download(workspace.server.url, workspace.server.adminKey, `?from=${second.ts}`);
    const { body: key } = await workspace.call('GET', '/v1/audit/key');
    expect(await verify(files, key.key)).toMatchObject({ isVerified: true, isWhole: false });
    const exported = entriesOf(files).map(({ record }) => record.event_id);
    expect(exported).toEqual(expect.arrayContaining(events.slice(1)));
  });

  it('of nothing is refused', async () => {
    const answer = await workspace.call('GET', '/v1/audit/export?to=2020-01-01T00:00:00Z');
    expect(answer).toMatchObject({ status: 404, body: { error: { code: 'log_range_empty' } } });
  });
});

interface Follower {
  readonly status: number;
  readonly received: { readonly id: string; readonly event: { seq: number; event_id: string; kind: string } }[];
  readonly ended: Promise<void>;
  stop(): void;
}

async function follow(
  query: string,
  key = workspace.server.adminKey,
  headers: Record<string, string> = {},
): Promise<Follower> {
  const controller = new AbortController();
  const response = await fetch(`${workspace.server.url}/v1/audit/stream${query}`, {
    headers: { authorization: `Bearer ${key}`, ...headers },
    signal: controller.signal,
  });
  const received: Follower['received'] = [];
  async function read(): Promise<void> {
    const decoder = new TextDecoder();
    let rest = '';
    for await (const chunk of response.body ?? []) {
      const parts = (rest + decoder.decode(chunk, { stream: true })).split('\n\n');
      rest = parts.pop() ?? '';
      for (const part of parts) {
        const [, id, data] = /^id: (\d+)\ndata: (.*)$/.exec(part) ?? [];
        if (id !== undefined && data !== undefined) received.push({ id, event: JSON.parse(data) });
      }
    }
  }
  const ended = read().catch(() => undefined);
  return { status: response.status, received, ended, stop: () => controller.abort() };
}

describe('the stream', () => {
  it('brings what is new, and goes on where it broke off', async () => {
    const first = await follow('?kind=tool.call');
    const before = [await act(), await act()];
    await eventually(async () => (first.received.length >= 2 ? true : undefined));
    first.stop();
    expect(first.received.map(({ event }) => event.event_id)).toEqual(before);

    const missed = [await act(), await act()];
    const second = await follow('?kind=tool.call', undefined, { 'last-event-id': first.received[1]?.id ?? '' });
    await eventually(async () => (second.received.length >= 2 ? true : undefined));
    expect(second.received.map(({ event }) => event.event_id)).toEqual(missed);
    second.stop();
  });

  it('from the beginning is the log itself, gapless', async () => {
    const stream = await follow('?from_seq=1');
    await eventually(async () => (stream.received.length >= 20 ? true : undefined));
    stream.stop();
    expect(stream.received.slice(0, 20).map(({ event }) => event.seq)).toEqual(
      Array.from({ length: 20 }, (_, i) => i + 1),
    );
  });

  it('ends when its key is revoked', async () => {
    const { id, key } = await reader();
    const stream = await follow('?from_seq=1', key);
    await eventually(async () => (stream.received.length > 0 ? true : undefined));
    await workspace.call('POST', `/v1/keys/${id}/revoke`, { body: {} });
    await stream.ended;
    expect((await follow('', key)).status).toBe(401);
  });

  it.each(['nonsense', '-1', '1.5'])('refuses Last-Event-ID %s', async (id) => {
    const answer = await workspace.call('GET', '/v1/audit/stream', { headers: { 'last-event-id': id } });
    expect(answer).toMatchObject({ status: 400, body: { error: { code: 'last_event_id_invalid' } } });
  });
});
