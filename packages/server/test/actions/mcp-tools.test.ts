import { afterAll, beforeAll, expect, it } from 'vitest';
import { startUpstream, type Upstream } from '../../../../test/faults/upstream.ts';
import { eventually, startWorkspace, type TestAgent, type Workspace } from './workspace.ts';

let upstream: Upstream;
let workspace: Workspace;
let granted: TestAgent;
let other: TestAgent;

beforeAll(async () => {
  upstream = await startUpstream();
  workspace = await startWorkspace({ upstream_allow: ['127.0.0.0/8'] });
  await workspace.done('POST', '/v1/mcp/servers', {
    namespace: 'tally',
    endpoint: upstream.url,
    default_access: 'read-write',
  });
  await eventually(async () => {
    const { body } = await workspace.call('GET', '/v1/mcp/servers/tally/definitions');
    return body.data.some(({ status }: { status: string }) => status === 'live') ? true : undefined;
  });
  await workspace.role('actor', ['tally.act']);
  await workspace.role('nothing', []);
  granted = await workspace.agent('granted', 'actor');
  other = await workspace.agent('other', 'nothing');
});
afterAll(async () => {
  await workspace.close();
  await upstream.close();
});

const ask = ({ token: key }: TestAgent) =>
  workspace.call('POST', '/v1/actions', { key, body: { action: 'tally.act', arguments: { id: '1' } } });

it('gives no permit for the tool of an MCP server, which runs through the gateway', async () => {
  expect(await ask(granted)).toMatchObject({
    status: 403,
    body: { error: { code: 'action_denied', remedy: expect.stringContaining('/mcp') }, decision: { rule: 'entrance' } },
  });
  expect(await ask(other)).toMatchObject({ status: 403, body: { error: { code: 'action_unknown' } } });
  const { body } = await workspace.call('GET', '/v1/actions/capabilities', { key: granted.token });
  expect(body.data).toEqual([]);
  expect(upstream.tally).toEqual([]);
});

it('decides about it for an enforcement point, with the schema that the gateway uses', async () => {
  const evaluate = async (properties: object) => {
    const { body } = await workspace.call('POST', '/access/v1/evaluation', {
      headers: { 'content-type': 'application/json' },
      body: {
        subject: { type: 'agent', id: 'granted' },
        action: { name: 'tally.act', properties },
        resource: { type: 'ledger', id: '1' },
      },
    });
    return body;
  };
  expect(await evaluate({ id: '1' })).toMatchObject({ decision: true });
  expect(await evaluate({})).toMatchObject({ decision: false, context: { rule: 'input schema' } });
});
