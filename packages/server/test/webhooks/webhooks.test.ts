import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { eventually, startSecondNode, startWorkspace, type TestAgent, type Workspace } from '../actions/workspace.ts';
import type { Answer } from '../api/client.ts';
import { isSigned, type Received, type Receiver, startReceiver } from './receiver.ts';

let workspace: Workspace;
let agent: TestAgent;
let receiver: Receiver;

beforeAll(async () => {
  receiver = await startReceiver();
  workspace = await startWorkspace({ upstream_allow: ['127.0.0.0/8'] });
  await receiver.close();
  await workspace.capability('deploy', {});
  await workspace.role('ops', ['deploy']);
  agent = await workspace.agent('ops-agent', 'ops');
});
afterAll(() => workspace.close());
beforeEach(async () => {
  receiver = await startReceiver();
});
afterEach(async () => {
  const { body } = await workspace.call('GET', '/v1/webhooks');
  for (const { id } of body.data) await workspace.call('DELETE', `/v1/webhooks/${id}`);
  await receiver.close();
});

const register = (events: readonly string[], url = receiver.url): Promise<Answer> =>
  workspace.call('POST', '/v1/webhooks', { body: { url, events } });
const shown = async (id: string) => {
  const { body } = await workspace.call('GET', '/v1/webhooks');
  return body.data.find((webhook: { id: string }) => webhook.id === id);
};
const act = async (n: number): Promise<string> => {
  const body = { action: 'deploy', arguments: { n } };
  return (await workspace.call('POST', '/v1/actions', { key: agent.token, body })).body.id;
};
const got = (count: number): Promise<Received[]> =>
  eventually(async () => (receiver.received.length >= count ? receiver.received.slice(0, count) : undefined));

describe('a webhook', () => {
  it('is posted the records of its kinds, signed, in order', async () => {
    const { status, body } = await register(['tool.call']);
    expect(status).toBe(201);
    expect(body).toMatchObject({
      object: 'webhook',
      events: ['tool.call'],
      status: 'active',
      secret: expect.stringMatching(/^whsec_/),
    });
    const ids: string[] = [];
    for (let n = 0; n < 20; n += 1) ids.push(await act(n));
    const received = await got(20);
    expect(received.map(({ id }) => id)).toEqual(ids);
    for (const each of received) {
      expect(isSigned(each, body.secret)).toBe(true);
      expect(Math.abs(each.timestamp - Date.now() / 1000)).toBeLessThan(60);
      expect(each.event).toMatchObject({
        type: 'tool.call',
        data: { event_id: each.id, seq: expect.any(Number), agent: 'ops-agent' },
      });
    }
  });

  it('shows its secret once', async () => {
    const { body } = await register(['*']);
    const view = await shown(body.id);
    expect(view).toMatchObject({ id: body.id, url: receiver.url, disabled_reason: null, failures: 0 });
    expect(JSON.stringify(view)).not.toContain('whsec_');
    const secrets = await workspace.call('GET', '/v1/secrets');
    expect(JSON.stringify(secrets.body)).not.toContain(body.secret);
  });

  it('keeps its secret where no route and no server can name it', async () => {
    const { body } = await register(['*']);
    const { data } = (await workspace.call('GET', '/v1/secrets')).body;
    expect(data).toEqual([]);
    const name = 'webhook:0123456789abcdef';
    const over = await workspace.call('PUT', `/v1/secrets/${encodeURIComponent(name)}`, {
      body: { value: 'x'.repeat(32) },
    });
    expect([over.status, over.body.error.code]).toEqual([400, 'secret_name_invalid']);
    const server = {
      namespace: 'thief',
      endpoint: receiver.url,
      allow_private: true,
      credential_ref: `vault://${name}`,
    };
    const read = await workspace.call('POST', '/v1/mcp/servers', { body: server });
    expect([read.status, read.body.error.code]).toEqual([400, 'credential_ref_invalid']);
    expect(body.secret).toMatch(/^whsec_/);
  });

  it('of all kinds is posted everything, its own registration first', async () => {
    const { body } = await register(['*']);
    await act(0);
    const received = await eventually(async () =>
      receiver.received.some(({ event }) => event.type === 'tool.call') ? receiver.received : undefined,
    );
    const own = received.find(({ event }) => event.type === 'webhook.changed' && event.data.webhook === body.id);
    expect(own?.event.data).toMatchObject({ change: 'created', actor: expect.stringMatching(/^key:/) });
    const seqs = received.map(({ event }) => Number(event.data.seq));
    expect(seqs).toEqual(seqs.map((_, i) => (seqs[0] ?? 0) + i));
  });

  it('stops when it is deleted', async () => {
    const { body } = await register(['tool.call']);
    await act(0);
    await got(1);
    expect((await workspace.call('DELETE', `/v1/webhooks/${body.id}`)).status).toBe(204);
    const other = await register(['tool.call']);
    const id = await act(1);
    await eventually(async () =>
      receiver.received.some((each) => each.id === id && isSigned(each, other.body.secret)) ? true : undefined,
    );
    expect(
      receiver.received.filter((each) => each.id === id && isSigned(each, body.secret)).length,
    ).toBeLessThanOrEqual(1);
    expect((await workspace.call('DELETE', `/v1/webhooks/${body.id}`)).status).toBe(404);
  });

  it('goes on after a restart where it was', async () => {
    await register(['tool.call']);
    const before = await act(0);
    await got(1);
    workspace = await workspace.restart();
    const after = await act(1);
    const ids = await eventually(async () => {
      const seen = receiver.received.map(({ id }) => id);
      return seen.includes(after) ? seen : undefined;
    });
    // At least once: what was delivered last may come again.
    expect([...new Set(ids)]).toEqual([before, after]);
  });
});

describe('two nodes', () => {
  it('deliver each event once', async () => {
    const second = await startSecondNode(workspace);
    try {
      const { body } = await register(['tool.call']);
      const ids: string[] = [];
      for (let n = 0; n < 20; n += 1) ids.push(await act(n));
      expect((await got(20)).map(({ id }) => id)).toEqual(ids);
      await eventually(async () => {
        const { delivered_seq: seq } = await shown(body.id);
        return seq >= Number(receiver.received.at(-1)?.event.data.seq) ? true : undefined;
      });
      expect(receiver.received).toHaveLength(20);
    } finally {
      await second.close();
    }
  });
});

describe('a receiver that fails', () => {
  it('for more than a day is disabled with the reason', async () => {
    receiver.answer = () => 500;
    const { body } = await register(['tool.call']);
    await act(0);
    await eventually(async () => ((await shown(body.id)).failures > 0 ? true : undefined));
    const owner = new pg.Client({ connectionString: workspace.server.ownerUrl });
    await owner.connect();
    await owner.query(
      `UPDATE webhooks SET failing_since = now() - interval '25 hours', retry_at = now() WHERE id = $1`,
      [body.id],
    );
    await owner.end();
    const view = await eventually(async () => {
      const found = await shown(body.id);
      return found.status === 'disabled' ? found : undefined;
    });
    expect(view.disabled_reason).toMatch(/^failing since .*: the receiver answered 500$/);
  });

  it('is tried again with the same event, and misses nothing', async () => {
    let refusals = 2;
    receiver.answer = () => {
      refusals -= 1;
      return refusals >= 0 ? 500 : 204;
    };
    const { body } = await register(['tool.call']);
    const ids = [await act(0), await act(1)];
    const received = await got(4);
    expect(received.map(({ id }) => id)).toEqual([ids[0], ids[0], ids[0], ids[1]]);
    const view = await eventually(async () => {
      const found = await shown(body.id);
      return found.failures === 0 && found.delivered_at !== null ? found : undefined;
    });
    expect(view).toMatchObject({ status: 'active', last_error: null, failing_since: null });
  });

  it('says so meanwhile', async () => {
    receiver.answer = () => 503;
    const { body } = await register(['tool.call']);
    await act(0);
    const view = await eventually(async () => {
      const found = await shown(body.id);
      return found.failures > 0 ? found : undefined;
    });
    expect(view).toMatchObject({
      status: 'active',
      last_error: 'the receiver answered 503',
      retry_at: expect.any(Number),
      failing_since: expect.any(Number),
    });
  });

  it('is not followed elsewhere', async () => {
    receiver.answer = () => 307;
    const { body } = await register(['tool.call']);
    await act(0);
    const view = await eventually(async () => {
      const found = await shown(body.id);
      return found.failures > 0 ? found : undefined;
    });
    expect(view.last_error).toContain('redirects are not followed');
  });

  it('and wants no more (410) is disabled with the reason, and can be enabled', async () => {
    receiver.answer = () => 410;
    const { body } = await register(['tool.call']);
    const id = await act(0);
    const view = await eventually(async () => {
      const found = await shown(body.id);
      return found.status === 'disabled' ? found : undefined;
    });
    expect(view.disabled_reason).toBe('the receiver wants no more (410)');
    const record = await eventually(async () => {
      const { body: list } = await workspace.call('GET', '/v1/audit/events?kind=webhook.changed&limit=1');
      return list.data[0]?.change === 'disabled' ? list.data[0] : undefined;
    });
    expect(record).toMatchObject({ webhook: body.id, actor: 'system' });

    receiver.answer = () => undefined;
    const enabled = await workspace.call('POST', `/v1/webhooks/${body.id}/enable`, { body: {} });
    expect(enabled).toMatchObject({ status: 200, body: { status: 'active', disabled_reason: null, failures: 0 } });
    await eventually(async () => (receiver.received.filter((each) => each.id === id).length > 1 ? true : undefined));
  });
});

describe('an address', () => {
  it.each([
    ['http://hooks.acme.example/x', 'webhook_url_invalid'],
    ['ftp://hooks.acme.example/x', 'webhook_url_invalid'],
    ['https://user:word@hooks.acme.example/x', 'webhook_url_invalid'],
    ['https://hooks.acme.example/x#part', 'webhook_url_invalid'],
    ['nonsense', 'webhook_url_invalid'],
    ['https://169.254.169.254/latest/meta-data', 'webhook_url_refused'],
    ['https://10.0.0.1/x', 'webhook_url_refused'],
    ['https://[::ffff:10.0.0.1]/x', 'webhook_url_refused'],
    ['https://[fd00:ec2::254]/x', 'webhook_url_refused'],
  ])('%s is refused as %s', async (url, code) => {
    expect(await register(['*'], url)).toMatchObject({ status: 400, body: { error: { code } } });
  });

  it.each([[[]], [['tool.called']], [['tool.*']]])('with the events %j is refused', async (events) => {
    expect((await register(events)).status).toBe(400);
  });
});
