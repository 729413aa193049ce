import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Answer } from '../api/client.ts';
import {
  eventually,
  settledEvent,
  startSecondNode,
  startWorkspace,
  type TestAgent,
  type Workspace,
} from './workspace.ts';

let workspace: Workspace;
let agents = 0;

async function prepare(permitSeconds: number): Promise<void> {
  workspace = await startWorkspace({ permit_seconds: permitSeconds });
  await workspace.capability('crm.sync', { description: 'Copies records.' });
  await workspace.role('sync', ['crm.sync']);
}

async function agent(): Promise<TestAgent> {
  agents += 1;
  return workspace.agent(`sync-${agents}`, 'sync');
}

const ask = ({ token: key }: TestAgent, at = workspace): Promise<Answer> =>
  at.call('POST', '/v1/actions', { key, body: { action: 'crm.sync' } });

const report = ({ token: key }: TestAgent, asked: Answer, result: string, at = workspace): Promise<Answer> =>
  at.call('POST', `/v1/actions/${asked.body.permit.id}/outcome`, { key, body: { result } });

/** How many results the log has for a call. */
async function resultsOf(eventId: string): Promise<{ outcome: string; error_code?: string }[]> {
  const { body } = await workspace.call('GET', '/v1/audit/events?kind=tool.result&order=asc&limit=200');
  return body.data.filter((event: { call_event_id: string }) => event.call_event_id === eventId);
}

describe('a permit of one second', () => {
  beforeAll(() => prepare(1));
  afterAll(() => workspace.close());

  it('expires as unknown, once, and a late report is told so', async () => {
    const holder = await agent();
    const asked = await ask(holder);
    const { result } = await settledEvent(workspace, asked.body.id);
    expect(result).toMatchObject({ outcome: 'unknown', error_code: 'permit_expired' });
    expect(await report(holder, asked, 'success')).toMatchObject({
      status: 410,
      body: { error: { code: 'permit_expired' } },
    });
    expect(await resultsOf(asked.body.id)).toHaveLength(1);
  });

  it('expires although its server went away meanwhile', async () => {
    const asked = await ask(await agent());
    workspace = await workspace.restart();
    const { result } = await settledEvent(workspace, asked.body.id);
    expect(result).toMatchObject({ outcome: 'unknown', error_code: 'permit_expired' });
    expect(await resultsOf(asked.body.id)).toHaveLength(1);
  });
});

describe('a permit of a minute', () => {
  beforeAll(() => prepare(60));
  afterAll(() => workspace.close());
  let second: Workspace | undefined;
  afterEach(async () => {
    await second?.close();
    second = undefined;
  });

  it('keeps nothing waiting at shutdown, and is good afterwards', async () => {
    const holder = await agent();
    const asked = await ask(holder);
    const before = performance.now();
    workspace = await workspace.restart();
    expect(performance.now() - before).toBeLessThan(1000 * workspace.server.config.shutdown_seconds);
    expect(await resultsOf(asked.body.id)).toEqual([]);
    expect((await report(holder, asked, 'success')).status).toBe(200);
    const { result } = await settledEvent(workspace, asked.body.id);
    expect(result).toMatchObject({ outcome: 'success' });
    expect(await resultsOf(asked.body.id)).toHaveLength(1);
  });

  it('is dead with its agent, which may still say what it did', async () => {
    const holder = await agent();
    const asked = await ask(holder);
    const stop = await workspace.call('POST', `/v1/agents/${holder.name}/revoke`, { body: { reason: 'drill' } });
    expect(stop.status).toBe(200);
    expect(stop.body.receipt.calls).toMatchObject([
      { event_id: asked.body.id, capability: 'crm.sync', fate: 'unknown' },
    ]);
    expect((await settledEvent(workspace, asked.body.id)).result).toMatchObject({
      outcome: 'unknown',
      error_code: 'aborted_by_stop',
    });

    expect(await ask(holder)).toMatchObject({ status: 401, body: { error: { code: 'agent_revoked' } } });
    expect((await report(holder, asked, 'success')).status).toBe(200);
    expect(await report(holder, asked, 'error')).toMatchObject({
      status: 401,
      body: { error: { code: 'agent_revoked' } },
    });
    const told = await eventually(async () => {
      const { body } = await workspace.call('GET', `/v1/audit/events/${asked.body.id}`);
      return body.result.outcome === 'unknown' ? undefined : body.result;
    });
    expect(told).toMatchObject({ outcome: 'success' });
  });

  it('is refused to a stopped tool', async () => {
    const holder = await agent();
    await workspace.call('POST', '/v1/containments', { body: { scope: 'tool', target: 'crm.sync', reason: 'drill' } });
    const refused = await ask(holder);
    expect(refused).toMatchObject({
      status: 403,
      body: { error: { code: 'action_denied' }, decision: { reason_class: 'containment' } },
    });
    const { body } = await workspace.call('GET', '/v1/containments?active=true');
    await workspace.call('POST', `/v1/containments/${body.data[0].id}/lift`, { body: {} });
    expect((await ask(holder)).status).toBe(200);
  });

  it('may be reported on any node, and is closed by one of them only', async () => {
    second = await startSecondNode(workspace);
    const elsewhere = second;

    const holder = await agent();
    const asked = await ask(holder);
    const reports = await Promise.all([workspace, elsewhere].map((at) => report(holder, asked, 'success', at)));
    expect(reports.map(({ status }) => status).sort()).toEqual([200, 409]);
    await settledEvent(workspace, asked.body.id);

    const far = await ask(holder, elsewhere);
    expect((await report(holder, far, 'error')).status).toBe(200);
    expect((await settledEvent(workspace, far.body.id)).result).toMatchObject({ outcome: 'error' });
    expect(await resultsOf(far.body.id)).toHaveLength(1);
  });
});
