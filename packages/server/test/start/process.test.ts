/** The process: first start, restart, a second one beside it, SIGTERM and SIGKILL with a call in flight. */
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { newDatabase } from '../../../../test/setup/database.ts';
import { type Answer, type Client, clientOf } from '../api/client.ts';
import { failToStart, type ServerProcess, startProcess } from './process.ts';
import { startWaitingUpstream, type WaitingUpstream } from './waiting-upstream.ts';

let folder: string;
let running: ServerProcess | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hivekey-process-'));
});
afterEach(async () => {
  await running?.end('SIGTERM');
  running = undefined;
  rmSync(folder, { recursive: true, force: true });
});

async function start(settings: Record<string, string> = {}): Promise<Client> {
  running = await startProcess(folder, settings);
  return clientOf({ url: running.url, adminKey: readFileSync(join(folder, 'admin.key'), 'utf8').trim() });
}

async function end(signal: NodeJS.Signals) {
  const ended = await running?.end(signal);
  running = undefined;
  return ended;
}

/** Records of a kind, oldest first, once there are `count`. */
async function records(call: Client, kind: string, count: number) {
  const read = async () => (await call('GET', `/v1/audit/events?kind=${kind}&order=asc`)).body.data;
  await expect.poll(async () => (await read()).length).toBeGreaterThanOrEqual(count);
  return read();
}

describe('with the embedded database', () => {
  it('starts, prints the first key once, and starts again on what it left', async () => {
    let call = await start();
    expect(running?.adminKey).toBe(readFileSync(join(folder, 'admin.key'), 'utf8').trim());
    await expect.poll(() => existsSync(join(folder, 'checkpoints'))).toBe(true);
    for (const file of ['admin.key', 'secret.key', 'log.key', 'node.id', 'checkpoints'])
      expect([file, statSync(join(folder, file)).mode & 0o777]).toEqual([file, 0o600]);
    expect((await call('GET', '/readyz')).body).toEqual({ ready: true, problems: [] });
    const { body: first } = await call('GET', '/v1/system');
    expect(await end('SIGTERM')).toEqual({ code: 0, signal: null });

    call = await start();
    expect(running?.output()).not.toContain('hk_live_');
    const { body: second } = await call('GET', '/v1/system');
    expect(second.node).toBe(first.node);
    const started = await records(call, 'system.started', 2);
    const stopped = await records(call, 'system.stopped', 1);
    expect([started.length, stopped.length]).toEqual([2, 1]);
    expect(started[0].seq).toBeLessThan(stopped[0].seq);
    expect(stopped[0].seq).toBeLessThan(started[1].seq);
  });

  it('refuses to run twice on one data folder; the first goes on, and its end lets the next one start', async () => {
    const call = await start();
    const { code, output } = await failToStart(folder);
    expect(output).toMatch(/^hivekey: already_running: [^\n]+\n$/);
    expect(code).toBe(1);
    expect((await call('GET', '/readyz')).status).toBe(200);
    expect(await end('SIGKILL')).toEqual({ code: null, signal: 'SIGKILL' });
    // The database outlived the kill and is taken over.
    const again = await start();
    expect((await again('GET', '/readyz')).status).toBe(200);
    expect((await records(again, 'system.started', 2)).length).toBe(2);
  });
});

describe('with a call in flight', () => {
  let upstream: WaitingUpstream;
  let database: ReturnType<typeof newDatabase>;
  beforeEach(async () => {
    upstream = await startWaitingUpstream();
    database = newDatabase();
  });
  afterEach(async () => {
    upstream.close();
    await running?.end('SIGTERM');
    running = undefined;
    await database.drop();
  });

  const startHere = (settings: Record<string, string> = {}) =>
    start({
      HIVEKEY_DATABASE_URL: database.url,
      HIVEKEY_UPSTREAM_ALLOW: '127.0.0.1',
      ...settings,
    });

  async function done(answer: Promise<Answer>): Promise<Answer['body']> {
    const { status, body } = await answer;
    if (status < 300) return body;
    throw new Error(`${status} ${JSON.stringify(body)}`);
  }

  /** A granted agent's call of the tool that waits, when it has reached the tool. */
  async function callTool(call: Client): Promise<{ readonly answer: Promise<string> }> {
    await done(call('POST', '/v1/mcp/servers', { body: { namespace: 'slow', endpoint: upstream.url } }));
    const { data } = await done(call('GET', '/v1/mcp/servers/slow/definitions'));
    const [{ capability, name, pin }] = data;
    const definition = `/v1/mcp/servers/slow/definitions/${capability}`;
    await done(call('POST', `${definition}/approve`, { body: { pin, access: 'read' } }));
    const role = {
      apiVersion: 'policy.hivekey.ai/v1',
      kind: 'Role',
      metadata: { name: 'waiter' },
      scope: { allow: [capability] },
    };
    await done(call('PUT', '/v1/roles/waiter', { body: role }));
    await done(call('POST', '/v1/agents', { body: { name: 'slow', role: 'waiter', owner: 'dana@acme.example' } }));
    const { token } = await done(call('POST', '/v1/tokens', { body: { agent: 'slow' } }));
    const answer = call('POST', '/mcp', {
      key: token,
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        'mcp-protocol-version': '2026-07-28',
        'mcp-method': 'tools/call',
        'mcp-name': name,
      },
      body: {
        jsonrpc: '2.0',
        id: 1,
        method: 'tools/call',
        params: {
          name,
          arguments: {},
          _meta: {
            'io.modelcontextprotocol/protocolVersion': '2026-07-28',
            'io.modelcontextprotocol/clientCapabilities': {},
          },
        },
      },
    }).then(
      ({ status, body }) => `${status} ${JSON.stringify(body)}`,
      (error: unknown) => String(error),
    );
    await Promise.race([upstream.called, answer.then((text) => Promise.reject(new Error(text)))]);
    return { answer };
  }

  it('lets it end when it is told to stop', async () => {
    const call = await startHere();
    const { answer } = await callTool(call);
    const ending = end('SIGTERM');
    // Nothing new is taken any more; then the call comes to its end.
    await expect
      .poll(() =>
        call('GET', '/readyz').then(
          () => 'answers',
          () => 'refused',
        ),
      )
      .toBe('refused');
    upstream.release();
    expect(await answer).toContain('waited to the end');
    expect(await ending).toEqual({ code: 0, signal: null });
    const [result] = await records(await startHere(), 'tool.result', 1);
    expect(result.outcome).toBe('success');
  });

  it('aborts it when it takes too long, and records that its fate is unknown', async () => {
    const call = await startHere({ HIVEKEY_SHUTDOWN_SECONDS: '1' });
    const { answer } = await callTool(call);
    expect(await end('SIGTERM')).toEqual({ code: 0, signal: null });
    expect(await answer).toContain('not known whether it took effect');
    const [result] = await records(await startHere(), 'tool.result', 1);
    expect(result.outcome).toBe('unknown');
  });

  it('is killed, starts again, and records that its fate is unknown', async () => {
    const call = await startHere();
    await callTool(call);
    expect(await end('SIGKILL')).toEqual({ code: null, signal: 'SIGKILL' });
    const again = await startHere();
    const [result] = await records(again, 'tool.result', 1);
    expect(result.outcome).toBe('unknown');
    expect((await again('GET', '/readyz')).status).toBe(200);
  });
});
